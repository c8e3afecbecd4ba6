// Each time the caller spoke over the agent: how soon the agent was silent, as the page measured it, and what it was.
//
// Invariant: a line is there once its measure is; the audio thread tells what it rendered a little later.

import { causeWords } from "../call/words.js";
import { el, wholeMs } from "./dom.js";

/** What was rendered is told within this time. */
const TOLD_WITHIN_S = 0.12;

/** Lines that are kept; beyond, the oldest go. */
const MAX_LINES = 500;

export class BargeInsView {
  constructor(list) {
    this.list = list;
    this.waiting = [];
    this.silences = [];
    /** When each reply went on last. */
    this.resumed = new Map();
  }

  clear() {
    [this.waiting, this.silences] = [[], []];
    this.resumed.clear();
    this.list.replaceChildren();
  }

  /** A message that came at this frame. */
  take(message, frame) {
    if (message.type === "resume") this.resumed.set(message.reply, frame);
    if (message.type === "barge_in") this.waiting.push({ message, frame, before: this.#before(message) });
  }

  /** Measures what can be measured by now. */
  tick(measure, frame) {
    const isDue = (waiting) => frame - waiting.frame >= TOLD_WITHIN_S * measure.contextRate;
    for (const { message, before } of this.waiting.filter(isDue)) {
      this.#add(message, measure.silenceMs(message.reply, message.onset_position, before));
    }
    this.waiting = this.waiting.filter((waiting) => !isDue(waiting));
  }

  /** What was rendered from here on is not the sound that the caller spoke over. */
  #before({ decision, reply }) {
    return decision === "resumed" ? (this.resumed.get(reply) ?? Infinity) : Infinity;
  }

  #add(message, silenceMs) {
    // Where the agent was silent already there was nothing to stop.
    if (silenceMs > 0) this.silences.push(silenceMs);
    const isCommitted = message.decision === "committed";
    const figure = el("span", { class: "figure" }, wholeMs(silenceMs), el("span", { class: "unit" }, " ms"));
    const noticed = `noticed after ${wholeMs(message.noticed_ms - message.onset_ms)} ms, decided after ${wholeMs(message.decided_ms - message.onset_ms)} ms`;
    const words = `${isCommitted ? "took the turn" : "went on"}: ${causeWords(message.cause)}`;
    const attributes = { "data-silence-ms": silenceMs?.toFixed(1), "data-decision": message.decision, "data-reply": message.reply };
    this.list.prepend(el("li", attributes, figure, el("span", { class: "said" }, words), el("span", { class: "note" }, noticed)));
    if (this.list.childElementCount > MAX_LINES) this.list.lastElementChild.remove();
  }
}

// What is shown of a call while it runs and after it.
//
// Invariant: every message goes to every part that it concerns, in order; the parts know nothing of each other.

import { percentile } from "../model/measure.js";
import { byId, wholeMs } from "./dom.js";
import { AfterView } from "./after.js";
import { BargeInsView } from "./barge-ins.js";
import { CountersView } from "./counters.js";
import { TimelineView } from "./timeline.js";
import { TranscriptView } from "./transcript.js";
import { WaterfallView } from "./waterfall.js";

/** The rendered part of a turn is told this much later than its `turn` message at most. */
const TOLD_WITHIN_S = 0.12;

export class CallView {
  /** `openLog(name, text)` shows a log. */
  constructor(api, openLog) {
    this.timeline = new TimelineView(byId("timeline"));
    this.transcript = new TranscriptView(byId("transcript"), byId("transcript-scroller"));
    this.waterfall = new WaterfallView(byId("turns"), byId("voice-to-voice"));
    this.bargeIns = new BargeInsView(byId("barge-ins"));
    this.counters = new CountersView(byId("counters"));
    this.after = new AfterView(api, openLog);
    this.waitingTurns = [];
    const zoom = byId("zoom");
    if (matchMedia("(max-width: 520px)").matches) zoom.value = "6";
    const apply = () => this.timeline.show(Number(zoom.value));
    zoom.addEventListener("change", apply);
    // A browser may restore a place of another call.
    byId("back").value = "0";
    byId("back").addEventListener("input", ({ target }) => this.timeline.lookBack(Number(target.value)));
    apply();
  }

  /** A new call: nothing of the last one is left. */
  begin() {
    for (const part of [this.transcript, this.waterfall, this.bargeIns, this.counters, this.after]) part.clear();
    this.timeline.clear(48_000);
    byId("back").value = "0";
    [this.waitingTurns, this.firstHeard, this.isBegun] = [[], new Set(), false];
    this.#percentiles();
  }

  message(live, message, frame) {
    if (message.type === "ready") this.#begun(live);
    this.transcript.take(message);
    this.bargeIns.take(message, frame);
    this.#mark(live.measure, message, frame);
    if (message.type === "turn") this.waitingTurns.push({ turn: message, frame });
    if (message.type === "cost") this.counters.cost(message);
  }

  peaks(side, frame, peaks) {
    if (this.isBegun) this.timeline.peaks(side, frame, peaks);
  }

  /** Called some times a second while the call runs. */
  tick(live) {
    if (!this.isBegun) return;
    const frame = live.engine.frame;
    this.#measureTurns(live.measure, frame);
    this.bargeIns.tick(live.measure, frame);
    this.counters.show(live);
    this.#markFirstAudio(live);
    byId("clock").textContent = clock((performance.now() - this.beganMs) / 1000);
  }

  ended(live) {
    if (!this.isBegun) return;
    this.#measureTurns(live.measure, Infinity);
    this.bargeIns.tick(live.measure, Infinity);
    this.after.show(live, { voiceToVoice: this.waterfall.measured, silences: this.bargeIns.silences });
  }

  #begun(live) {
    this.timeline.clear(live.engine.rate);
    this.beganMs = performance.now();
    this.isBegun = true;
  }

  #measureTurns(measure, frame) {
    const isDue = (waiting) => frame - waiting.frame >= TOLD_WITHIN_S * measure.contextRate;
    for (const { turn } of this.waitingTurns.filter(isDue)) {
      this.waterfall.add(turn, measure.voiceToVoiceMs(turn.reply, turn.speech_end_position));
      this.#percentiles();
    }
    this.waitingTurns = this.waitingTurns.filter((waiting) => !isDue(waiting));
  }

  #percentiles() {
    const { measured } = this.waterfall;
    byId("p50").textContent = wholeMs(percentile(measured, 0.5) ?? NaN);
    byId("p95").textContent = wholeMs(percentile(measured, 0.95) ?? NaN);
  }

  #mark(measure, message, frame) {
    const { timeline } = this;
    switch (message.type) {
      case "speaking":
        if (message.who === "caller" && message.on) timeline.mark("onset", measure.callerFrame(message.position ?? NaN));
        break;
      case "pause":
      case "resume":
        timeline.mark(message.type, frame);
        break;
      case "gap":
        timeline.mark("gap", frame - (message.away_ms / 1000) * measure.contextRate);
        timeline.mark("back", frame);
        break;
      case "barge_in":
        if (message.decision === "committed") timeline.mark("barge_in", frame);
        break;
      case "turn":
        if (message.eot_ms !== null) timeline.mark("eot", measure.eotFrame(message));
        break;
    }
  }

  /** A reply that is heard for the first time: the newest voice-to-voice time is known before the turn is over. */
  #markFirstAudio({ rendered, measure }) {
    const run = rendered.runs.at(-1);
    if (!run || this.firstHeard.has(run.reply)) return;
    this.firstHeard.add(run.reply);
    this.timeline.mark("first_audio", rendered.firstFrame(run.reply));
    const ms = measure.answerMs(run.reply);
    if (ms !== null) this.waterfall.large.textContent = wholeMs(ms);
  }
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

// What was said, as it is said.
//
// Invariant: a turn of the caller and a reply of the agent are one line each, replaced by what comes later about them. Of a
// reply, what was heard and what was cut off are told apart by words and by form, not by colour alone.

import { el, followEnd } from "./dom.js";
import { causeWords, gapWords, problemWords } from "../call/words.js";

/** Lines that are kept; beyond, the oldest go. */
const MAX_LINES = 2_000;

const OUTCOMES = Object.freeze({
  barged_in: "interrupted",
  failed: "failed",
  call_ended: "cut off by the end of the call",
});

export class TranscriptView {
  constructor(list, scroller) {
    Object.assign(this, { list, scroller });
    this.lines = new Map();
    /** How often each tool was begun. */
    this.tools = new Map();
  }

  clear() {
    this.lines.clear();
    this.tools.clear();
    this.list.replaceChildren();
  }

  take(message) {
    const show = {
      transcript: () => this.#caller(message),
      agent_text: () => this.#agent(message),
      barge_in: () => this.#bargeIn(message),
      gap: () => this.#ofTheLine("gap", gapWords(message.away_ms)),
      error: () => this.#ofTheLine("error", problemWords(message)),
      tool: () => this.#tool(message),
    }[message.type];
    if (show) followEnd(this.scroller, show);
  }

  #caller({ turn, text, final }) {
    if (text === "" && !this.lines.has(`caller ${turn}`)) return;
    this.#dropUnfinished(turn);
    const line = this.#line(`caller ${turn}`, { "data-who": "caller", "data-turn": turn }, "Caller");
    const words = el("span", { class: final ? "said" : "interim" }, text);
    line.body.replaceChildren(words, final ? "" : note("still speaking"));
  }

  #agent({ turn, reply, text, heard, outcome }) {
    if (!this.lines.has(`agent ${reply}`)) this.#dropUnheard(turn);
    if (outcome === "superseded") return this.#drop(`agent ${reply}`);
    const line = this.#line(`agent ${reply}`, { "data-who": "agent", "data-turn": turn, "data-reply": reply }, "Agent");
    const rest = text.slice(heard.length);
    const isOver = Boolean(outcome);
    const parts = [el("span", { class: "heard" }, heard)];
    if (rest !== "") parts.push(isOver ? el("s", { class: "cut" }, rest) : el("span", { class: "coming" }, rest));
    if (OUTCOMES[outcome]) parts.push(note(OUTCOMES[outcome]));
    line.body.replaceChildren(...parts);
    if (isOver) line.item.dataset.outcome = outcome;
  }

  /** Words that became no turn: another one has begun, or they were not meant for the agent. */
  #dropUnfinished(turn = null) {
    for (const [key, { item }] of this.lines) {
      if (item.dataset.who === "caller" && item.dataset.turn !== String(turn) && item.querySelector(".interim")) this.#drop(key);
    }
  }

  /** Another attempt at the turn: one that nobody has heard anything of was none. */
  #dropUnheard(turn) {
    for (const [key, { item }] of this.lines) {
      const isOfTurn = item.dataset.who === "agent" && item.dataset.turn === String(turn);
      if (isOfTurn && !item.dataset.outcome && item.querySelector(".heard")?.textContent === "") this.#drop(key);
    }
  }

  #drop(key) {
    this.lines.get(key)?.item.remove();
    this.lines.delete(key);
  }

  #bargeIn({ reply, decision, cause }) {
    if (decision === "resumed") this.#dropUnfinished();
    const line = this.lines.get(`agent ${reply}`);
    if (!line) return;
    const words = decision === "committed" ? `⟂ interrupted: ${causeWords(cause)}` : `↻ paused and went on: ${causeWords(cause)}`;
    line.item.append(el("p", { class: "mark", "data-decision": decision }, words));
  }

  #ofTheLine(what, words) {
    this.#append(el("li", { "data-who": what }, el("p", { class: "gap" }, words)));
  }

  #tool({ name, state }) {
    if (state === "started") this.tools.set(name, (this.tools.get(name) ?? 0) + 1);
    const line = this.#line(`tool ${name} ${this.tools.get(name)}`, { "data-who": "tool" }, "Tool");
    line.body.replaceChildren(el("code", {}, name), " ", note(state));
  }

  #line(key, attributes, who) {
    const known = this.lines.get(key);
    if (known) return known;
    const body = el("p", {});
    const item = el("li", attributes, el("span", { class: "who" }, who), body);
    const line = { item, body };
    this.lines.set(key, line);
    this.#append(item);
    return line;
  }

  #append(item) {
    this.list.append(item);
    if (this.list.childElementCount > MAX_LINES) this.list.firstElementChild.remove();
  }
}

function note(words) {
  return el("span", { class: "note" }, words);
}

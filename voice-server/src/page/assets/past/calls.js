// The tenant's calls that are over or run, newest first, a page at a time; one of them in full beside the list.
//
// Invariant: the list is asked for when it is looked at, and says so when it cannot be had; an answer to an older question
// than the last changes nothing.

import { el, wholeMs } from "../view/dom.js";
import { duration, when } from "./format.js";
import { CallDetail } from "./detail.js";

const PAGE_ROWS = 25;

export class PastCalls {
  /** `openLog(name, text)` shows a log. */
  constructor(root, api, openLog) {
    this.api = api;
    this.asked = 0;
    this.list = el("ol", { id: "past-list", class: "past-list" });
    this.note = el("p", { class: "empty", role: "status" });
    this.more = el("button", { type: "button", hidden: true, click: () => this.#older() }, "Older calls");
    const refresh = el("button", { type: "button", click: () => this.load() }, "Refresh");
    const bar = el("div", { class: "bar-of-section" }, el("h2", { id: "past-title" }, "Past calls"), refresh);
    const section = el("section", { "aria-labelledby": "past-title" }, bar, this.list, this.note, this.more);
    const detail = el("section", { id: "past-detail", "aria-label": "The chosen call", tabindex: "-1" });
    detail.append(el("p", { class: "empty" }, "Choose a call to read it, hear it and see where its time went."));
    root.append(el("div", { class: "columns past" }, section, detail));
    this.detail = new CallDetail(detail, api, openLog);
  }

  /** Begins again with the newest. */
  async load() {
    this.cursor = null;
    this.more.hidden = true;
    await this.#page((items) => this.list.replaceChildren(...items));
  }

  /** What is heard of a recording stops: nobody sees it, or a microphone would hear it. */
  pause() {
    this.detail.replay?.pause();
  }

  /** Whoever had the button has the first of what it brought. */
  async #older() {
    const hadFocus = document.activeElement === this.more;
    const last = this.list.lastElementChild;
    await this.#page((items) => this.list.append(...items));
    if (hadFocus && this.more.hidden) last?.nextElementSibling?.querySelector("button").focus();
  }

  async #page(show) {
    this.asked += 1;
    const asked = this.asked;
    this.note.textContent = "Loading.";
    const query = new URLSearchParams({ limit: String(PAGE_ROWS), ...(this.cursor ? { cursor: this.cursor } : {}) });
    try {
      const { items, next_cursor } = await this.api.json(`/v1/calls?${query}`);
      if (asked !== this.asked) return;
      this.cursor = next_cursor;
      show(items.map((call) => this.#item(call)));
      this.more.hidden = next_cursor === null;
      this.note.textContent = this.list.childElementCount === 0 ? "No call yet. Hold one, and it is here." : "";
    } catch (error) {
      if (asked === this.asked) this.note.textContent = error.message;
    }
  }

  #item(call) {
    const facts = [
      el("span", { class: "when" }, when(call.started_at)),
      el("span", {}, call.status === "active" ? "runs" : duration(call.duration_ms)),
      el("span", {}, `${call.turns} ${call.turns === 1 ? "reply" : "replies"}`),
      el("span", {}, `${call.barge_ins} interrupted`),
      el("span", { class: "figure" }, wholeMs(call.voice_to_voice_p50_ms), el("span", { class: "unit" }, " ms")),
    ];
    const open = el("button", { type: "button", "data-call": call.id, click: () => this.#open(open, call.id) }, ...facts);
    return el("li", {}, open);
  }

  async #open(button, id) {
    for (const other of this.list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    await this.detail.show(id);
    // Whoever has gone elsewhere meanwhile stays there. Some browsers give a button that is clicked no focus.
    const isThere = [button, document.body].includes(document.activeElement);
    if (this.detail.chosen !== id || !isThere) return;
    this.detail.root.focus({ preventScroll: matchMedia("(min-width: 980px)").matches });
  }
}

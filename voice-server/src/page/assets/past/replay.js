// A call's words and, where there is one, its recording: what sounds is marked, and a click goes there.
//
// Invariant: lines are placed by the server's times; words within a line by their share of its letters, which is a guess.

import { Problem } from "../api/api.js";
import { el } from "../view/dom.js";
import { place } from "./format.js";

/** Words so near to the place that is heard are marked. */
const NEAR_MS = 500;

const NAMES = Object.freeze({ caller: "Caller", agent: "Agent", tool: "Tool", line: "Line" });

export class Replay {
  constructor(api, call, lines) {
    Object.assign(this, { api, call });
    this.words = [];
    this.places = [];
    const list = el("ol", { class: "replay" }, ...lines.map((line) => this.#line(line)));
    this.note = el("p", { class: "help", role: "status" });
    this.element = el("div", {}, this.note, list);
    if (call.recorded) this.#load();
    else this.note.textContent = "There is no recording: the tenant does not record its calls.";
  }

  pause() {
    this.audio?.pause();
  }

  close() {
    this.pause();
    if (this.url) URL.revokeObjectURL(this.url);
    this.isClosed = true;
  }

  async #load() {
    this.note.textContent = "Loading the recording.";
    try {
      const blob = await this.api.file(`/v1/calls/${this.call.id}/recording`);
      if (this.isClosed) return;
      this.url = URL.createObjectURL(blob);
      this.audio = el("audio", { controls: true, src: this.url, "aria-label": "Recording: the caller left, the agent right" });
      this.audio.addEventListener("timeupdate", () => this.#mark());
      this.audio.addEventListener("seeked", () => this.#mark());
      this.audio.addEventListener("error", () => this.#unheard());
      this.element.prepend(this.audio);
      for (const place of this.places) place.disabled = false;
      this.note.textContent = "The caller is left, the agent right. A click on a line goes there.";
    } catch (error) {
      this.note.textContent = error instanceof Problem && error.status === 404 ? "The recording is gone." : error.message;
    }
  }

  #line(line) {
    const shown = line.text === "" && line.who === "agent" ? "(never heard)" : line.text;
    const words = shown.split(/(?<=\s)/).map((word) => el("span", {}, word));
    const share = (line.end_ms - line.start_ms) / Math.max(1, shown.length);
    let letters = 0;
    for (const span of words) {
      this.words.push({ span, fromMs: line.start_ms + letters * share });
      letters += span.textContent.length;
    }
    const cut = line.full_text && line.outcome !== "completed" ? line.full_text.slice(line.text.length) : "";
    const said = el("span", { class: "said" }, ...words, cut === "" ? null : el("s", { class: "cut" }, cut));
    const go = el("button", { type: "button", disabled: true, click: () => this.#seek(line.start_ms) }, place(line.start_ms));
    this.places.push(go);
    return el("li", { "data-who": line.who }, go, el("span", { class: "who" }, NAMES[line.who] ?? line.who), said);
  }

  #seek(ms) {
    if (!this.audio) return;
    this.audio.currentTime = ms / 1000;
    this.audio.play().catch(() => {});
  }

  #unheard() {
    if (this.isClosed) return;
    for (const place of this.places) place.disabled = true;
    this.note.textContent = "This browser cannot play the recording (Ogg Opus). Download it to hear it elsewhere.";
  }

  #mark() {
    const nowMs = this.audio.currentTime * 1000;
    for (const { span, fromMs } of this.words) span.classList.toggle("now", Math.abs(fromMs - nowMs) <= NEAR_MS);
  }
}

// What a call leaves: its figures, and what can be downloaded of it.
//
// Invariant: what the server kept is fetched as whoever is signed in; what the page made itself is offered without asking.

import { Problem } from "../api/api.js";
import { percentile } from "../model/measure.js";
import { byId, download, el, wholeMs } from "./dom.js";

export class AfterView {
  constructor(api, openLog) {
    Object.assign(this, { api, openLog });
  }

  clear() {
    byId("after").hidden = true;
  }

  /** `measured` has voiceToVoice and silences, in milliseconds. */
  show(live, measured) {
    byId("after-words").textContent = words(measured);
    const { id } = live;
    const recording = button("Recording (WAV)", () => download(`call-${id}.wav`, live.recorder.wav()));
    const page = [
      live.recorder.isEmpty ? null : recording,
      button("Messages (JSON lines)", () => download(`call-${id}.page.jsonl`, lines(live.log.lines()))),
      button("Look into the messages", () => this.openLog(`call-${id}.page.jsonl`, live.log.lines())),
    ];
    const kept = [
      this.#kept("Recording (Ogg Opus)", `/v1/calls/${id}/recording`, `call-${id}.ogg`, "The server has none: the tenant does not record its calls."),
      this.#kept("Transcript", `/v1/calls/${id}/transcript?format=text`, `call-${id}.txt`),
      this.#kept("Captions (WebVTT)", `/v1/calls/${id}/transcript?format=vtt`, `call-${id}.vtt`),
      this.#kept("Turn log (JSON lines)", `/v1/calls/${id}/turn-log`, `call-${id}.turns.jsonl`, "The server has no log of its turn-taking yet, or keeps none."),
      button("Look into the turn log", () => this.#open(`/v1/calls/${id}/turn-log`, `call-${id}.turns.jsonl`)),
    ];
    const note = el("p", { class: "help", role: "status", id: "download-note" }, `This page's recording has the first ${live.recorder.minutes} minutes.`);
    byId("downloads").replaceChildren(group("From this page", page), group("From the server", kept), note);
    byId("after").hidden = false;
  }

  async #open(path, name) {
    try {
      this.openLog(name, await (await this.api.file(path)).text());
    } catch (error) {
      byId("download-note").textContent = error.message;
    }
  }

  #kept(name, path, file, missing = "The server has not kept this yet; try again in a moment.") {
    return button(name, async () => {
      try {
        download(file, await this.api.file(path));
        byId("download-note").textContent = "";
      } catch (error) {
        const isMissing = error instanceof Problem && error.status === 404;
        byId("download-note").textContent = isMissing ? missing : error.message;
      }
    });
  }
}

function words({ voiceToVoice, silences }) {
  const figures = (values) => `${wholeMs(percentile(values, 0.5))} ms (p50), ${wholeMs(percentile(values, 0.95))} ms (p95)`;
  const answers = voiceToVoice.length === 0 ? "No turn was measured." : `Voice to voice over ${count(voiceToVoice, "turn")}: ${figures(voiceToVoice)}.`;
  const stops = silences.length === 0 ? "No interruption." : `Silence after ${count(silences, "interruption")}: ${figures(silences)}.`;
  return `${answers} ${stops}`;
}

function group(name, buttons) {
  return el("div", { class: "downloads", role: "group", "aria-label": name }, el("span", { class: "from" }, name), ...buttons);
}

function count(values, noun) {
  return `${values.length} ${noun}${values.length === 1 ? "" : "s"}`;
}

function button(name, click) {
  return el("button", { type: "button", click }, name);
}

function lines(text) {
  return new Blob([text], { type: "application/jsonl" });
}

// One past call: its figures, its recording against its words, where the time of each turn went, and what can be downloaded.
//
// Invariant: what is shown is of the call that was chosen last, however answers overtake each other.

import { Problem } from "../api/api.js";
import { reasonWords } from "../call/words.js";
import { download, el } from "../view/dom.js";
import { turnItem } from "../view/waterfall.js";
import { amount, duration, when } from "./format.js";
import { Replay } from "./replay.js";

export class CallDetail {
  constructor(root, api, openLog) {
    Object.assign(this, { root, api, openLog });
    this.replay = null;
  }

  async show(id) {
    this.chosen = id;
    this.replay?.close();
    this.root.replaceChildren(el("p", { class: "empty", role: "status" }, "Loading."));
    try {
      const call = await this.api.json(`/v1/calls/${id}`);
      if (this.chosen === id) this.#fill(call);
    } catch (error) {
      if (this.chosen === id) this.root.replaceChildren(el("p", { class: "empty", role: "status" }, error.message));
    }
  }

  #fill(call) {
    const lines = last(call.utterances);
    const turns = lines.filter((line) => line.who === "agent" && line.timeline);
    this.replay = new Replay(this.api, call, lines);
    const waterfalls = el("ol", { class: "turns" });
    const said = (turn) => lines.find((line) => line.who === "caller" && line.turn === turn)?.text;
    for (const { turn, timeline, times } of turns) {
      waterfalls.append(turnItem({ caller_text: said(turn), ...timeline }, times.voice_to_voice_ms, { isOpen: false }));
    }
    this.root.replaceChildren(
      el("h2", {}, when(call.started_at), " ", el("span", { class: "hint" }, call.id)),
      facts(call),
      this.replay.element,
      el("h2", {}, "Turns ", el("span", { class: "hint" }, "as the server measured them; 0 is the end of the caller's speech")),
      turns.length === 0 ? el("p", { class: "empty" }, "No turn was finished.") : waterfalls,
      this.#downloads(call),
    );
  }

  #downloads(call) {
    const note = el("p", { class: "help", role: "status" });
    const fetched = (name, path, use, what = name.toLowerCase()) => {
      const click = async () => {
        try {
          await use(await this.api.file(`/v1/calls/${call.id}/${path}`));
          note.textContent = "";
        } catch (error) {
          note.textContent = error instanceof Problem && error.status === 404 ? `The server has kept no ${what} of this call.` : error.message;
        }
      };
      return el("button", { type: "button", click }, name);
    };
    const save = (ending) => (file) => download(`call-${call.id}${ending}`, file);
    const show = async (file) => this.openLog(`call-${call.id}.turns.jsonl`, await file.text());
    return el(
      "div",
      { class: "downloads" },
      call.recorded ? fetched("Recording (Ogg Opus)", "recording", save(".ogg"), "recording") : null,
      fetched("Transcript", "transcript?format=text", save(".txt")),
      fetched("Captions (WebVTT)", "transcript?format=vtt", save(".vtt")),
      fetched("Turn log (JSON lines)", "turn-log", save(".turns.jsonl"), "turn log"),
      fetched("Look into the turn log", "turn-log", show, "turn log"),
      note,
    );
  }
}

/** Each turn of the caller in its last version, the agent's and the tools' as they are, in the order of time. */
function last(utterances) {
  const newest = new Map();
  for (const line of utterances) if (line.who === "caller") newest.set(line.turn, line.seq);
  const isLast = (line) => line.who !== "caller" || newest.get(line.turn) === line.seq;
  return utterances.filter(isLast).sort((one, other) => one.start_ms - other.start_ms);
}

function facts(call) {
  const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  const end = call.status === "active" ? "It runs." : reasonWords(call.end_reason ?? "line_lost");
  return el(
    "dl",
    { class: "counters" },
    fact("length", duration(call.duration_ms)),
    fact("voice to voice, p50", Number.isFinite(call.voice_to_voice_p50_ms) ? `${Math.round(call.voice_to_voice_p50_ms)} ms` : "–"),
    fact("interrupted / went on", `${call.barge_ins} / ${call.resumes}`),
    fact("cost", amount(call.cost_micros, call.currency)),
    fact("end", end),
  );
}

// Where the time of each turn went: from the caller's last sample to the agent's first that was heard.
//
// Invariant: every part is a difference of two named times of the `turn` message, or of what the page itself measured;
// parts that did not happen are not drawn. All times of a turn are relative to the end of the caller's speech.

import { el, wholeMs } from "./dom.js";

/** Turns that are kept; beyond, the oldest go. */
const MAX_TURNS = 500;

export class WaterfallView {
  /** `large` shows the newest voice-to-voice time. */
  constructor(list, large) {
    Object.assign(this, { list, large });
    this.measured = [];
  }

  clear() {
    this.measured = [];
    this.list.replaceChildren();
    this.large.textContent = "–";
  }

  /** A `turn` message with what the page measured of it, in milliseconds or `null`. */
  add(turn, voiceToVoiceMs) {
    if (voiceToVoiceMs !== null) {
      this.measured.push(voiceToVoiceMs);
      this.large.textContent = wholeMs(voiceToVoiceMs);
    }
    const newest = this.list.firstElementChild?.querySelector("details");
    if (newest) newest.open = false;
    this.list.prepend(turnItem(turn, voiceToVoiceMs, { isOpen: true }));
    if (this.list.childElementCount > MAX_TURNS) this.list.lastElementChild.remove();
  }
}

/** The parts of a turn as `{name, from, to, why}`, in milliseconds after the end of the caller's speech. */
function partsOf(turn, voiceToVoiceMs) {
  const zero = turn.speech_end_ms;
  const at = (ms) => (Number.isFinite(ms) && Number.isFinite(zero) ? ms - zero : null);
  const [eot, asked, token] = [at(turn.eot_ms), at(turn.reply_started_ms), at(turn.first_token_ms)];
  const [clause, voice] = [at(turn.first_clause_ms), at(turn.tts_first_audio_ms)];
  const [released, audio] = [at(turn.released_ms), at(turn.first_audio_ms)];
  const silence = voice === null ? null : voice + (turn.trimmed_silence_ms || 0);
  // A TTS may give its silence faster than it lasts: it then took no longer than until the reply was handed out.
  const audible = silence === null || audio === null ? silence : Math.max(voice, Math.min(silence, audio));
  const ready = audible === null || released === null ? audible : Math.max(audible, released);
  const spans = [
    ["end of turn", 0, eot, `decided by ${turn.eot_source ?? "nobody"}`],
    ["first token", asked, token, turn.speculative ? "asked on a guess, before the end of turn" : "asked at the end of turn"],
    ["first clause", token, clause, "enough words to speak"],
    ["voice", clause, voice, "the TTS's first audio"],
    ["silence", voice, audible, "silence at the start of the voice, which was cut off"],
    ["held", audible, ready, "until the end of turn was certain"],
    ["handed out", ready, audio, "to the line"],
    ["on the way", audio, voiceToVoiceMs, "network and the page's buffer, as rendered here"],
  ];
  const isThere = ([, from, to]) => from !== null && to !== null && to - from >= 0.05;
  return spans.filter(isThere).map(([name, from, to, why]) => ({ name, from, to, why }));
}

/** A turn as an item of a list, with the time in large and its parts below. */
export function turnItem(turn, voiceToVoiceMs, { isOpen }) {
  const parts = partsOf(turn, voiceToVoiceMs);
  const first = Math.min(0, ...parts.map((part) => part.from));
  const last = Math.max(1, ...parts.map((part) => part.to));
  const scale = (ms) => `${(((ms - first) / (last - first)) * 100).toFixed(2)}%`;
  const bar = ({ name, from, to, why }) => row(name, from, to, why, scale);
  const body =
    parts.length === 0
      ? el("p", { class: "empty" }, "The agent spoke unasked.")
      : el("ol", { class: "parts" }, ...parts.map(bar));
  const attributes = { "data-turn": turn.turn, "data-reply": turn.reply, "data-speculative": turn.speculative };
  if (Number.isFinite(voiceToVoiceMs)) attributes["data-voice-to-voice-ms"] = voiceToVoiceMs.toFixed(1);
  const details = el("details", { open: isOpen }, heading(turn, voiceToVoiceMs), body);
  return el("li", attributes, details);
}

function heading(turn, voiceToVoiceMs) {
  const said = turn.caller_text || "unasked";
  const badge = turn.speculative ? el("span", { class: "badge" }, "speculative") : null;
  const figure = el("span", { class: "figure" }, wholeMs(voiceToVoiceMs), el("span", { class: "unit" }, " ms"));
  return el("summary", {}, el("span", { class: "number" }, `Turn ${turn.turn}`), el("span", { class: "said" }, said), badge, figure);
}

function row(name, from, to, why, scale) {
  const bar = el("span", { class: "bar", "data-part": name });
  bar.style.setProperty("--from", scale(from));
  bar.style.setProperty("--to", scale(to));
  const figure = el("span", { class: "figure" }, wholeMs(to - from));
  return el("li", { title: `${name}: ${why}` }, el("span", { class: "name" }, name), el("span", { class: "track" }, bar), figure);
}

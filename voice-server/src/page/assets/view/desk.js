// The buttons of a call, and its state in words.
//
// Invariant: what cannot be done in a state is disabled. Every state is there for the eye; read out is only that a call comes
// up, breaks, goes on or ends. One button starts a call and hangs up, so that of a double click and of a key that is
// held down only the first counts.

import { STATES, reasonWords, seconds } from "../call/words.js";
import { byId, el } from "./dom.js";

const KEYS = "123456789*0#";

/** States in which there is a call to talk in. */
const UP = new Set(["listening", "thinking", "speaking", "paused"]);

/** States in which a call is there, or on its way. */
const RUNNING = new Set([...UP, "asking", "connecting", "reconnecting", "leaving"]);

/** Keys that press a button. */
const PRESSING = new Set(["Enter", " "]);

export class Desk {
  /** `actions`: start, hangUp, mute(on), interrupt, say(text), key(digit). `notices` reads out. */
  constructor(actions, notices) {
    Object.assign(this, { actions, notices });
    this.parts = Object.fromEntries(["call", "mute", "interrupt", "say", "say-send"].map((id) => [id, byId(id)]));
    this.parts.call.addEventListener("click", ({ detail }) => this.#call(detail));
    // A button presses itself again and again while a key is held down on it.
    this.parts.call.addEventListener("keydown", (event) => this.#held(event));
    this.parts.mute.addEventListener("click", () => this.#mute(!this.isMuted));
    this.parts.interrupt.addEventListener("click", () => actions.interrupt());
    byId("say-form").addEventListener("submit", (event) => this.#say(event));
    this.parts.say.addEventListener("blur", () => (this.parts.say.disabled = this.parts.say.readOnly));
    this.#keys();
  }

  #held(event) {
    if (event.repeat && PRESSING.has(event.key)) event.preventDefault();
  }

  get isRunning() {
    return RUNNING.has(document.body.dataset.state);
  }

  idle() {
    this.#show("idle", STATES.idle);
  }

  /** A state of the call, with the attempts of a reconnection. */
  state(word, attempts) {
    clearInterval(this.countdown);
    this.#announce(word);
    if (word === "reconnecting") this.#reconnecting(attempts);
    else this.#show(word, STATES[word]);
    if (word === "asking" || word === "connecting") this.#why("");
  }

  /** The call is over, or never was. */
  ended(reason, sentence) {
    clearInterval(this.countdown);
    this.#showMute(false);
    const isRefused = reason === "microphone_refused";
    this.#show(isRefused ? "refused" : "ended", isRefused ? STATES.refused : `${STATES.ended} ${sentence ? "" : reasonWords(reason)}`.trim());
    this.#why(sentence ?? "");
    document.body.dataset.reason = reason;
    this.stage = null;
    this.notices.announce(`${byId("status").textContent} ${sentence ?? ""}`.trim());
  }

  /** `clicks` in one place that follow each other quickly; 0 by the keyboard. */
  #call(clicks) {
    if (clicks > 1) return;
    if (this.isRunning) this.actions.hangUp();
    else this.actions.start();
  }

  /** What has changed since the last time, if it is worth to be read out. */
  #announce(word) {
    const [before, stage] = [this.stage, UP.has(word) ? "up" : word];
    if (stage === before) return;
    this.stage = stage;
    const up = before === "reconnecting" ? "The connection is back." : "The call is up.";
    this.notices.announce(stage === "up" ? up : STATES[stage]);
  }

  #reconnecting(attempts) {
    const left = () => Math.max(0, attempts.untilMs - performance.now());
    this.#show("reconnecting", STATES.reconnecting);
    const tell = () => this.#why(`Attempt ${attempts.count}; the call is kept for ${seconds(left())} more.`);
    tell();
    this.countdown = setInterval(tell, 500);
  }

  #why(words) {
    byId("reason").textContent = words;
  }

  #show(word, sentence) {
    const { body } = document;
    if (word !== "reconnecting" && body.dataset.state === "reconnecting") this.#why("");
    body.dataset.state = word;
    if (RUNNING.has(word)) delete body.dataset.reason;
    byId("status").textContent = sentence;
    this.parts.call.textContent = this.isRunning ? "Hang up" : "Start call";
    this.parts.call.classList.toggle("danger", this.isRunning);
    const canTalk = UP.has(word) || word === "reconnecting";
    for (const id of ["mute", "say-send"]) this.parts[id].disabled = !canTalk;
    this.#showSay(canTalk);
    this.parts.interrupt.disabled = !UP.has(word);
    for (const key of this.keys ?? []) key.disabled = !canTalk;
  }

  /** Whoever types keeps the words and the focus when the call ends, and leaves the field first. */
  #showSay(canTalk) {
    const { say } = this.parts;
    say.readOnly = !canTalk;
    say.disabled = !canTalk && say !== document.activeElement;
  }

  #mute(on) {
    this.#showMute(on);
    this.actions.mute(on);
  }

  #showMute(on) {
    this.isMuted = on;
    this.parts.mute.setAttribute("aria-pressed", String(on));
  }

  #say(event) {
    event.preventDefault();
    const { say } = this.parts;
    const text = say.value.trim();
    if (text === "" || say.readOnly) return;
    this.actions.say(text);
    say.value = "";
  }

  #keys() {
    const key = (digit) => el("button", { type: "button", disabled: true, click: () => this.actions.key(digit) }, digit);
    this.keys = [...KEYS].map(key);
    byId("keypad").append(...this.keys);
  }
}

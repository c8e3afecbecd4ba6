// Who the caller is, what the browser does to the sound and how it goes over the line.
//
// Invariant: what is chosen holds at once, also during a call, and for the next one; only how sound goes over the line is
// agreed on when a call begins. What the browser cannot do is disabled, with words that say why.

import { noOpus } from "../audio/codec.js";
import { Microphone, TREATMENTS } from "../audio/microphone.js";
import { byId, el } from "./dom.js";

/** After the agent has finished, the next file waits this long: a person would too. */
const PAUSE_BEFORE_FILE_MS = 500;

/** Without a greeting the first file is said after this long. */
const FIRST_FILE_MS = 3_000;

/** How often a microphone that is gone is replaced, until a device has come or gone or a person has chosen: one may end at once each time. */
const MAX_REVIVALS = 3;

export class SettingsView {
  /** `live` gives the call that runs, if one does; `notices` warns of what cannot be had. */
  constructor({ microphone, wavCaller, notices, live }) {
    Object.assign(this, { microphone, wavCaller, notices, live });
    // An answer may have come and gone while a file was still silent.
    wavCaller.whenSaid = () => this.hasHeardAgent && this.#waitForFloor(this.word);
    /** The last of what was wanted of the microphone, and of what was done for one that is gone: settled once it is done. */
    [this.wanting, this.revival] = [null, Promise.resolve()];
    byId("files").addEventListener("change", ({ target }) => this.#files(target.files));
    byId("say-file").addEventListener("click", () => this.#sayFile());
    this.revivals = 0;
    byId("input-device").addEventListener("change", ({ target }) => this.#choose(target.value));
    byId("output-device").addEventListener("change", ({ target }) => this.#output(target.value));
    for (const box of document.querySelectorAll("#treatments input")) {
      box.addEventListener("change", () => this.#want(box.name, box.checked));
    }
    byId("output-field").hidden = !("setSinkId" in AudioContext.prototype);
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#devicesChanged());
    this.#offerTreatments();
    this.#takeChosen();
    this.#listDevices();
    this.#offerOpus();
    console.assert(TREATMENTS.every((name) => document.querySelector(`#treatments input[name=${name}]`)));
  }

  /** What is chosen holds from the beginning: a browser that loads the page again may restore what was chosen before. */
  #takeChosen() {
    for (const box of document.querySelectorAll("#treatments input")) this.microphone.wanted[box.name] = box.checked;
    this.microphone.wanted.deviceId = byId("input-device").value;
    const { files } = byId("files");
    this.wavCaller.choose(files);
    if (files.length === 0) chooseSource("microphone");
    this.ended();
  }

  #offerTreatments() {
    const lacking = Microphone.lacking();
    for (const box of document.querySelectorAll("#treatments input")) {
      box.disabled = lacking.includes(box.name);
      if (box.disabled) box.checked = false;
    }
    const names = lacking.map((name) => document.querySelector(`#treatments input[name=${name}]`).parentElement.textContent.trim());
    byId("treatments-lacking").hidden = names.length === 0;
    byId("treatments-lacking").textContent = names.length === 0 ? "" : `This browser cannot do, or be told to do: ${names.join(", ")}.`;
  }

  /** "microphone" or "files". */
  get source() {
    return document.querySelector("input[name=source]:checked").value;
  }

  /** How the sound of the next call goes over the line: "pcm16" or "opus". */
  get encoding() {
    const { value, disabled } = document.querySelector("input[name=encoding]:checked");
    // A browser may restore a choice of another time.
    return disabled ? "pcm16" : value;
  }

  /** The call is in this state. */
  state(word) {
    if (word === "connecting") this.#listDevices();
    const isUp = ["listening", "thinking", "speaking", "paused"].includes(word);
    this.isByFile = isUp && this.live()?.source === "files";
    this.word = word;
    this.#offerFile();
    if (this.isByFile) this.#waitForFloor(word);
  }

  #offerFile() {
    byId("say-file").disabled = !this.isByFile || this.wavCaller.upcoming === null;
  }

  ended() {
    clearTimeout(this.timer);
    [this.timer, this.hasHeardAgent, this.isByFile, this.word, this.revivals] = [null, false, false, null, 0];
    this.#offerFile();
  }

  async #offerOpus() {
    const why = await noOpus();
    document.querySelector("input[name=encoding][value=opus]").disabled = why !== null;
    byId("encoding-help").textContent = why === null ? "Holds for the next call." : `Opus cannot be chosen. ${why}`;
  }

  /** The next file is said once the agent has spoken and stopped, and the one before has come to its end. */
  #waitForFloor(word) {
    if (word === "speaking") this.hasHeardAgent = true;
    clearTimeout(this.timer);
    if (word !== "listening" || this.wavCaller.upcoming === null || this.wavCaller.playing) return;
    const wait = this.hasHeardAgent ? PAUSE_BEFORE_FILE_MS : FIRST_FILE_MS;
    this.timer = setTimeout(() => this.#sayFile(), wait);
  }

  async #sayFile() {
    clearTimeout(this.timer);
    this.hasHeardAgent = false;
    try {
      const name = await this.wavCaller.say();
      if (name) this.live()?.log.add("page", { type: "file", name });
      this.notices.warn("file", null);
    } catch (error) {
      this.notices.warn("file", `${error.message}.`);
    }
    this.#offerFile();
  }

  #files(files) {
    this.wavCaller.choose(files);
    chooseSource(files.length > 0 ? "files" : "microphone");
    this.#offerFile();
  }

  /** The call's microphone is gone: opens the one that is chosen, or the system's, if there is any. */
  revive() {
    // Browsers tell of one change several times: what is under way is waited for, and may have been enough.
    this.revival = this.revival.then(async () => {
      await this.wanting;
      const isDeaf = this.live()?.source === "microphone" && this.microphone.isLost;
      if (!isDeaf || this.revivals >= MAX_REVIVALS) return;
      this.revivals += 1;
      await this.#want("deviceId", byId("input-device").value);
    });
  }

  #choose(deviceId) {
    this.revivals = 0;
    this.#want("deviceId", deviceId);
  }

  async #devicesChanged() {
    await this.#listDevices();
    this.revivals = 0;
    this.revive();
  }

  #want(name, value) {
    return (this.wanting = this.#wanted(name, value));
  }

  async #wanted(name, value) {
    try {
      const stream = await this.microphone.want(name, value);
      const live = this.live();
      if (live?.source === "microphone") live.useStream(stream);
    } catch (error) {
      this.notices.warn("microphone", error.message);
    }
  }

  /** The call that begins is heard where it was chosen. */
  applyOutput() {
    const { value } = byId("output-device");
    if (value !== "") this.#output(value);
  }

  async #output(deviceId) {
    try {
      await this.live()?.engine?.chooseOutput(deviceId);
      this.notices.warn("loudspeaker", null);
    } catch (error) {
      this.notices.warn("loudspeaker", `The loudspeaker cannot be used: ${error.message}.`);
    }
  }

  async #listDevices() {
    for (const [id, kind] of [["input-device", "audioinput"], ["output-device", "audiooutput"]]) {
      const select = byId(id);
      const { value } = select;
      const devices = (await Microphone.list(kind)).filter((device) => device.id !== "default");
      // Without permission a browser names none: what was chosen may well be there.
      if (devices.length === 0) continue;
      const option = (device) => el("option", { value: device.id }, device.label);
      select.replaceChildren(el("option", { value: "" }, "the system's"), ...devices.map(option));
      select.value = devices.some((device) => device.id === value) ? value : "";
      if (select.value !== value) select.dispatchEvent(new Event("change"));
    }
  }
}

/** "microphone" or "files" is the caller. */
function chooseSource(value) {
  document.querySelector(`input[name=source][value=${value}]`).checked = true;
}

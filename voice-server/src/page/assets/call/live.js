// A call as it runs: the microphone or files, the line, the loudspeaker, and what is learned of them.
//
// Invariant: one call from `start` to `ended`; whatever fails in between, the microphone and the sound are let go. The
// document is not touched here: the observer shows what is told.

import { AudioEngine } from "../audio/engine.js";
import { NoMicrophone } from "../audio/microphone.js";
import { RenderedLog } from "../audio/rendered.js";
import { Recorder } from "../audio/recorder.js";
import { ArrivalJitter } from "../audio/jitter.js";
import { Floor } from "../model/floor.js";
import { Measure } from "../model/measure.js";
import { Call } from "./call.js";
import { EventLog } from "./log.js";
import { LINE_RATE } from "./wire.js";

/** Rendered audio after which the agent still counts as speaking: gaps between words are shorter. */
const SPEAKING_HOLD_S = 0.35;

/** Messages that are about the sound of a reply. */
const CONTROLS = new Set(["pause", "resume", "clear"]);

export class LiveCall {
  /** `observer` has `state(word, detail)`, `message(message, frame)`, `peaks(side, frame, peaks)`, `tick()`, `ended()`. */
  constructor({ api, signIn, microphone, wavCaller, isCapturing, observer }) {
    Object.assign(this, { api, signIn, microphone, wavCaller, isCapturing, observer });
    this.log = new EventLog();
    this.recorder = new Recorder();
    this.floor = new Floor();
    this.arrivals = new ArrivalJitter();
    this.playback = { buffered_ms: 0, target_ms: 0, counters: { gaps: 0, concealed_ms: 0, late: 0, refused: 0 } };
    this.isMuted = false;
    this.phase = "asking";
  }

  /** `source` is "microphone" or "files". Must be called from a click. */
  async start(source) {
    this.#say(source === "files" ? "connecting" : "asking");
    try {
      this.engine = await AudioEngine.open({ tell: (side, data) => this.#told(side, data), isCapturing: this.isCapturing });
      this.log.contextTime = () => this.engine.context.currentTime;
      this.rendered = new RenderedLog(this.engine.rate);
      this.measure = new Measure(this.rendered, this.engine.rate);
      await this.#connectSource(source);
    } catch (error) {
      return this.#refused(error);
    }
    if (this.phase === "ended") return this.#letGo();
    this.#say("connecting");
    this.call = new Call(this.api, this.log, this.#line());
    await this.call.open();
  }

  async #connectSource(source) {
    this.source = source;
    if (source === "files") this.engine.connectCaller(this.wavCaller.attach(this.engine.context));
    else this.useStream(await this.microphone.open());
  }

  /** From now on this stream is the caller. */
  useStream(stream) {
    if (!this.engine || !stream || this.phase === "ended") return;
    const [track] = stream.getAudioTracks();
    track.onended = () => this.#warn("The microphone is gone. Plug it in or choose another under “Sound and caller”.");
    this.engine.connectCaller(new MediaStreamAudioSourceNode(this.engine.context, { mediaStream: stream }));
  }

  mute(on) {
    this.isMuted = on;
    this.engine?.muteCaller(on);
    this.call?.say({ type: "mute", on });
  }

  interrupt() {
    this.call?.say({ type: "interrupt" });
  }

  sayText(text) {
    this.call?.say({ type: "say", text });
  }

  key(digit) {
    this.call?.say({ type: "dtmf", digit });
  }

  hangUp() {
    if (this.call) this.call.hangUp();
    else this.#ended("caller_hung_up");
  }

  get id() {
    return this.call?.id ?? null;
  }

  /** The newest round trip to the server in milliseconds, or `null`. */
  get roundTripMs() {
    return this.call?.heartbeat.roundTripMs ?? null;
  }

  get reconnects() {
    return this.call?.reconnects ?? 0;
  }

  /** What the line tells. */
  #line() {
    return {
      connected: () => {
        this.phase = "up";
        this.engine.startCaller();
      },
      message: (message) => this.#message(message),
      audio: (audio) => {
        this.arrivals.packet(audio.reply, (audio.position / LINE_RATE) * 1000, performance.now());
        this.engine.play(audio);
      },
      lost: (attempts) => {
        this.phase = "reconnecting";
        this.#say("reconnecting", attempts);
      },
      resumed: (awayMs) => {
        this.phase = "up";
        this.observer.message({ type: "gap", away_ms: awayMs }, this.engine.frame);
        this.#show();
      },
      renew: () => this.#renew(),
      ended: (reason, sentence) => this.#ended(reason, sentence),
    };
  }

  #message(message) {
    const frame = this.engine.frame;
    if (CONTROLS.has(message.type)) {
      this.rendered.control(message.type, message.reply, this.engine.context.currentTime);
      this.engine.control(message.type, message.reply);
    }
    if (message.type === "audio_end") this.engine.control("finish", message.reply, message.total_samples);
    this.measure.take(message, frame);
    this.floor.take(message);
    this.observer.message(message, frame);
    this.#show();
  }

  async #renew() {
    if (this.signIn.isDevelopment !== true) this.#warn("The token runs out soon. Paste another one above to go on.");
    return this.signIn.another();
  }

  /** What a worklet tells. */
  #told(side, data) {
    if (side === "caller") this.#callerTold(data);
    else this.#agentTold(data);
  }

  #callerTold(data) {
    if (data.type === "started") {
      this.measure.began(data.origin_frame);
      this.recorder.began(data.origin_frame, this.engine.rate);
      return;
    }
    this.call?.hear(data.position, data.pcm);
    this.recorder.caller.push(data.pcm);
    this.observer.peaks("caller", this.measure.callerFrame(data.position), data.peaks);
  }

  #agentTold(data) {
    switch (data.type) {
      case "played":
        this.call?.played(data.reply, data.samples);
        break;
      case "side":
        this.recorder.agent.push(data.pcm);
        break;
      case "capture":
        this.rendered.capture(data.frame, data.samples);
        break;
      case "rendered":
        this.rendered.add(data.runs);
        this.playback = data;
        this.#heard(data);
        break;
    }
  }

  #heard({ frame, peaks, runs }) {
    const last = runs.at(-1);
    if (last) this.heardFrame = last.context_frame + last.frames;
    const silentFrames = frame + peaks.length * 128 - (this.heardFrame ?? -Infinity);
    this.floor.heard(silentFrames < SPEAKING_HOLD_S * this.engine.rate);
    this.observer.peaks("agent", frame, peaks);
    this.observer.tick();
    this.#show();
  }

  #warn(warning) {
    this.observer.state(this.word, { warning });
  }

  #show() {
    if (this.phase === "up") this.#say(this.floor.word);
  }

  #say(word, detail) {
    const isNew = word !== this.word || word === "reconnecting";
    this.word = word;
    if (isNew) this.observer.state(word, detail);
  }

  #refused(error) {
    this.log.add("page", { type: "refused", why: error.message });
    const isMicrophone = error instanceof NoMicrophone;
    const isRefused = isMicrophone && error.isRefused;
    this.#ended(isRefused ? "microphone_refused" : "no_sound", isMicrophone ? error.message : `No call: ${error.message}`);
  }

  #ended(reason, sentence = null) {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.#letGo();
    this.observer.ended(reason, sentence);
  }

  #letGo() {
    this.microphone.close();
    this.wavCaller.detach();
    this.engine?.close();
  }
}

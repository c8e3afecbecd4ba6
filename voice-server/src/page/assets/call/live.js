// A call as it runs: the microphone or files, the line, the loudspeaker, and what is learned of them.
//
// Invariant: one call from `start` to `ended`; whatever fails in between, the microphone and the sound are let go. The
// document is not touched here: the observer shows what is told.

import { ENCODINGS, codecOf } from "../audio/codec.js";
import { AudioEngine } from "../audio/engine.js";
import { NoMicrophone } from "../audio/microphone.js";
import { RenderedLog } from "../audio/rendered.js";
import { Recorder } from "../audio/recorder.js";
import { ArrivalJitter } from "../audio/jitter.js";
import { Floor } from "../model/floor.js";
import { Measure } from "../model/measure.js";
import { Call } from "./call.js";
import { EventLog } from "./log.js";
import { Uplink } from "./uplink.js";
import { CODEC_FAILURES, NO_OPUS_HERE, WARNINGS, isAboutOpus, problemCause, problemWords, unstoredWords } from "./words.js";

/** Messages that are about the sound of a reply. */
const CONTROLS = new Set(["pause", "resume", "clear"]);

export class LiveCall {
  /**
   * `encoding` is a name of ENCODINGS. `observer` has `state(word, attempts)`, `warning(cause, words)` with `null` once the cause is gone, `message(message,
   * frame)`, `peaks(side, frame, peaks)`, `tick()`, `soundOpened()`, `microphoneGone()`, `ended(reason, sentence)`.
   */
  constructor({ api, signIn, microphone, wavCaller, encoding, isCapturing, observer }) {
    Object.assign(this, { api, signIn, microphone, wavCaller, isCapturing, observer });
    this.encoding = ENCODINGS[encoding];
    this.log = new EventLog();
    this.recorder = new Recorder(this.lineRate);
    this.codec = codecOf(encoding, {
      send: (position, payload) => this.call?.hear(position, payload),
      play: (audio) => this.engine.play(audio),
      end: ({ reply, samples }) => this.engine.control("finish", reply, samples),
      fail: (side, isFinal) => this.#codecFailed(side, isFinal),
    });
    this.floor = new Floor();
    this.arrivals = new ArrivalJitter();
    this.playback = { buffered_ms: 0, target_ms: 0, counters: { gaps: 0, concealed_ms: 0, late: 0, refused: 0 } };
    this.uplink = new Uplink(this.lineRate, (isFull) => this.#warn("uplink", isFull ? WARNINGS.uplinkSlow : null));
    this.isMuted = false;
    this.isUnstored = false;
    /** Whether a person has been asked for another token. */
    this.isAsking = false;
    this.phase = "asking";
  }

  /** `source` is "microphone" or "files". Must be called from a click. */
  async start(source) {
    this.signIn.forgetFault();
    this.#say(source === "files" ? "connecting" : "asking");
    try {
      this.engine = await this.#openSound();
      if (this.phase !== "ended") this.observer.soundOpened();
      this.log.contextTime = () => this.engine.context.currentTime;
      this.rendered = new RenderedLog(this.engine.rate);
      this.measure = new Measure(this.rendered, this.engine.rate, this.lineRate);
      await this.codec.opened;
      if (this.phase === "ended") return this.#closeSound();
      await this.#connectSource(source);
    } catch (error) {
      return this.phase === "ended" ? this.#closeSound() : this.#refused(error);
    }
    if (this.phase === "ended") return this.#closeSound();
    this.#say("connecting");
    this.call = new Call(this.api, this.log, this.encoding, this.#line());
    await this.call.open();
  }

  #openSound() {
    const { lineRate, isCapturing } = this;
    const tell = (side, data) => this.#told(side, data);
    return AudioEngine.open({ lineRate, firstSamples: this.encoding.firstSamples, tell, isCapturing });
  }

  async #connectSource(source) {
    this.source = source;
    if (source === "files") this.engine.connectCaller(this.wavCaller.attach(this.engine.context));
    else this.useStream(await this.microphone.open());
  }

  /** Whether nobody is to be heard any more. */
  get #isOver() {
    return this.phase === "leaving" || this.phase === "ended";
  }

  /** From now on this stream is the caller. */
  useStream(stream) {
    if (!this.engine || !stream || this.#isOver) return;
    const [track] = stream.getAudioTracks();
    track.onended = () => this.#microphoneGone();
    track.onmute = () => this.#warn("muted", WARNINGS.microphoneMuted);
    track.onunmute = () => this.#warn("muted", null);
    this.#warn("muted", track.muted ? WARNINGS.microphoneMuted : null);
    this.#warn("microphone", null);
    this.engine.connectCaller(new MediaStreamAudioSourceNode(this.engine.context, { mediaStream: stream }));
  }

  #microphoneGone() {
    this.#warn("muted", null);
    this.#warn("microphone", WARNINGS.microphoneGone);
    if (!this.#isOver) this.observer.microphoneGone();
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
    if (!this.call) return this.#ended("caller_hung_up");
    if (this.phase === "up") this.#leaving();
    this.call.hangUp(performance.now());
  }

  /** Whoever has hung up is not listened to any more, whenever the server's answer comes. */
  #leaving() {
    this.phase = "leaving";
    this.#letCallerGo();
    this.#say("leaving");
  }

  /** The page goes away: hangs up without waiting for an answer. */
  leave() {
    if (this.call) this.call.leave();
    else this.#ended("caller_hung_up");
  }

  /** The network is said to be back. */
  online() {
    this.call?.retryNow();
  }

  /** Somebody looks or clicks: a browser that stopped the sound may start it again. */
  wake() {
    this.engine?.wake();
  }

  /** Samples a second of the line. */
  get lineRate() {
    return this.encoding.format.rate;
  }

  /** Bytes a second each way, or `null`. */
  get traffic() {
    return this.call?.traffic.rates ?? null;
  }

  get id() {
    return this.call?.id ?? null;
  }

  /** The newest round trip to the server in milliseconds, or `null`. */
  get roundTripMs() {
    return this.call?.heartbeat.roundTripMs ?? null;
  }

  /** Frames of the caller that the line had no room for. */
  get dropped() {
    return this.uplink.dropped;
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
        this.arrivals.packet(audio.reply, (audio.position / this.lineRate) * 1000, performance.now());
        this.codec.decode(audio);
      },
      lost: (attempts) => {
        this.phase = "reconnecting";
        this.uplink.forget();
        this.#say("reconnecting", attempts);
      },
      resumed: (awayMs) => {
        this.phase = "up";
        this.observer.message({ type: "gap", away_ms: awayMs }, this.engine.frame);
        this.#show();
      },
      renew: (inMs) => this.#renew(inMs),
      refused: () => this.#askForToken(WARNINGS.tokenRefused),
      ended: (reason, sentence) => this.#ended(reason, sentence),
    };
  }

  #message(message) {
    const frame = this.engine.frame;
    if (CONTROLS.has(message.type)) {
      this.rendered.control(message.type, message.reply, this.engine.context.currentTime);
      this.#control(message.type, message.reply);
    }
    if (message.type === "audio_end") this.#control("finish", message.reply, message.total_samples);
    this.measure.take(message, frame);
    this.floor.take(message);
    this.#heed(message);
    this.observer.message(message, frame);
    this.#show();
  }

  #control(type, reply, total = null) {
    this.engine.control(type, reply, total);
    this.codec.control(type, reply, total);
  }

  /** What goes wrong is said until it is known to be over. */
  #heed(message) {
    if (message.type === "error") this.#problem(message);
    if (message.type === "auth_renewed") this.#renewed();
    if (message.type !== "turn") return;
    // A reply that was told to its end was spoken and stored.
    for (const cause of ["stage", "storage", "slow", "line", "codec"]) this.#warn(cause, null);
    if (!this.isAsking) this.#warn("token", null);
  }

  #problem(message) {
    if (message.code === "storage") this.isUnstored = true;
    if (message.code === "handshake" && this.#isForOpus(message)) this.handshakeWords = NO_OPUS_HERE;
    // One about a token is said where another is asked for.
    if (this.phase === "up" && message.code !== "unauthorized") this.#warn(problemCause(message.code), problemWords(message));
  }

  #isForOpus(refusal) {
    return this.encoding === ENCODINGS.opus && isAboutOpus(refusal);
  }

  /** The browser's encoder or decoder broke, or both: it is open again, or else the call is over. */
  #codecFailed(side, isFinal) {
    this.log.add("page", { type: "codec_failed", side, is_final: isFinal });
    const { passing, final } = CODEC_FAILURES[side];
    if (!isFinal) this.#warn("codec", passing);
    else if (this.call) this.call.abandon("no_codec", final);
    else this.#ended("no_codec", final);
  }

  async #renew(inMs) {
    return (await this.signIn.fromServer(inMs)) ?? this.#askForToken(WARNINGS.tokenEnds);
  }

  #renewed() {
    this.#warn("token", this.isAsking ? WARNINGS.tokenTaken : null);
    this.isAsking = false;
  }

  #askForToken(why) {
    if (this.#isOver) return null;
    this.isAsking = true;
    this.#warn("token", why);
    return this.signIn.fromPerson();
  }

  /** What a worklet tells. */
  #told(side, data) {
    if (side === "caller") this.#callerTold(data);
    else if (side === "agent") this.#agentTold(data);
    else this.#soundTold(data);
  }

  /** A browser stops the sound, and the context's clock with it, when a phone rings or a lid is closed. */
  #soundTold({ type, away_ms }) {
    this.log.add("page", { type: `sound_${type}`, away_ms });
    this.#warn("sound", type === "stopped" ? WARNINGS.soundStopped : null);
    if (type === "running") this.engine.skipCaller(away_ms);
  }

  #callerTold(data) {
    if (data.type === "started") {
      this.measure.began(data.origin_frame);
      this.recorder.began(data.origin_frame, this.engine.rate);
      return;
    }
    if (data.type === "skipped") return this.measure.skipped(data.position, data.samples);
    this.call?.tick(performance.now());
    this.#sendCaller(data);
    this.recorder.caller.push(data.pcm);
    this.observer.peaks("caller", this.measure.callerFrame(data.position), data.peaks);
  }

  /** Nobody misses what a caller says who is not connected, or has hung up. */
  #sendCaller({ position, pcm }) {
    if (this.call?.takesAudio) {
      this.codec.encode(position, pcm);
      this.uplink.took(pcm.length);
    } else if (this.phase === "up") this.uplink.refused();
  }

  #agentTold(data) {
    switch (data.type) {
      case "played":
        this.call?.played(data.reply, data.samples);
        break;
      case "side":
        this.recorder.heard(data.frame, data.pcm);
        break;
      case "capture":
        this.rendered.capture(data.frame, data.samples);
        break;
      case "rendered":
        this.rendered.add(data.runs);
        this.rendered.taken(data.taken);
        this.playback = data;
        this.#heard(data);
        break;
    }
  }

  #heard({ frame, peaks, is_speaking }) {
    this.floor.heard(is_speaking);
    this.observer.peaks("agent", frame, peaks);
    this.observer.tick();
    this.#show();
  }

  #warn(cause, words) {
    if (this.phase !== "ended") this.observer.warning(cause, words);
  }

  #show() {
    if (this.phase === "up") this.#say(this.floor.word);
  }

  #say(word, attempts) {
    const isNew = word !== this.word || word === "reconnecting";
    this.word = word;
    if (isNew) this.observer.state(word, attempts);
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
    // Where the server gives no other, a person is asked for one: the call that ended said that this one is of no use. Whoever
    // types another one already is asked without a break, and all of this comes before the button would start a call.
    if (reason === "unauthorized" && !this.signIn.asksServer) this.signIn.forget();
    this.signIn.stopAsking();
    const words = sentence ?? (reason === "handshake_failed" ? this.handshakeWords : null) ?? null;
    this.observer.ended(reason, this.isUnstored ? unstoredWords(reason, words) : words);
  }

  #letGo() {
    this.codec.close();
    this.#letCallerGo();
    this.#closeSound();
  }

  #letCallerGo() {
    this.microphone.close();
    this.wavCaller.detach();
    this.engine?.connectCaller(null);
  }

  /** Also where it opened only after the end: the microphone may then be another call's. */
  #closeSound() {
    this.engine?.close();
  }
}

// One call over one or more sockets.
//
// Invariant: what the server tells is passed on once and in order, whatever sockets break meanwhile; what the page says as
// text arrives once; its audio keeps real time, and what was said while no socket was there is missing. Nothing here
// touches the document or the sound.

import { decodeAudio, decodeText, encodeAudio, hello } from "./wire.js";
import { Farewell } from "./farewell.js";
import { Heartbeat } from "./heartbeat.js";
import { Attempts } from "./reconnect.js";
import { Outbox, Unreported } from "./outbox.js";
import { opened } from "./socket.js";
import { Traffic } from "./traffic.js";
import { HUNG_UP_AWAY, HUNG_UP_UNANSWERED } from "./words.js";

/** How long a socket may take to open and to answer. */
const OPEN_MS = 8_000;

/**
 * The codes of a socket that was closed in good order (RFC 6455, 7.4.1): by a status that says so, and without one. Whoever
 * was asked to end the call has read that by then.
 */
const CLOSED_IN_ORDER = [1_000, 1_005];

/** Whoever hangs up again sooner than this after the bye has pressed twice; later they insist: an answer takes a round trip. */
const INSIST_MS = 1_000;

export class Call {
  /**
   * `encoding` has the audio's `format`, and how many bytes may wait for a slow socket (`maxWaitingBytes`): beyond, audio is
   * missing rather than late. `api` gives addresses, and says why there is no call and whether one is over; `observer` has `message(message)`,
   * `audio(audio)`, `connected()`, `lost(attempts)`, `resumed(awayMs)`, `ended(reason, sentence)`, and `renew(inMs)` and
   * `refused()`, which resolve with a token or `null`: the present one runs out, or the one that was sent was not taken.
   */
  constructor(api, log, encoding, observer) {
    Object.assign(this, { api, log, encoding, observer });
    this.traffic = new Traffic();
    this.outbox = new Outbox();
    this.unreported = new Unreported();
    this.received = 0;
    this.reconnects = 0;
    this.resume = null;
    this.socket = null;
    /** Waits for the next attempt; `null` while one is under way, and while none is needed. */
    this.timer = null;
    this.hasGreeted = false;
    this.isUp = false;
    /** When the server was asked to end the call; `null` if it was not. */
    this.byeMs = null;
    this.isOver = false;
    this.id = null;
    this.heartbeat = new Heartbeat((n) => this.say({ type: "ping", n }), () => this.#giveUp());
  }

  /** Begins. Ends with the observer's `ended` if it cannot. */
  async open() {
    try {
      await this.#connect(null);
    } catch (error) {
      if (error.reason) this.#end(error.reason, await this.api.whyNoCall());
      else this.#end("not_reached", error.message);
    }
  }

  /** A message to the server; while no socket is there it waits. */
  say(message) {
    if (this.isOver) return;
    this.log.add("out", message);
    this.#send(message);
  }

  /** How far the loudspeaker is. While no socket is there the newest of each reply waits: nothing tells it again. */
  played(reply, samples) {
    if (this.isUp) this.say({ type: "played", reply, samples });
    else this.unreported.put(reply, samples);
  }

  /** Time has come this far. The microphone's frames tell, whose time goes on in hidden tabs. */
  tick(nowMs) {
    this.heartbeat.tick(nowMs);
    this.traffic.tick(nowMs);
  }

  /** Whether caller audio would be sent now. What is not sent need not be encoded. */
  get takesAudio() {
    return this.isUp && this.socket.bufferedAmount <= this.encoding.maxWaitingBytes;
  }

  /** Caller audio in the call's encoding. */
  hear(position, payload) {
    if (this.takesAudio) this.#sendOn(encodeAudio(position, payload));
  }

  /**
   * Asks the server to end the call. Without a socket, and where it does not answer or is asked again after INSIST_MS, the
   * call is over for the page at once, and the server is told later.
   */
  hangUp(nowMs) {
    if (!this.isUp) return this.#hangUpUnconnected("caller_hung_up", this.attempts ? HUNG_UP_AWAY : null);
    if (this.byeMs !== null) {
      if (nowMs - this.byeMs >= INSIST_MS) this.#byeUnanswered();
      return;
    }
    this.byeMs = nowMs;
    this.say({ type: "bye" });
    this.lastWords = setTimeout(() => this.#byeUnanswered(), OPEN_MS);
  }

  /** The page goes away: the last word is said, and no answer waited for. */
  leave() {
    if (this.isUp) this.say({ type: "bye" });
    else this.#sayByeUnanswered();
    this.#end("caller_hung_up");
  }

  /** The page cannot go on with the call: it ends as if somebody had hung up, and no answer is waited for. */
  abandon(reason, sentence) {
    if (this.isOver) return;
    if (!this.isUp) return this.#hangUpUnconnected(reason, sentence);
    this.say({ type: "bye" });
    this.#end(reason, sentence);
  }

  /** The network is said to be there again. */
  retryNow() {
    if (this.timer === null || this.isOver) return;
    clearTimeout(this.timer);
    this.#reconnect();
  }

  /** The server may have got no bye: the socket may have been dead for as long as nobody noticed. */
  #byeUnanswered() {
    this.hasGreeted = false;
    if (this.resume) this.attempts ??= new Attempts(performance.now(), this.resume.within_ms);
    this.#hangUpUnconnected("caller_hung_up", this.attempts ? HUNG_UP_UNANSWERED : null);
  }

  #hangUpUnconnected(reason, sentence) {
    this.#sayByeUnanswered();
    const { api, log, encoding, resume, received, attempts } = this;
    this.#end(reason, sentence);
    if (attempts) new Farewell(api, log, { format: encoding.format, resume, received, attempts }).start();
  }

  /** A server that has read `hello` would wait for somebody who has hung up. */
  #sayByeUnanswered() {
    if (this.hasGreeted) this.socket.send(JSON.stringify({ type: "bye" }));
  }

  #send(message) {
    const text = this.outbox.put(message);
    if (this.isUp) this.#sendOn(text);
  }

  #sendOn(data) {
    this.traffic.sent += data.byteLength ?? data.length;
    this.socket.send(data);
  }

  async #connect(resumeToken) {
    this.hasGreeted = false;
    const address = await this.api.callAddress(resumeToken);
    if (this.isOver) return;
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    await opened(socket, OPEN_MS);
    if (this.isOver) return socket.close();
    this.hasGreeted = true;
    const { format } = this.encoding;
    socket.send(JSON.stringify(hello(format, resumeToken === null ? null : this.received)));
    this.log.add("out", { type: "hello", audio: format, resumes: resumeToken !== null });
    socket.onmessage = ({ data }) => this.#take(socket, data);
    socket.onclose = ({ code }) => this.#closed(socket, code);
    this.answer = setTimeout(() => this.#giveUp("no answer"), OPEN_MS);
  }

  #take(socket, data) {
    if (socket !== this.socket || this.isOver) return;
    this.traffic.received += data.byteLength ?? data.length;
    if (data instanceof ArrayBuffer) {
      this.received += 1;
      this.heartbeat.heard(null, performance.now());
      const audio = decodeAudio(data);
      if (audio) this.observer.audio(audio);
      return;
    }
    const message = decodeText(data);
    if (message) this.log.add("in", withoutToken(message));
    this.heartbeat.heard(message, performance.now());
    this.#count(message);
    if (!message) return;
    if (message.type === "ready") this.#ready(message);
    else if (message.type === "resumed") this.#resumed(message);
    else if (message.type === "auth_expiring") this.#renew(this.observer.renew(message.in_ms));
    else if (message.type === "error" && message.code === "unauthorized" && this.isUp) this.#renew(this.observer.refused());
    this.observer.message(message);
    if (message.type === "bye") this.#end(this.#endOf(message));
  }

  /** What a handshake that fails means depends on which one it was. */
  #endOf({ reason }) {
    return reason === "handshake_failed" && this.resume ? "resume_failed" : reason;
  }

  /** All but the answers to `hello` are counted, whatever they are. */
  #count(message) {
    if (message?.type !== "ready" && message?.type !== "resumed") this.received += 1;
  }

  #ready(message) {
    this.id = message.call_id;
    this.#up(message);
    this.observer.connected();
  }

  #resumed(message) {
    this.reconnects += 1;
    this.#up(message);
    for (const text of this.outbox.after(message.received)) this.#sendOn(text);
    for (const [reply, samples] of this.unreported.take()) this.played(reply, samples);
    this.observer.resumed(message.away_ms);
  }

  #up(message) {
    clearTimeout(this.answer);
    this.resume = message.resume ?? this.resume;
    this.heartbeat.start();
    this.isUp = true;
    this.attempts = null;
  }

  async #renew(asked) {
    const token = await asked;
    if (!token || this.isOver) return;
    this.log.add("out", { type: "auth" });
    this.#send({ type: "auth", token });
  }

  #closed(socket, code) {
    if (socket !== this.socket || this.isOver) return;
    this.log.add("page", { type: "socket_closed", code });
    clearTimeout(this.answer);
    this.isUp = false;
    this.hasGreeted = false;
    this.heartbeat.stop();
    if (this.byeMs !== null) return CLOSED_IN_ORDER.includes(code) ? this.#end("caller_hung_up") : this.#byeUnanswered();
    if (!this.resume) return this.#end("line_lost");
    this.attempts ??= new Attempts(performance.now(), this.resume.within_ms);
    this.#retry();
  }

  #retry() {
    const wait = this.attempts.next(performance.now());
    if (wait === null) return this.#end("lost");
    this.observer.lost(this.attempts);
    this.timer = setTimeout(() => this.#reconnect(), wait);
  }

  async #reconnect() {
    this.timer = null;
    try {
      await this.#connect(this.resume.token);
    } catch (error) {
      if (this.isOver) return;
      this.log.add("page", { type: "reconnect_failed", why: error.message });
      // A page is not told whether the call is over, the server busy, or the network gone again.
      const isRefused = error.reason === "not_taken" && (await this.api.isOver(this.id));
      if (isRefused) this.#end("refused");
      else if (!this.isOver) this.#retry();
    }
  }

  /** Nothing answers: the socket may take minutes to find out by itself. */
  #giveUp(why = "silent") {
    this.socket.onclose = null;
    this.socket.close();
    this.#closed(this.socket, why);
  }

  #end(reason, sentence = null) {
    if (this.isOver) return;
    this.isOver = true;
    this.isUp = false;
    this.heartbeat.stop();
    for (const timer of [this.timer, this.answer, this.lastWords]) clearTimeout(timer);
    this.log.add("page", { type: "ended", reason });
    this.socket?.close();
    this.observer.ended(reason, sentence);
  }
}

/** What a log may have of a message: not what opens a call. */
function withoutToken({ resume, ...message }) {
  return resume ? { ...message, resume: { within_ms: resume.within_ms } } : message;
}

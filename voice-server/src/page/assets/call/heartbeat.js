// Whether the server is still there: a browser does not see a network that is silently gone.
//
// Invariant: a connection is given up only when a ping has had no answer, and nothing else has come, for SILENT_MS; a page
// that the browser lets sleep does not mistake its own sleep for silence.

/** Between two pings. */
const EVERY_MS = 1_000;

/** What a timer may be early by. */
const EARLY_MS = 50;

/** Between two beats, this long is a page that the browser let sleep: answers may wait unread. */
const SLEPT_MS = 4_000;

/** Long enough for a hiccup of a mobile network, short enough to come back while the call is kept. */
const SILENT_MS = 5_000;

export class Heartbeat {
  /** `ping(n)` sends one; `silent()` is called once nothing answers. */
  constructor(ping, silent) {
    Object.assign(this, { ping, silent });
    this.n = 0;
    /** The newest round trip in milliseconds, or `null`. */
    this.roundTripMs = null;
  }

  start() {
    this.stop();
    this.unanswered = null;
    this.beatMs = performance.now();
    this.isOn = true;
    this.timer = setInterval(() => this.tick(performance.now()), EVERY_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.isOn = false;
  }

  /** Time has come this far: beats if it is due. The microphone's frames tell, whose time goes on in hidden tabs. */
  tick(nowMs) {
    if (this.isOn && nowMs - this.beatMs >= EVERY_MS - EARLY_MS) this.beat(nowMs);
  }

  /** Something came. */
  heard(message, nowMs) {
    if (message?.type === "pong" && message.n === this.n) this.roundTripMs = nowMs - this.sentMs;
    this.unanswered = null;
  }

  /** Another second has gone by, or more where the browser let the page sleep. */
  beat(nowMs) {
    if (nowMs - this.beatMs >= SLEPT_MS) this.unanswered = null;
    this.beatMs = nowMs;
    if (this.unanswered !== null && nowMs - this.unanswered >= SILENT_MS) return this.silent();
    this.unanswered ??= nowMs;
    this.n += 1;
    this.sentMs = nowMs;
    this.ping(this.n);
  }
}

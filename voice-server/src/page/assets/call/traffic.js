// How many bytes of messages go each way.
//
// Invariant: a rate is of whole messages over the last second or a little more, and of nothing before the first.

/** Over so long a rate is measured. */
const OVER_MS = 1_000;

export class Traffic {
  constructor() {
    this.sent = 0;
    this.received = 0;
    /** Bytes a second each way, or `null` before the first second is over. */
    this.rates = null;
    this.since = null;
  }

  /** Time has come this far. */
  tick(nowMs) {
    const { sent, received, since } = this;
    const elapsedMs = since === null ? Infinity : nowMs - since.nowMs;
    if (elapsedMs < OVER_MS) return;
    const rate = (bytes, before) => ((bytes - before) / elapsedMs) * 1000;
    if (since) this.rates = { sent: rate(sent, since.sent), received: rate(received, since.received) };
    this.since = { nowMs, sent, received };
  }
}

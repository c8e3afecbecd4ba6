// When to try again after a connection broke.
//
// Invariant: never after the time within which the server keeps the call, and never at the same moment as everybody else.

const WAITS_MS = [250, 500, 1_000, 2_000];

/** A wait is shorter by up to this part of it. */
const JITTER = 0.3;

export class Attempts {
  /** `lostMs` is when the connection broke, `withinMs` how long the server keeps the call from then on. */
  constructor(lostMs, withinMs, random = Math.random) {
    this.untilMs = lostMs + withinMs;
    this.random = random;
    this.count = 0;
  }

  /** How long to wait before the next attempt; `null` if there is none any more. */
  next(nowMs) {
    const longest = WAITS_MS[Math.min(this.count, WAITS_MS.length - 1)];
    const wait = longest * (1 - JITTER * this.random());
    this.count += 1;
    return nowMs + wait > this.untilMs ? null : wait;
  }
}

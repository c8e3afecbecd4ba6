// How much audio is gathered before a reply begins, or goes on after a gap.
//
// Invariant: between MIN_MS and MAX_MS; it grows at each gap and shrinks slowly while there is none.

const MIN_MS = 40;
const MAX_MS = 240;

/** A gap says that the target was too small by about as much again. */
const GROWTH = 1.5;

/** After this long without a gap it is tried with a little less. */
const CALM_MS = 10_000;
const SHRINK_MS = 5;

/** After a first packet no more than this is waited for the rest: a reply may be shorter than the target. */
export const MAX_GATHER_MS = 250;

export class JitterTarget {
  constructor() {
    this.targetMs = MIN_MS;
    this.calmSinceMs = 0;
  }

  /** Audio was missing at this time. */
  gap(nowMs) {
    this.targetMs = Math.min(MAX_MS, this.targetMs * GROWTH);
    this.calmSinceMs = nowMs;
  }

  /** It was played without a gap up to this time. */
  played(nowMs) {
    if (nowMs - this.calmSinceMs < CALM_MS) return;
    this.targetMs = Math.max(MIN_MS, this.targetMs - SHRINK_MS);
    this.calmSinceMs = nowMs;
  }
}

/** How uneven packets come: the mean deviation of their spacing (RFC 3550, 6.4.1), in milliseconds. */
export class ArrivalJitter {
  constructor() {
    this.jitterMs = 0;
    this.last = null;
  }

  /** A packet that begins at `audioMs` of its reply came at `arrivalMs`. */
  packet(reply, audioMs, arrivalMs) {
    if (this.last?.reply === reply) {
      const apart = Math.abs(arrivalMs - this.last.arrivalMs - (audioMs - this.last.audioMs));
      this.jitterMs += (apart - this.jitterMs) / 16;
    }
    this.last = { reply, audioMs, arrivalMs };
  }
}

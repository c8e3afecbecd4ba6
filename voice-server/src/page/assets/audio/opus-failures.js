// How often one direction of the codec has broken.
//
// Invariant: it is opened again unless it broke MAX_FAILURES times with less than a minute of audio between one time and the
// next: rare failures of a long call are forgotten.

/** A browser that fails more often than that cannot do it. */
const MAX_FAILURES = 3;

/** A minute of packets. */
const FORGOTTEN_AFTER = 3_000;

export class OpusFailures {
  constructor() {
    this.count = 0;
    /** Packets, or their samples, since it broke last. */
    this.given = 0;
  }

  /** It gave one. */
  gave() {
    this.given += 1;
    if (this.given >= FORGOTTEN_AFTER) this.count = 0;
  }

  /** It broke; whether that is the end of it. */
  broke() {
    this.given = 0;
    this.count += 1;
    return this.count >= MAX_FAILURES;
  }
}

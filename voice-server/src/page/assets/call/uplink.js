// Whether the line has room for the caller's voice.
//
// Invariant: it is said to be full from the first audio that it had no room for, and for as long as less than CLEAR_MS of audio
// in a row were taken again: a line that is nearly too slow does not flicker. Time is the audio's own.

/** The line is fast enough again once it has taken so much in a row: longer than what may wait for a slow socket takes to leave. */
const CLEAR_MS = 3_000;

export class Uplink {
  /** `lineRate` in samples a second; `tell` gets `true` once the line is full, and `false` once it is no longer. */
  constructor(lineRate, tell) {
    Object.assign(this, { lineRate, tell });
    /** Frames that the line had no room for. */
    this.dropped = 0;
    /** Samples that were taken since one was not; `null` while the line is not full. */
    this.taken = null;
  }

  /** The line had no room for a frame. */
  refused() {
    this.dropped += 1;
    const isNew = this.taken === null;
    this.taken = 0;
    if (isNew) this.tell(true);
  }

  /** The line took so many samples. */
  took(samples) {
    if (this.taken === null) return;
    this.taken += samples;
    if (this.taken >= (CLEAR_MS / 1000) * this.lineRate) this.forget();
  }

  /** What is known of the line is of another one. */
  forget() {
    if (this.taken === null) return;
    this.taken = null;
    this.tell(false);
  }
}

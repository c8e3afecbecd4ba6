// Which frames of the context a quantum is.
//
// Invariant: frames neither repeat nor go back, whatever the audio thread's scope says. Chromium's `currentFrame` keeps the
// value of the quantum before where the page changed the graph in that moment, and then steps over two (its issue
// 442866743); such a quantum is counted on from the one before it.

/** More is not made up for at once: what lasts longer is no quantum that was stepped over. */
const MAX_MISSED_S = 1;

export class FrameClock {
  constructor(rate) {
    this.maxMissed = MAX_MISSED_S * rate;
    /** The frame after the last one that was counted; `null` before the first. */
    this.next = null;
  }

  /** A quantum of so many frames, where the scope says `current`: its first frame, and how many quanta are missing before it. */
  tick(current, frames) {
    const expected = this.next ?? current;
    const frame = Math.max(current, expected);
    this.next = frame + frames;
    return { frame, missed: Math.floor(Math.min(frame - expected, this.maxMissed) / frames) };
  }
}

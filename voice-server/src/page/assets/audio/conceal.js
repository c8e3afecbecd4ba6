// What is heard where audio is missing: the last of it again, fading, and then silence.
//
// Invariant: at most FADE_MS of made-up sound; it begins where the real one stopped.

/** The piece that is repeated: a few periods of a voice. */
const PIECE_MS = 10;

/** Longer, a repeated piece sounds like a machine. */
const FADE_MS = 60;

export class Concealment {
  constructor(contextRate) {
    this.last = new Float32Array(Math.round((PIECE_MS / 1000) * contextRate));
    this.fadeFrames = Math.round((FADE_MS / 1000) * contextRate);
    this.made = 0;
  }

  /** Remembers the end of what was really played. */
  heard(block) {
    this.made = 0;
    const { last } = this;
    if (block.length >= last.length) {
      last.set(block.subarray(block.length - last.length));
      return;
    }
    last.copyWithin(0, block.length);
    last.set(block, last.length - block.length);
  }

  /** Nothing of it is to be heard again. */
  forget() {
    this.last.fill(0);
  }

  /** Fills `out` from `from` on. */
  fill(out, from) {
    const { last, fadeFrames } = this;
    for (let i = from; i < out.length; i += 1) {
      // Forwards, then backwards: without a jump where the piece meets itself.
      const at = this.made % (2 * last.length);
      const index = at < last.length ? last.length - 1 - at : at - last.length;
      const gain = Math.max(0, 1 - this.made / fadeFrames);
      out[i] = last[index] * gain;
      this.made += 1;
    }
  }
}

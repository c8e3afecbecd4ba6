// What is heard where audio is missing: the last of it again, fading, and then silence.
//
// Invariant: at most FADE_MS of made-up sound; it begins where the real one stopped, and makes room for it by degrees.

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
    for (let i = from; i < out.length; i += 1) out[i] = this.#next();
  }

  /** Passes over from what is made up to the real sound in `out`, within its first `frames`. */
  giveWay(out, frames) {
    if (this.made === 0) return;
    const over = Math.min(frames, out.length);
    for (let i = 0; i < over; i += 1) {
      const real = (i + 1) / over;
      out[i] = out[i] * real + this.#next() * (1 - real);
    }
  }

  #next() {
    const { last, made } = this;
    // Backwards, then forwards: without a jump where the piece meets itself.
    const at = made % (2 * last.length);
    const index = at < last.length ? last.length - 1 - at : at - last.length;
    this.made += 1;
    return last[index] * Math.max(0, 1 - made / this.fadeFrames);
  }
}

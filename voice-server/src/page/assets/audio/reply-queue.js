// The audio of one reply by position, as it came.
//
// Invariant: a sample is given at its own position or not at all. What is missing in between is silence, and told as a hole; one
// longer than MAX_HOLE_MS is passed over. Played audio is let go, and never more than MAX_QUEUED_MS are held: what comes beyond is
// refused and counted by whoever asks.

/** A server sends 100 ms ahead, and after a lost connection all that the page missed. */
const MAX_QUEUED_MS = 60_000;

/** Longer holes are no audio that was lost but a place where nothing was. */
const MAX_HOLE_MS = 1_000;

export class ReplyQueue {
  constructor(reply, rate) {
    this.reply = reply;
    this.maxQueued = (MAX_QUEUED_MS / 1000) * rate;
    this.maxHole = (MAX_HOLE_MS / 1000) * rate;
    /** Pieces `{start, samples}`, by position, without overlap. */
    this.pieces = [];
    /** Just after the last sample that came. */
    this.end = 0;
    /** How many samples the reply has; known once the server says so. */
    this.total = null;
  }

  /** Whether these samples were taken. What was there already is left out. */
  push(position, samples) {
    if (this.pieces.length === 0 && this.end === 0) this.end = position;
    const known = Math.max(0, this.end - position);
    if (known >= samples.length) return true;
    const first = this.pieces[0]?.start ?? this.end;
    if (position + samples.length - first > this.maxQueued + this.maxHole) return false;
    this.pieces.push({ start: position + known, samples: known > 0 ? samples.subarray(known) : samples });
    this.end = position + samples.length;
    return true;
  }

  /** All of it is here. */
  get isWhole() {
    return this.total !== null && this.end >= this.total;
  }

  /** Where reading goes on from `position`: there, or after a hole that is too long. */
  after(position) {
    const next = this.pieces.find((piece) => piece.start + piece.samples.length > position);
    return next && next.start - position > this.maxHole ? next.start : position;
  }

  /** The first of the `samples` from `position` on that is lost, for what follows it has come; `null` if there is none. */
  holeIn(position, samples) {
    let known = position;
    for (const piece of this.pieces) {
      const end = piece.start + piece.samples.length;
      if (end <= position) continue;
      if (piece.start > known) return piece.start - known <= this.maxHole ? known : null;
      known = end;
      if (known >= position + samples) break;
    }
    return null;
  }

  /** Fills `out` with the samples from `position` on; silence where there are none. */
  copy(position, out) {
    out.fill(0);
    for (const { start, samples } of this.pieces) {
      if (start >= position + out.length) break;
      const from = Math.max(start, position);
      const to = Math.min(start + samples.length, position + out.length);
      if (to > from) out.set(samples.subarray(from - start, to - start), from - position);
    }
  }

  /** Lets go of what lies before `position`. */
  forget(position) {
    while (this.pieces.length > 0 && this.pieces[0].start + this.pieces[0].samples.length <= position) {
      this.pieces.shift();
    }
  }
}

// A recording of the call made by the page: the caller left, the agent as rendered right, on the context's clock.
//
// Invariant: both sides are at the line's rate and begin at the caller's first frame. After so many `minutes` nothing more is
// kept; what the agent's side tells before the caller's first frame takes no room of theirs.

/** Of each side: 29 MB, which are 10 minutes of 24 kHz, and 5 of 48. */
const MAX_SAMPLES = 10 * 60 * 24_000;

/** Until it is known where the caller's side begins, the agent's newest is kept: messages of the two overtake each other by less. */
const EARLY_S = 1;

const WAV_HEADER_BYTES = 44;

export class Recorder {
  constructor(lineRate) {
    this.lineRate = lineRate;
    this.caller = new Side();
    this.agent = new Side();
    /** What came of the agent's side before it was known where the caller's begins. */
    this.early = [];
  }

  /** How much is kept. */
  get minutes() {
    return MAX_SAMPLES / this.lineRate / 60;
  }

  /** The caller's side runs since this frame of the context. */
  began(originFrame, contextRate) {
    Object.assign(this, { originFrame, contextRate });
    for (const { frame, pcm } of this.early.splice(0)) this.heard(frame, pcm);
  }

  /** More of the agent's side, which begins at this frame; what follows is without a hole. */
  heard(frame, pcm) {
    if (this.originFrame === undefined) return this.#wait(frame, pcm);
    const endFrame = frame + (pcm.length / this.lineRate) * this.contextRate;
    if (endFrame <= this.originFrame) return;
    this.firstFrame ??= frame;
    this.agent.push(pcm);
  }

  #wait(frame, pcm) {
    this.early.push({ frame, pcm });
    const samples = this.early.reduce((sum, piece) => sum + piece.pcm.length, 0);
    if (samples > EARLY_S * this.lineRate && this.early.length > 1) this.early.shift();
  }

  /** How many samples the agent's side has before the caller's begins; below 0 it begins later. */
  get #lead() {
    if (this.firstFrame === undefined) return 0;
    return Math.round(((this.originFrame - this.firstFrame) / this.contextRate) * this.lineRate);
  }

  get isEmpty() {
    return this.caller.length === 0;
  }

  /** The whole as a WAV file. */
  wav() {
    const left = this.caller.joined(0);
    const right = this.agent.joined(this.#lead);
    const frames = Math.max(left.length, right.length);
    const view = new DataView(new ArrayBuffer(WAV_HEADER_BYTES + frames * 4));
    writeHeader(view, frames, this.lineRate);
    for (let i = 0; i < frames; i += 1) {
      view.setInt16(WAV_HEADER_BYTES + i * 4, left[i] ?? 0, true);
      view.setInt16(WAV_HEADER_BYTES + i * 4 + 2, right[i] ?? 0, true);
    }
    return new Blob([view], { type: "audio/wav" });
  }
}

class Side {
  constructor() {
    this.pieces = [];
    this.length = 0;
  }

  push(pcm) {
    if (this.length >= MAX_SAMPLES) return;
    this.pieces.push(pcm);
    this.length += pcm.length;
  }

  /** All of it without the first `skipped` samples; below 0, with as much silence before it. */
  joined(skipped) {
    const before = Math.max(0, -skipped);
    const all = new Int16Array(before + this.length);
    let at = before;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all.subarray(Math.max(0, Math.min(skipped, all.length)));
  }
}

function writeHeader(view, frames, rate) {
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  const [channels, bytesPerFrame] = [2, 4];
  text(0, "RIFF");
  view.setUint32(4, WAV_HEADER_BYTES - 8 + frames * bytesPerFrame, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * bytesPerFrame, true);
  view.setUint16(32, bytesPerFrame, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, frames * bytesPerFrame, true);
}

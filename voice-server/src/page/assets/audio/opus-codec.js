// Opus both ways, by the browser's own codecs.
//
// Invariant: what breaks is opened again, MAX_FAILURES times in a call and then no more; each time it is told.

import { OpusDecoder } from "./opus-decoder.js";
import { OpusEncoder } from "./opus-encoder.js";

/** A browser that fails more often than that cannot do it. */
const MAX_FAILURES = 3;

export class OpusCodec {
  /** `fail(side, isFinal)`: "encode" or "decode" broke; `isFinal` says that it is not opened again. */
  constructor({ send, play, fail }) {
    Object.assign(this, { send, fail });
    this.failures = 0;
    this.isClosed = false;
    /** Frames that former encoders were too slow for. */
    this.refusedBefore = 0;
    this.encoder = null;
    this.decoder = new OpusDecoder(play, () => this.#broke("decode"));
  }

  /** Frames and packets for which there was no room. */
  get refused() {
    return this.refusedBefore + (this.encoder?.refused ?? 0) + this.decoder.refused;
  }

  /** Samples of the caller, the first of them at `position`. */
  encode(position, pcm) {
    if (this.isClosed) return;
    this.encoder ??= new OpusEncoder(this.send, () => this.#encoderBroke());
    this.encoder.encode(position, pcm);
  }

  /** Audio of the agent as it came. */
  decode(audio) {
    if (!this.isClosed) this.decoder.decode(audio);
  }

  /** `clear` or `finish` (with `total`) of a reply; the others are nothing to a codec. */
  control(type, reply, total) {
    if (type === "clear") this.decoder.clear(reply);
    if (type === "finish") this.decoder.finish(reply, total);
  }

  close() {
    this.isClosed = true;
    this.encoder?.close();
    this.decoder.close();
  }

  #encoderBroke() {
    this.refusedBefore += this.encoder?.refused ?? 0;
    this.encoder?.close();
    this.encoder = null;
    this.#broke("encode");
  }

  #broke(side) {
    if (this.isClosed) return;
    this.failures += 1;
    const isFinal = this.failures >= MAX_FAILURES;
    if (isFinal) this.close();
    this.fail(side, isFinal);
  }
}

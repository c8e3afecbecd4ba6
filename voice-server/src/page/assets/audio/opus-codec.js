// Opus both ways, by the browser's own codecs.
//
// Invariant: what breaks or stalls is opened again until it has broken too often; each time it is told. Nothing that a
// browser's codec throws goes further than this.

import { OpusDecoder } from "./opus-decoder.js";
import { OpusEncoder } from "./opus-encoder.js";
import { OpusFailures } from "./opus-failures.js";

export class OpusCodec {
  /** `told` as for any codec. `fail(side, isFinal)`: "encode" or "decode" broke; `isFinal` says that it is not opened again. */
  constructor({ send, play, end, fail }) {
    this.fail = fail;
    this.failures = { encode: new OpusFailures(), decode: new OpusFailures() };
    this.isClosed = false;
    /** Frames that former encoders were too slow for. */
    this.refusedBefore = 0;
    this.encoder = null;
    this.send = (position, packet) => {
      this.failures.encode.gave();
      send(position, packet);
    };
    const played = (audio) => {
      this.failures.decode.gave();
      play(audio);
    };
    this.decoder = new OpusDecoder({ play: played, end, fail: () => this.#broke("decode") });
  }

  /** Frames and packets for which there was no room. */
  get refused() {
    return this.refusedBefore + (this.encoder?.refused ?? 0) + this.decoder.refused;
  }

  /** Samples of the caller, the first of them at `position`. */
  encode(position, pcm) {
    if (this.isClosed) return;
    this.encoder ??= this.#opened();
    this.encoder?.encode(position, pcm);
  }

  /** Audio of the agent as it came. */
  decode(audio) {
    if (!this.isClosed) this.decoder.decode(audio);
  }

  /** `clear` or `finish` (with `total`) of a reply; the others are nothing to a codec. */
  control(type, reply, total) {
    if (this.isClosed) return;
    if (type === "clear") this.decoder.clear(reply);
    if (type === "finish") this.decoder.finish(reply, total);
  }

  close() {
    this.isClosed = true;
    this.encoder?.close();
    this.decoder.close();
  }

  #opened() {
    try {
      return new OpusEncoder(this.send, () => this.#encoderBroke());
    } catch {
      this.#encoderBroke();
      return null;
    }
  }

  #encoderBroke() {
    this.refusedBefore += this.encoder?.refused ?? 0;
    this.encoder = null;
    this.#broke("encode");
  }

  #broke(side) {
    if (this.isClosed) return;
    const isFinal = this.failures[side].broke();
    if (isFinal) this.close();
    this.fail(side, isFinal);
  }
}

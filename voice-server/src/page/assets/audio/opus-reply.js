// The Opus packets of one reply as samples.
//
// Invariant: samples are given at the positions at which they went into the server's encoder; what that looked ahead lies
// before position 0 and is left out. After `close` nothing is given any more, whatever the browser still decodes. A decoder
// that breaks or stalls is replaced at the next packet, and what it had not given by then is missing. Every AudioData is
// closed here.

import { LOOKAHEAD, PACKET_SAMPLES, timestampOf } from "./opus-format.js";
import { toPcm16 } from "./sinc.js";
import { StallWatch } from "./stall-watch.js";

/** Packets given to the decoder whose samples have not come: a minute, as much as may wait to be played. */
const MAX_WAITING = 3_000;

/** A decoder that gives nothing of so many, half a second, is waited for. Of fewer it may need those that follow. */
const MANY_WAITING = 25;

export class OpusReply {
  /** `told` has `play({reply, position, pcm})`, `end({reply, samples})` and `fail()`. */
  constructor(reply, config, told) {
    Object.assign(this, { reply, config, told });
    /** Positions of packets whose samples have not come. */
    this.waiting = [];
    /** Just after the last sample that was given. */
    this.end = 0;
    this.decoder = null;
    this.isClosed = false;
    /** Once all packets came: resolves when all samples were given. */
    this.finishing = null;
    this.watch = new StallWatch(() => this.#isOverdue, () => this.#broke(this.decoder));
  }

  /** Whether the packet was taken. */
  decode(position, payload) {
    if (this.isClosed || this.finishing || this.waiting.length >= MAX_WAITING) return false;
    try {
      if (this.decoder?.state !== "configured") this.decoder = this.#opened();
      this.waiting.push(position);
      this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: timestampOf(position), data: payload }));
    } catch {
      this.#broke(this.decoder);
    }
    return true;
  }

  /** All packets came; resolves once all samples were given, and it was told if they do not reach to `total`. */
  finish(total) {
    return (this.finishing ??= this.#finish(total));
  }

  close() {
    this.isClosed = true;
    this.watch.stop();
    this.#closeDecoder();
  }

  get #isOverdue() {
    return this.finishing !== null || this.waiting.length >= MANY_WAITING;
  }

  async #finish(total) {
    try {
      await this.decoder?.flush();
    } catch {
      // It broke, which was told, or was closed.
    }
    if (this.isClosed) return;
    if (this.end < total) this.told.end({ reply: this.reply, samples: this.end });
    this.close();
  }

  #opened() {
    const decoder = new AudioDecoder({
      output: (data) => this.#output(data, decoder),
      error: () => this.#broke(decoder),
    });
    decoder.configure(this.config);
    return decoder;
  }

  #broke(decoder) {
    if (this.isClosed || decoder !== this.decoder) return;
    this.waiting = [];
    this.#closeDecoder();
    this.decoder = null;
    this.told.fail();
  }

  #closeDecoder() {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
  }

  #output(data, decoder) {
    try {
      if (!this.isClosed && decoder === this.decoder) this.#samples(data);
    } catch {
      this.#broke(decoder);
    } finally {
      data.close();
    }
  }

  #samples(data) {
    this.watch.came();
    const frames = data.numberOfFrames;
    const position = this.#packetOf(data.timestamp);
    if (position === undefined) return;
    const samples = new Float32Array(frames);
    data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    // A decoder that leaves samples out does so at the beginning.
    const end = position + PACKET_SAMPLES - LOOKAHEAD;
    const first = Math.max(0, end - frames);
    this.end = end;
    if (end <= first) return;
    const pcm = Int16Array.from(samples.subarray(frames - (end - first)), toPcm16);
    this.told.play({ reply: this.reply, position: first, pcm });
  }

  /** The position of the packet whose samples these are; those before it gave none. */
  #packetOf(timestamp) {
    const at = this.waiting.findIndex((position) => timestampOf(position) === timestamp);
    if (at > 0) this.waiting.splice(0, at);
    return this.waiting.shift();
  }
}

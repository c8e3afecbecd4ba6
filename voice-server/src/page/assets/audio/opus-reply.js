// The Opus packets of one reply as samples.
//
// Invariant: samples are given at the positions at which they went into the server's encoder; what that looked ahead lies
// before position 0 and is left out. After `close` nothing is given any more, whatever the browser still decodes. A decoder
// that breaks is replaced at the next packet, and what it had not given by then is missing. Every AudioData is closed here.

import { LOOKAHEAD, PACKET_SAMPLES, timestampOf } from "./opus-format.js";
import { toPcm16 } from "./sinc.js";

/** Packets given to the decoder whose samples have not come: a minute, as much as may wait to be played. */
const MAX_WAITING = 3_000;

export class OpusReply {
  constructor(reply, config, play, fail) {
    Object.assign(this, { reply, config, play, fail });
    /** Positions of packets whose samples have not come. */
    this.waiting = [];
    /** Just after the last sample that was given. */
    this.end = 0;
    this.decoder = null;
    this.isClosed = false;
    this.isFinishing = false;
  }

  /** Whether the packet was taken. */
  decode(position, payload) {
    if (this.isClosed || this.isFinishing || this.waiting.length >= MAX_WAITING) return false;
    if (this.decoder?.state !== "configured") this.decoder = this.#opened();
    this.waiting.push(position);
    this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: timestampOf(position), data: payload }));
    return true;
  }

  /** All packets came; resolves once all samples were given. Of a reply of `total` samples, what is missing is silence. */
  async finish(total) {
    if (this.isFinishing || this.isClosed) return;
    this.isFinishing = true;
    try {
      await this.decoder?.flush();
    } catch {
      // It broke, which was told, or was closed.
    }
    if (this.isClosed) return;
    if (this.end < total) this.play({ reply: this.reply, position: total - 1, pcm: new Int16Array(1) });
    this.close();
  }

  close() {
    this.isClosed = true;
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
  }

  #opened() {
    const decoder = new AudioDecoder({
      output: (data) => this.#samples(data, decoder),
      error: () => this.#broke(decoder),
    });
    decoder.configure(this.config);
    return decoder;
  }

  #broke(decoder) {
    if (this.isClosed || decoder !== this.decoder) return;
    this.waiting = [];
    this.fail();
  }

  #samples(data, decoder) {
    const frames = data.numberOfFrames;
    const position = this.#packetOf(data.timestamp);
    const samples = new Float32Array(frames);
    if (!this.isClosed) data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    data.close();
    if (this.isClosed || position === undefined || decoder !== this.decoder) return;
    // A decoder that leaves samples out does so at the beginning.
    const end = position + PACKET_SAMPLES - LOOKAHEAD;
    const first = Math.max(0, end - frames);
    this.end = end;
    if (end > first) this.play({ reply: this.reply, position: first, pcm: Int16Array.from(samples.subarray(frames - (end - first)), toPcm16) });
  }

  /** The position of the packet whose samples these are; those before it gave none. */
  #packetOf(timestamp) {
    const at = this.waiting.findIndex((position) => timestampOf(position) === timestamp);
    if (at > 0) this.waiting.splice(0, at);
    return this.waiting.shift();
  }
}

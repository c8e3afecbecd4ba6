// The caller's voice as Opus packets, by WebCodecs.
//
// Invariant: each frame that is taken gives one packet, in order, whose position is where a decoder's samples of it belong:
// the frame's own less what the encoder looks ahead. No more than MAX_WAITING frames wait for the encoder; beyond it, audio
// is missing rather than late. An encoder that gives nothing of so many has broken. Every AudioData is closed here.

import { LOOKAHEAD, OPUS_KBIT, OPUS_RATE, PACKET_SAMPLES, preSkip, timestampOf } from "./opus-format.js";
import { StallWatch } from "./stall-watch.js";

/** Frames given to the encoder whose packets have not come: half a second. */
const MAX_WAITING = 25;

/** A line that loses nothing needs no copies of what was lost; 5 is where voice stops gaining audibly. */
const CONFIG = Object.freeze({
  codec: "opus",
  sampleRate: OPUS_RATE,
  numberOfChannels: 1,
  bitrate: OPUS_KBIT * 1000,
  opus: { format: "opus", frameDuration: timestampOf(PACKET_SAMPLES), application: "voip", signal: "voice", complexity: 5 },
});

/** Whether this browser's encoder does not do what is wanted. */
export async function cannotEncode() {
  try {
    return !(await AudioEncoder.isConfigSupported(CONFIG)).supported;
  } catch {
    return true;
  }
}

export class OpusEncoder {
  /** `send(position, packet)` gets each packet; `fail()` is called once if the encoder breaks, which ends it. Throws if there is none. */
  constructor(send, fail) {
    Object.assign(this, { send, fail });
    this.isClosed = false;
    /** An encoder that says otherwise is believed. */
    this.lookahead = LOOKAHEAD;
    /** Positions of the frames whose packets have not come. */
    this.waiting = [];
    /** Frames that the encoder was too slow for. */
    this.refused = 0;
    this.encoder = new AudioEncoder({
      output: (chunk, metadata) => this.#orBreak(() => this.#packet(chunk, metadata)),
      error: () => this.#broke(),
    });
    this.encoder.configure(CONFIG);
    this.watch = new StallWatch(() => this.waiting.length >= MAX_WAITING, () => this.#broke());
  }

  /** A frame of 20 ms; another length, which only a first frame has, is not encoded. */
  encode(position, pcm) {
    if (this.encoder.state !== "configured" || pcm.length !== PACKET_SAMPLES) return;
    if (this.waiting.length >= MAX_WAITING) {
      this.refused += 1;
      return;
    }
    this.waiting.push(position);
    this.#orBreak(() => this.#give(position, pcm));
  }

  close() {
    this.isClosed = true;
    this.watch.stop();
    if (this.encoder.state !== "closed") this.encoder.close();
  }

  #orBreak(act) {
    try {
      act();
    } catch {
      this.#broke();
    }
  }

  #broke() {
    if (this.isClosed) return;
    this.close();
    this.fail();
  }

  #give(position, pcm) {
    const data = audioData(position, pcm);
    try {
      this.encoder.encode(data);
    } finally {
      data.close();
    }
  }

  #packet(chunk, metadata) {
    if (this.isClosed) return;
    this.watch.came();
    this.lookahead = preSkip(metadata?.decoderConfig?.description) ?? this.lookahead;
    const position = this.waiting.shift() - this.lookahead;
    const packet = new Uint8Array(chunk.byteLength);
    chunk.copyTo(packet);
    // What lies before the line's first sample is silence that nobody said.
    if (position >= 0) this.send(position, packet);
  }
}

function audioData(position, pcm) {
  return new AudioData({
    format: "f32",
    sampleRate: OPUS_RATE,
    numberOfChannels: 1,
    numberOfFrames: pcm.length,
    timestamp: timestampOf(position),
    data: Float32Array.from(pcm, (sample) => sample / 32768),
  });
}

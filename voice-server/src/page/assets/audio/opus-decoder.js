// The agent's Opus packets as samples, by WebCodecs.
//
// Invariant: each reply has a decoder of its own, as the server's encoder begins anew with each: nothing of one is in
// another. What a decoder gives late, of a reply that was cleared, is thrown away. A reply that was told to its end comes to
// its end, whatever was lost of it: where its audio ends before, that is told. At most MAX_REPLIES are decoded at a time;
// packets of one more are refused.

import { OPUS_RATE } from "./opus-format.js";
import { OpusReply } from "./opus-reply.js";

/** The server sends one at a time, and after a lost connection all that the page missed. */
const MAX_REPLIES = 8;

/** Raw packets, as the server's encoder makes them. */
const CONFIG = Object.freeze({ codec: "opus", sampleRate: OPUS_RATE, numberOfChannels: 1 });

/** Whether this browser's decoder does not take them. */
export async function cannotDecode() {
  try {
    return !(await AudioDecoder.isConfigSupported(CONFIG)).supported;
  } catch {
    return true;
  }
}

export class OpusDecoder {
  /**
   * `told` has `play({reply, position, pcm})`, which gets samples, `end({reply, samples})`, where a reply is shorter than was
   * told, and `fail()`, which is called each time a decoder breaks.
   */
  constructor(told) {
    this.told = told;
    this.replies = new Map();
    /** The newest reply of which anything came, and the newest that was cleared. */
    this.newest = 0;
    this.cleared = 0;
    /** Packets for which there was no room. */
    this.refused = 0;
  }

  /** Audio as it came. An empty payload is a frame that is missing. */
  decode({ reply, position, payload }) {
    const decoding = this.replies.get(reply) ?? this.#begin(reply);
    if (payload.length === 0) return;
    if (!decoding?.decode(position, payload)) this.refused += 1;
  }

  /** No audio of the reply after `total` samples. */
  finish(reply, total) {
    const decoding = this.replies.get(reply);
    if (decoding) this.#end(decoding, total);
    // One that has come to its end is not the newest that is to come; of one that has not, nothing was taken.
    else if (reply > Math.max(this.newest, this.cleared)) this.told.end({ reply, samples: 0 });
  }

  /** Nothing of the reply is to be heard any more. */
  clear(reply) {
    this.cleared = Math.max(this.cleared, reply);
    this.replies.get(reply)?.close();
    this.replies.delete(reply);
  }

  close() {
    for (const decoding of this.replies.values()) decoding.close();
    this.replies.clear();
  }

  /** A reply that is new; those before it have come to their ends. */
  #begin(reply) {
    if (reply <= this.newest || this.replies.size >= MAX_REPLIES) return null;
    this.newest = reply;
    for (const before of this.replies.values()) this.#end(before, null);
    const decoding = new OpusReply(reply, CONFIG, this.told);
    this.replies.set(reply, decoding);
    return decoding;
  }

  async #end(decoding, total) {
    await decoding.finish(total);
    if (this.replies.get(decoding.reply) === decoding) this.replies.delete(decoding.reply);
  }
}

// What the line speaks: which encodings there are, which of them this browser can do, and the one of a call.
//
// Invariant: a codec has `opened`, which resolves once it runs or has failed, `encode(position, pcm)`, `decode(audio)`,
// `control(type, reply, total)`, `refused` and `close()`, and gives packets and samples with the positions to which they
// belong. Nothing here knows of sockets or of what is done with the samples.

import { cannotDecode } from "./opus-decoder.js";
import { cannotEncode } from "./opus-encoder.js";
import { LOOKAHEAD, OPUS_KBIT, OPUS_RATE } from "./opus-format.js";
import { OpusLine } from "./opus-line.js";
import { PcmCodec } from "./pcm-codec.js";

/** Voices of vendors are made at this rate, and an AudioContext of 48 kHz is twice as fast exactly. */
const PCM_RATE = 24_000;

/**
 * Each encoding: `format` as in `hello`, its name, how long the caller's first frame is, which makes up for what an encoder
 * looks ahead, and what may wait for a slow socket: two seconds, in Opus with as much again for headers and text.
 */
export const ENCODINGS = Object.freeze({
  pcm16: {
    format: Object.freeze({ encoding: "pcm16", rate: PCM_RATE }),
    name: "PCM, 24 kHz",
    firstSamples: PCM_RATE / 50,
    maxWaitingBytes: 2 * PCM_RATE * 2,
  },
  opus: {
    format: Object.freeze({ encoding: "opus", rate: OPUS_RATE }),
    name: "Opus, 48 kHz",
    firstSamples: LOOKAHEAD,
    maxWaitingBytes: 2 * 2 * ((OPUS_KBIT * 1000) / 8),
  },
});

/** Why this browser cannot speak Opus, in a sentence, or `null` if it can. */
export async function noOpus() {
  if (!("AudioEncoder" in globalThis && "AudioDecoder" in globalThis)) {
    return isSecureContext
      ? "This browser has no WebCodecs for audio, which Opus needs."
      : "Browsers give WebCodecs, which Opus needs, only to pages over https, or of this machine.";
  }
  if (await cannotEncode()) return "This browser cannot encode Opus at 48 kHz.";
  return (await cannotDecode()) ? "This browser cannot decode Opus at 48 kHz." : null;
}

/**
 * The codec of a call; `told` has `send(position, payload)`, `play({reply, position, pcm})`, `end({reply, samples})` where a
 * reply that was told to its end has no more than so many, and `fail(side, isFinal)`: "encode", "decode" or all of the "codec".
 */
export function codecOf(encoding, told) {
  return encoding === "opus" ? new OpusLine(told) : new PcmCodec(told);
}

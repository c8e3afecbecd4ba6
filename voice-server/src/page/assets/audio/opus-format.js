// What both directions of Opus on the line have in common.
//
// Invariant: whatever bytes describe an encoder, the answer is a plausible one or none.

/** What browsers encode and decode, in samples a second. */
export const OPUS_RATE = 48_000;

/** What a voice takes, in kbit/s: the server's encoder has as much. */
export const OPUS_KBIT = 24;

/** One packet, 20 ms. */
export const PACKET_SAMPLES = 960;

/** What libopus looks ahead for voices, 6.5 ms: so much later comes out of a decoder what went into the packet (PROTOCOL.md). */
export const LOOKAHEAD = 312;

/** Where a sample is in time, as WebCodecs counts: microseconds. */
export function timestampOf(position) {
  return Math.round((position / OPUS_RATE) * 1e6);
}

const MAGIC = "OpusHead";
const PRE_SKIP_AT = 10;

/** Longer, it would be no look-ahead: the longest packet of Opus, 120 ms. */
const MAX_PRE_SKIP = 5_760;

/** What an encoder looks ahead by its own description, which is the header of Opus in Ogg (RFC 7845, 5.1); `null` if it says nothing. */
export function preSkip(description) {
  if (!description) return null;
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(description) ? description : new Uint8Array(description);
  const view = new DataView(buffer, byteOffset, byteLength);
  if (view.byteLength < PRE_SKIP_AT + 2) return null;
  if ([...MAGIC].some((letter, at) => view.getUint8(at) !== letter.charCodeAt(0))) return null;
  const samples = view.getUint16(PRE_SKIP_AT, true);
  return samples <= MAX_PRE_SKIP ? samples : null;
}

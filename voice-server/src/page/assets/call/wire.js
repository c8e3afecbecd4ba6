// The native protocol, version 1, as bytes and messages (PROTOCOL.md).
//
// Invariant: what is read is a value with every field checked, or `null`: whatever comes, nothing is thrown. Nothing here
// knows of sockets or of what messages mean.

export const PROTOCOL = 1;

/** The line's rate: voices of vendors are made at it, and an AudioContext of 48 kHz is twice as fast exactly. */
export const LINE_RATE = 24_000;

export const AUDIO = Object.freeze({ encoding: "pcm16", rate: LINE_RATE });

const HEADER_BYTES = 16;
const KIND_CALLER = 1;
const KIND_AGENT = 2;

/** A message of the caller's audio: `pcm` are 16-bit samples, the first of them at `position`. */
export function encodeAudio(position, pcm) {
  const bytes = new ArrayBuffer(HEADER_BYTES + pcm.length * 2);
  const view = new DataView(bytes);
  view.setUint8(0, PROTOCOL);
  view.setUint8(1, KIND_CALLER);
  view.setBigUint64(8, BigInt(position), true);
  for (let i = 0; i < pcm.length; i += 1) view.setInt16(HEADER_BYTES + i * 2, pcm[i], true);
  return bytes;
}

/** `{reply, position, pcm}` of a message of the agent's audio, or `null` if it is none. */
export function decodeAudio(bytes) {
  if (bytes.byteLength < HEADER_BYTES || bytes.byteLength % 2 !== 0) return null;
  const view = new DataView(bytes);
  if (view.getUint8(0) !== PROTOCOL || view.getUint8(1) !== KIND_AGENT) return null;
  const position = Number(view.getBigUint64(8, true));
  if (!Number.isSafeInteger(position)) return null;
  const pcm = new Int16Array((bytes.byteLength - HEADER_BYTES) / 2);
  for (let i = 0; i < pcm.length; i += 1) pcm[i] = view.getInt16(HEADER_BYTES + i * 2, true);
  return { reply: view.getUint32(4, true), position, pcm };
}

/** The message in a text, or `null` if it is none. */
export function decodeText(text) {
  try {
    const message = JSON.parse(text);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/** The first message of a socket; `received` is how many messages of the call had come where it is resumed. */
export function hello(received = null) {
  const message = { type: "hello", protocol: PROTOCOL, audio: AUDIO, played_reports: true, resumable: true };
  return received === null ? message : { ...message, resume: { received } };
}

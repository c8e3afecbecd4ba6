// The native protocol, version 1, as bytes and messages (PROTOCOL.md).
//
// Invariant: what is read is a value with every field checked, or `null`: whatever comes, nothing is thrown. Nothing here
// knows of sockets or of what messages mean.

export const PROTOCOL = 1;

const HEADER_BYTES = 16;
const KIND_CALLER = 1;
const KIND_AGENT = 2;

/** A message of the caller's audio: `payload` is in the agreed encoding, its first sample at `position`. */
export function encodeAudio(position, payload) {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, PROTOCOL);
  view.setUint8(1, KIND_CALLER);
  view.setBigUint64(8, BigInt(position), true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** `{reply, position, payload}` of a message of the agent's audio, or `null` if it is none. */
export function decodeAudio(bytes) {
  if (bytes.byteLength < HEADER_BYTES) return null;
  const view = new DataView(bytes);
  if (view.getUint8(0) !== PROTOCOL || view.getUint8(1) !== KIND_AGENT) return null;
  const position = Number(view.getBigUint64(8, true));
  if (!Number.isSafeInteger(position)) return null;
  return { reply: view.getUint32(4, true), position, payload: new Uint8Array(bytes, HEADER_BYTES) };
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

/** The first message of a socket, with the audio's format; `received` is how many messages of the call had come where it is resumed. */
export function hello(audio, received = null) {
  const message = { type: "hello", protocol: PROTOCOL, audio, played_reports: true, resumable: true };
  return received === null ? message : { ...message, resume: { received } };
}

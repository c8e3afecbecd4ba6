// PCM of 16 bits on the line: bytes to samples and back.
//
// Invariant: whatever bytes come are samples or nothing; there is no state.

export class PcmCodec {
  constructor({ send, play }) {
    Object.assign(this, { send, play });
    this.refused = 0;
    this.opened = Promise.resolve();
  }

  /** Samples of the caller, the first of them at `position`. */
  encode(position, pcm) {
    const payload = new Uint8Array(pcm.length * 2);
    const view = new DataView(payload.buffer);
    for (let i = 0; i < pcm.length; i += 1) view.setInt16(i * 2, pcm[i], true);
    this.send(position, payload);
  }

  /** Audio of the agent as it came. */
  decode({ reply, position, payload }) {
    if (payload.length % 2 !== 0) return;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const pcm = new Int16Array(payload.length / 2);
    for (let i = 0; i < pcm.length; i += 1) pcm[i] = view.getInt16(i * 2, true);
    this.play({ reply, position, pcm });
  }

  control() {}

  close() {}
}

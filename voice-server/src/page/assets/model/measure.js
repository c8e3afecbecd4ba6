// What the page itself measures of a call: how long the agent took to be heard, and how long to fall silent.
//
// Invariant: both ends of a measure are frames of the one AudioContext: the caller's by position, the agent's as rendered.
// What the sound card adds on its way out is not in them; the counters say how much that is.

import { LINE_RATE } from "../call/wire.js";

export class Measure {
  constructor(rendered, contextRate) {
    Object.assign(this, { rendered, contextRate });
    this.originFrame = null;
    /** Where the caller stopped to speak last, in positions. */
    this.speechEnd = null;
  }

  /** The caller's position 0 is at this frame. */
  began(originFrame) {
    this.originFrame = originFrame;
  }

  /** The frame at which this sample of the caller was recorded. */
  callerFrame(position) {
    return this.originFrame === null ? null : this.originFrame + (position * this.contextRate) / LINE_RATE;
  }

  /** The server's clock on the context's, once both have begun; it is late by the way of one message. */
  serverFrame(ms) {
    return this.readyFrame === undefined ? null : this.readyFrame + (ms / 1000) * this.contextRate;
  }

  take(message, frame) {
    if (message.type === "ready") this.readyFrame = frame;
    if (message.type === "speaking" && message.who === "caller" && !message.on) this.speechEnd = message.position ?? null;
  }

  /** From the caller's last sample to the reply's first that was heard, in milliseconds; `null` if either is missing. */
  voiceToVoiceMs(reply, speechEndPosition) {
    const first = this.rendered.firstFrame(reply);
    if (first === null || !Number.isFinite(speechEndPosition) || speechEndPosition <= 0) return null;
    const ms = this.#ms(first - this.callerFrame(speechEndPosition));
    return ms >= 0 ? ms : null;
  }

  /** From the onset to the last sample of the reply that was heard before `beforeFrame`; 0 if it was silent already. */
  silenceMs(reply, onsetPosition, beforeFrame) {
    const last = this.rendered.lastFrame(reply, beforeFrame);
    const onset = this.callerFrame(onsetPosition);
    return last === null || onset === null ? null : Math.max(0, this.#ms(last - onset));
  }

  #ms(frames) {
    return (frames / this.contextRate) * 1000;
  }
}

/** The value below which a part of `values` lies, by the nearest rank; `null` of none. */
export function percentile(values, part) {
  if (values.length === 0) return null;
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}

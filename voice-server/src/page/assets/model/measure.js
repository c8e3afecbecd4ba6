// What the page itself measures of a call: how long the agent took to be heard, and how long to fall silent.
//
// Invariant: both ends of a measure are frames of the one AudioContext: the caller's by position, the agent's as rendered.
// What the sound card adds on its way out is not in them; the counters say how much that is.

/** Stops of the sound that are remembered; older ones are taken for one. */
const MAX_SKIPS = 100;

export class Measure {
  constructor(rendered, contextRate, lineRate) {
    Object.assign(this, { rendered, contextRate, lineRate });
    this.originFrame = null;
    /** Where positions went on after the context stood still, `{position, total}` with all that was skipped by then. */
    this.skips = [];
    /** Where the caller stopped to speak last, in positions. */
    this.speechEnd = null;
  }

  /** The caller's position 0 is at this frame. */
  began(originFrame) {
    this.originFrame = originFrame;
  }

  /** The context stood still for so many samples, and the caller's positions went on with this one. */
  skipped(position, samples) {
    this.skips.push({ position, total: (this.skips.at(-1)?.total ?? 0) + samples });
    if (this.skips.length > MAX_SKIPS) this.skips.shift();
  }

  /** The frame at which this sample of the caller was recorded. */
  callerFrame(position) {
    if (this.originFrame === null) return null;
    const skipped = this.skips.findLast((skip) => skip.position <= position)?.total ?? 0;
    return this.originFrame + ((position - skipped) * this.contextRate) / this.lineRate;
  }

  /** The server's clock on the context's, once both have begun; it is late by the way of one message. */
  serverFrame(ms) {
    if (this.readyFrame === undefined) return null;
    const stoppedS = (this.skips.at(-1)?.total ?? 0) / this.lineRate;
    return this.readyFrame + (ms / 1000 - stoppedS) * this.contextRate;
  }

  /** Where a turn's end was decided: so long after the caller's last sample, or where there is none, by the server's clock. */
  eotFrame({ speech_end_position, speech_end_ms, eot_ms }) {
    const isAfterSpeech = Number.isFinite(speech_end_position) && Number.isFinite(speech_end_ms);
    const end = isAfterSpeech ? this.callerFrame(speech_end_position) : null;
    return end === null ? this.serverFrame(eot_ms) : end + ((eot_ms - speech_end_ms) / 1000) * this.contextRate;
  }

  take(message, frame) {
    if (message.type === "ready") this.readyFrame = frame;
    if (message.type === "speaking" && message.who === "caller") this.speechEnd = message.on ? null : (message.position ?? null);
    // What was said was nothing to be answered.
    if (message.type === "barge_in" && message.decision === "resumed") this.speechEnd = null;
  }

  /** How long the answer took whose reply is heard for the first time, or `null` if it answers nothing. */
  answerMs(reply) {
    const { speechEnd } = this;
    this.speechEnd = null;
    return speechEnd === null ? null : this.voiceToVoiceMs(reply, speechEnd);
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

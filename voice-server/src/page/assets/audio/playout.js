// What the loudspeaker gets: the replies' audio, one after the other, from the very samples.
//
// Invariant: `pause`, `resume` and `clear` take effect within the quantum that is rendered next, with a ramp over at most
// that quantum. After a cleared reply's ramp nothing of it is rendered, whatever comes late. A position never goes back: a
// paused reply goes on with the sample after the last one that was heard. Nothing here knows of ports or messages; time is
// the count of rendered frames.

import { Concealment } from "./conceal.js";
import { JitterTarget, MAX_GATHER_MS } from "./jitter.js";
import { ReplyQueue } from "./reply-queue.js";
import { SincKernel } from "./sinc.js";

/** The longest ramp: too short to be heard as a fade, long enough not to be heard as a click. */
const RAMP_S = 0.0027;

/** Replies that wait behind the one that is played; the server sends one at a time. What comes beyond is refused. */
const MAX_REPLIES = 8;

/** How many of the replies that are over are remembered one by one; older ones are over by their number. */
const MAX_OVER = 64;

export class Playout {
  constructor(lineRate, contextRate) {
    this.lineRate = lineRate;
    this.contextRate = contextRate;
    this.step = lineRate / contextRate;
    this.kernel = new SincKernel(lineRate, contextRate);
    this.target = new JitterTarget();
    this.conceal = new Concealment(contextRate);
    this.rampFrames = Math.floor(RAMP_S * contextRate);
    this.scratch = new Float32Array(Math.ceil(128 * this.step) + 2 * this.kernel.taps);
    /** Replies that are not over, in order. The first is the one that is heard. */
    this.queues = [];
    this.over = [];
    /** Replies that have come to their end or were cleared, with how much of them was rendered. */
    this.ended = [];
    this.paused = new Set();
    this.counters = { gaps: 0, concealed_ms: 0, refused: 0, late: 0 };
    this.#begin();
  }

  /** Samples of a reply, beginning at this position of it. */
  push(reply, position, samples, frame = 0) {
    if (this.#isOver(reply)) this.counters.late += 1;
    const queue = this.#queue(reply);
    if (!queue) return;
    // One reply at a time comes: of those before, this was all, and one that is paused is over, whatever became of the word.
    for (const other of [...this.paused]) if (other < reply) this.clear(other);
    for (const other of this.queues) if (other.reply < reply) other.total ??= other.end;
    if (queue.since === undefined) queue.since = frame;
    if (!queue.push(position, samples)) this.counters.refused += 1;
  }

  /** No audio of the reply after `total` samples; where it is told twice, the less is so. */
  finish(reply, total) {
    const queue = this.#queue(reply);
    if (queue) queue.total = Math.min(total, queue.total ?? Infinity);
  }

  pause(reply) {
    if (!this.#isOver(reply)) this.paused.add(reply);
  }

  resume(reply) {
    this.paused.delete(reply);
  }

  clear(reply) {
    if (this.#isOver(reply)) return;
    this.paused.delete(reply);
    if (this.queues[0]?.reply === reply && this.gain > 0) {
      this.clearing = reply;
      return;
    }
    this.#drop(reply);
  }

  /** Milliseconds of audio that wait to be played. */
  bufferedMs() {
    const queue = this.queues[0];
    return queue ? Math.max(0, ((queue.end - this.#position()) / this.lineRate) * 1000) : 0;
  }

  /**
   * Renders the next quantum into `out`, whose first frame is `frame`. Tells what it is: the reply, the first sample of it,
   * how many, and whether some was missing; `null` for nothing.
   */
  render(out, frame) {
    const queue = this.queues[0];
    if (!queue || !this.#mayPlay(queue, frame)) {
      out.fill(0);
      return null;
    }
    const wanted = this.clearing === queue.reply || this.paused.has(queue.reply) ? 0 : 1;
    if (wanted === 0 && this.gain === 0) {
      out.fill(0);
      return null;
    }
    const first = this.#position();
    const { frames, isLost } = this.#read(queue, out);
    const isGap = frames < out.length && !isLost && !queue.isWhole;
    const begins = this.#conceal(out, isGap || isLost ? frames : out.length);
    // What was lost says nothing of how much has to be gathered.
    if (isGap && begins) this.target.gap((frame / this.contextRate) * 1000);
    this.#ramp(out, wanted);
    if (isGap) this.#gatherAnew(queue, frame);
    const rendered = { reply: queue.reply, first, samples: this.#position() - first, isGap: isGap || isLost };
    if (wanted === 0) this.#silenced(queue);
    else if (queue.isWhole && this.#position() >= queue.total) this.#drop(queue.reply);
    else if (!isGap) this.target.played((frame / this.contextRate) * 1000);
    return rendered;
  }

  /** Whether a reply has begun and not ended, pauses of its own and missing audio included. */
  get isSpeaking() {
    return this.queues[0]?.begun === true;
  }

  /** How much of the reply that is heard has been rendered; `null` if none is. */
  progress() {
    const queue = this.queues[0];
    return queue?.begun ? { reply: queue.reply, samples: this.#position() } : null;
  }

  /** The replies that are over since this was asked last, as `{reply, samples}`. */
  takeEnded() {
    return this.ended.splice(0);
  }

  #begin() {
    /** The next sample is at `origin` plus so many `frames` at the context's rate. */
    this.origin = 0;
    this.frames = 0;
    this.gain = 0;
    this.clearing = null;
    this.gathering = true;
  }

  #position() {
    return Math.min(Math.floor(this.origin + this.frames * this.step), this.queues[0]?.total ?? Infinity);
  }

  /** Whether there is enough to begin with, or to go on with after a gap. */
  #mayPlay(queue, frame) {
    if (!this.gathering) return true;
    // A ramp down needs no audio to come.
    if (this.clearing === queue.reply || this.paused.has(queue.reply)) return this.gain > 0;
    const hasTarget = this.bufferedMs() >= this.target.targetMs;
    const hasWaited = ((frame - (queue.since ?? frame)) / this.contextRate) * 1000 >= MAX_GATHER_MS;
    if (queue.isWhole && queue.end <= this.#position()) {
      this.#drop(queue.reply);
      return false;
    }
    if (queue.end <= this.#position() || !(hasTarget || hasWaited || queue.isWhole)) return false;
    this.gathering = false;
    if (!queue.begun) [queue.begun, this.origin, this.frames] = [true, queue.after(0), 0];
    return true;
  }

  /**
   * Reads as many `frames` as there is audio for. What `isLost`, for audio that follows it is here, takes the rest of the quantum:
   * it will not come, and time goes on as far as audio has come.
   */
  #read(queue, out) {
    const { kernel, scratch, step } = this;
    const at = Math.floor(this.origin + this.frames * step);
    const jumped = queue.after(at);
    if (jumped !== at) [this.origin, this.frames] = [jumped, 0];
    const base = Math.floor(this.origin + this.frames * step) - kernel.half;
    queue.copy(base, scratch);
    // The last samples of a reply are followed by silence; before its end they wait for what follows.
    const end = queue.isWhole ? queue.total : queue.end - kernel.half;
    const hole = queue.holeIn(Math.floor(this.origin + this.frames * step), scratch.length);
    const last = hole === null ? end : Math.min(end, hole - kernel.half);
    let i = 0;
    for (; i < out.length; i += 1) {
      const place = this.origin + this.frames * step;
      if (place >= last) break;
      out[i] = kernel.read(scratch, place - base);
      this.frames += 1;
    }
    out.fill(0, i);
    queue.forget(base - kernel.taps);
    const isLost = i < out.length && last < end;
    if (isLost) this.#skip(out.length - i, queue.end);
    return { frames: i, isLost };
  }

  /** Passes over so many frames, and over nothing that is yet to come. */
  #skip(frames, end) {
    this.frames += frames;
    if (this.origin + this.frames * this.step > end) [this.origin, this.frames] = [end, 0];
  }

  /** The first `from` frames of `out` are real, and those after them missing. Tells whether that begins here, however short it is. */
  #conceal(out, from) {
    const real = out.subarray(0, from);
    if (from > 0) {
      this.conceal.giveWay(real, this.rampFrames);
      this.conceal.heard(real);
    }
    if (from === out.length) return false;
    const begins = this.conceal.made === 0;
    if (begins) this.counters.gaps += 1;
    this.conceal.fill(out, from);
    this.counters.concealed_ms += ((out.length - from) / this.contextRate) * 1000;
    return begins;
  }

  /** Once the sound has faded out, what comes is gathered anew, and goes on where it stopped. */
  #gatherAnew(queue, frame) {
    if (this.conceal.made < this.conceal.fadeFrames) return;
    [this.gathering, this.gain, queue.since] = [true, 0, frame];
  }

  /** Brings the gain to what is wanted within the quantum. */
  #ramp(out, wanted) {
    if (this.gain === wanted) return;
    const frames = Math.min(this.rampFrames, out.length);
    for (let i = 0; i < out.length; i += 1) {
      const done = Math.min(1, (i + 1) / frames);
      out[i] *= wanted === 1 ? done : 1 - done;
    }
    this.gain = wanted;
  }

  #silenced(queue) {
    this.conceal.forget();
    if (this.clearing === queue.reply) this.#drop(queue.reply);
  }

  #drop(reply) {
    const head = this.queues[0];
    const isHeard = head?.reply === reply;
    this.ended.push({ reply, samples: isHeard && head.begun ? this.#position() : 0 });
    if (this.ended.length > MAX_OVER) this.ended.shift();
    this.queues = this.queues.filter((queue) => queue.reply !== reply);
    this.paused.delete(reply);
    this.over.push(reply);
    if (this.over.length > MAX_OVER) this.over.shift();
    if (!isHeard) return;
    this.conceal.forget();
    this.#begin();
  }

  #isOver(reply) {
    return this.over.includes(reply) || (this.over.length === MAX_OVER && reply < Math.min(...this.over));
  }

  /** Where audio of this reply goes; nowhere if the reply is over or too many wait. */
  #queue(reply) {
    const known = this.queues.find((queue) => queue.reply === reply);
    if (known || this.#isOver(reply)) return known;
    if (this.queues.length >= MAX_REPLIES) {
      this.counters.refused += 1;
      return null;
    }
    const queue = new ReplyQueue(reply, this.lineRate);
    this.queues.push(queue);
    this.queues.sort((one, other) => one.reply - other.reply);
    return queue;
  }
}

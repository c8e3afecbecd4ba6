// The agent's voice on the audio thread: takes the replies' audio and what is to be done with it, renders, and tells what
// it rendered.
//
// Invariant: what the log of runs says is what was handed to the loudspeaker, frame by frame. Decisions are Playout's.
//
// Takes: audio {reply, position, pcm}, finish {reply, total}, pause, resume, clear {reply}.
// Tells: played {reply, samples, frame}, rendered {frame, peaks, runs, taken, buffered_ms, target_ms, is_speaking, counters},
// side {frame, pcm}, capture {frame, samples} if it was asked for. `taken` has a {frame, samples} for each pause, resume and
// clear in order: the frame that was rendered next, and how much of the reply had been rendered.

import { FrameClock } from "./frame-clock.js";
import { Playout } from "./playout.js";
import { Resampler, toPcm16 } from "./sinc.js";

/** How often the played position is told while playing. */
const PLAYED_EVERY_S = 0.04;

/** How often the rest is. */
const TELL_EVERY_S = 0.04;

/** Below this (-80 dB) a quantum is silent: nobody hears it, and a resampler's tail is no speech. */
const SILENT = 1e-4;

/** The Web Audio API renders so many frames at a time. */
const QUANTUM = 128;

/** A capture is told in pieces of this many frames. */
const CAPTURE_FRAMES = 4096;

class PlaybackProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions: { lineRate, isCapturing } }) {
    super();
    this.playout = new Playout(lineRate, sampleRate);
    this.side = new Resampler(sampleRate, lineRate);
    this.sidePcm = [];
    this.peaks = [];
    this.runs = [];
    this.taken = [];
    this.clock = new FrameClock(sampleRate);
    /** The first frame of what is told next; a context may have run before this began. */
    this.toldFrame = null;
    this.playedFrame = 0;
    this.silence = new Float32Array(QUANTUM);
    this.captured = isCapturing ? new Float32Array(CAPTURE_FRAMES) : null;
    this.capturedFrames = 0;
    this.port.onmessage = ({ data }) => this.#take(data);
  }

  #take(message) {
    const { playout } = this;
    switch (message.type) {
      case "audio":
        playout.push(message.reply, message.position, fromPcm16(message.pcm), this.#nextFrame);
        break;
      case "finish":
        playout.finish(message.reply, message.total);
        break;
      case "pause":
        this.#note(message.reply);
        playout.pause(message.reply);
        this.tellsPause = true;
        break;
      case "resume":
        this.#note(message.reply);
        playout.resume(message.reply);
        break;
      case "clear":
        this.#note(message.reply);
        playout.clear(message.reply);
        break;
    }
  }

  /** The frame that is rendered next. */
  get #nextFrame() {
    return this.clock.next ?? currentFrame;
  }

  #note(reply) {
    const progress = this.playout.progress();
    this.taken.push({ frame: this.#nextFrame, samples: progress?.reply === reply ? progress.samples : null });
  }

  process(_inputs, [[out]]) {
    const { frame, missed } = this.clock.tick(currentFrame, out.length);
    for (let back = missed; back > 0; back -= 1) this.#keep(frame - back * out.length, this.silence, 0);
    const rendered = this.playout.render(out, frame);
    const peak = peakOf(out);
    this.#log(rendered, peak, frame, out.length);
    this.#tellPlayed(frame + out.length);
    this.#keep(frame, out, peak);
    return true;
  }

  /** Keeps a block that begins at this frame until it is told. */
  #keep(frame, block, peak) {
    const end = frame + block.length;
    this.toldFrame ??= frame;
    this.peaks.push(peak);
    this.side.push(block, (sample) => this.sidePcm.push(toPcm16(sample)));
    if (this.captured) this.#capture(block, end);
    if (end - this.toldFrame >= TELL_EVERY_S * sampleRate) this.#tell(end);
  }

  /** Lengthens the last run, or begins another. */
  #log(rendered, peak, frame, frames) {
    if (!rendered || peak < SILENT) return;
    const { reply, first, samples, isGap } = rendered;
    const last = this.runs.at(-1);
    const isNext =
      last &&
      last.reply === reply &&
      last.gap === isGap &&
      last.context_frame + last.frames === frame &&
      last.first_sample + last.samples === first;
    if (isNext) {
      last.frames += frames;
      last.samples += samples;
      return;
    }
    this.runs.push({ context_frame: frame, frames, reply, first_sample: first, samples, gap: isGap });
  }

  #tellPlayed(frame) {
    for (const { reply, samples } of this.playout.takeEnded()) this.port.postMessage({ type: "played", reply, samples, frame });
    const isDue = frame - this.playedFrame >= PLAYED_EVERY_S * sampleRate;
    if (!isDue && !this.tellsPause) return;
    this.tellsPause = false;
    this.playedFrame = frame;
    const progress = this.playout.progress();
    if (!progress || (progress.reply === this.told?.reply && progress.samples === this.told.samples)) return;
    this.told = progress;
    this.port.postMessage({ type: "played", ...progress, frame });
  }

  #tell(frame) {
    const { playout } = this;
    const first = this.toldFrame;
    this.toldFrame = frame;
    this.port.postMessage({
      type: "rendered",
      frame: first,
      peaks: this.peaks,
      runs: this.runs,
      taken: this.taken,
      buffered_ms: playout.bufferedMs(),
      target_ms: playout.target.targetMs,
      is_speaking: playout.isSpeaking,
      counters: { ...playout.counters },
    });
    const pcm = Int16Array.from(this.sidePcm);
    this.port.postMessage({ type: "side", frame: first, pcm }, [pcm.buffer]);
    [this.peaks, this.runs, this.taken, this.sidePcm] = [[], [], [], []];
  }

  /** A block that ends at `end`. */
  #capture(block, end) {
    this.captured.set(block, this.capturedFrames);
    this.capturedFrames += block.length;
    if (this.capturedFrames < CAPTURE_FRAMES) return;
    // A sound is in the log before it is in the capture, also when the context is closed between the two.
    this.#tell(end);
    const samples = this.captured.slice();
    this.port.postMessage({ type: "capture", frame: end - CAPTURE_FRAMES, samples }, [samples.buffer]);
    this.capturedFrames = 0;
  }
}

function fromPcm16(pcm) {
  const samples = new Float32Array(pcm.length);
  for (let i = 0; i < pcm.length; i += 1) samples[i] = pcm[i] / 32768;
  return samples;
}

function peakOf(block) {
  let peak = 0;
  for (let i = 0; i < block.length; i += 1) peak = Math.max(peak, Math.abs(block[i]));
  return peak;
}

registerProcessor("playback", PlaybackProcessor);

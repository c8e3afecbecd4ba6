// What was really rendered of the agent, frame by frame, and the last of it as sound.
//
// Invariant: runs are in the order of their frames; neighbours are of different replies or apart. At most MAX_RUNS are
// kept, and MAX_CAPTURE_S of sound: the oldest go first.

const MAX_RUNS = 20_000;
const MAX_CAPTURE_S = 120;

/** Messages about replies that are remembered. */
const MAX_CONTROLS = 5_000;

export class RenderedLog {
  constructor(rate) {
    this.rate = rate;
    this.runs = [];
    this.controls = [];
    /** Those of them that the audio thread has not taken yet, as far as is known. */
    this.waiting = [];
    this.pieces = [];
  }

  /** Runs as the worklet tells them. */
  add(runs) {
    for (const run of runs) {
      const last = this.runs.at(-1);
      if (last && continues(last, run)) {
        last.frames += run.frames;
        last.samples += run.samples;
      } else {
        this.runs.push({ ...run });
      }
    }
    if (this.runs.length > MAX_RUNS) this.runs.splice(0, this.runs.length - MAX_RUNS);
  }

  /** `pause`, `resume` or `clear` came, while the context was at this time. */
  control(type, reply, currentTime) {
    const control = { type, reply, performance_ms: performance.now(), current_time: currentTime };
    this.controls.push(control);
    this.waiting.push(control);
    if (this.controls.length > MAX_CONTROLS) this.controls.shift();
  }

  /** What the audio thread tells of the controls that it took, in their order. */
  taken(taken) {
    for (const { frame, samples } of taken) {
      const control = this.waiting.shift();
      if (control) [control.taken_frame, control.taken_samples] = [frame, samples];
    }
  }

  /** A piece of captured sound. */
  capture(frame, samples) {
    this.pieces.push({ frame, samples });
    const most = Math.ceil((MAX_CAPTURE_S * this.rate) / samples.length);
    if (this.pieces.length > most) this.pieces.shift();
  }

  /** The first frame in which the reply was heard, or `null`. */
  firstFrame(reply) {
    return this.runs.find((run) => run.reply === reply)?.context_frame ?? null;
  }

  /** Just after the last frame in which the reply was heard before `before`, or `null`. */
  lastFrame(reply, before = Infinity) {
    const run = this.runs.findLast((run) => run.reply === reply && run.context_frame < before);
    return run ? Math.min(run.context_frame + run.frames, before) : null;
  }

  /** The captured sound, as `{frame, samples}`. */
  captured() {
    const frames = this.pieces.reduce((sum, piece) => sum + piece.samples.length, 0);
    const samples = new Float32Array(frames);
    let at = 0;
    for (const piece of this.pieces) {
      samples.set(piece.samples, at);
      at += piece.samples.length;
    }
    return { frame: this.pieces[0]?.frame ?? 0, rate: this.rate, samples };
  }
}

function continues(last, run) {
  return (
    last.reply === run.reply &&
    last.gap === run.gap &&
    last.context_frame + last.frames === run.context_frame &&
    last.first_sample + last.samples === run.first_sample
  );
}

// The caller's voice on the audio thread: whatever is connected, at the line's rate, in frames of 20 ms with positions. The
// first frame may be shorter, which shifts where the others begin.
//
// Invariant: positions count from the first frame that was asked for and keep real time: where nothing is connected, or
// the microphone is muted, there is silence of the same length; where the context stood still, positions skip that time.
// Sample k was recorded at context frame `origin_frame + (k - skipped before k) * contextRate / lineRate`.
//
// Takes: start, stop, mute {on}, skip {ms}.  Tells: started {origin_frame}, audio {position, pcm, peaks}, skipped {position,
// samples}: so many were skipped before `position`.

import { FrameClock } from "./frame-clock.js";
import { Resampler, toPcm16 } from "./sinc.js";

/** The best length of a message (PROTOCOL.md). */
const FRAME_S = 0.02;

class MicrophoneProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions: { lineRate, firstSamples } }) {
    super();
    this.lineRate = lineRate;
    this.firstSamples = firstSamples;
    this.frameSamples = Math.round(FRAME_S * lineRate);
    this.clock = new FrameClock(sampleRate);
    this.silence = new Float32Array(128);
    this.isOn = false;
    this.isMuted = false;
    this.port.onmessage = ({ data }) => this.#take(data);
  }

  #take(message) {
    if (message.type === "start") this.#start();
    if (message.type === "stop") this.isOn = false;
    if (message.type === "mute") this.isMuted = message.on;
    if (message.type === "skip" && this.isOn) this.skip += Math.round((message.ms / 1000) * this.lineRate);
  }

  #start() {
    this.resampler = new Resampler(sampleRate, this.lineRate);
    this.pcm = new Int16Array(this.firstSamples);
    this.filled = 0;
    this.position = 0;
    this.skip = 0;
    this.peaks = [];
    this.isOn = true;
    this.isFirst = true;
  }

  process([[input]]) {
    const { frame, missed } = this.clock.tick(currentFrame, this.silence.length);
    if (!this.isOn) return true;
    // Between two quanta browsers disagree about which frame is the current one.
    if (this.isFirst) this.port.postMessage({ type: "started", origin_frame: frame });
    else for (let quanta = missed; quanta > 0; quanta -= 1) this.#hear(this.silence);
    this.isFirst = false;
    this.#hear(input && !this.isMuted ? input : this.silence);
    return true;
  }

  #hear(block) {
    this.peaks.push(block.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0));
    this.resampler.push(block, (sample) => {
      this.pcm[this.filled] = toPcm16(sample);
      this.filled += 1;
      if (this.filled === this.pcm.length) this.#send();
    });
  }

  #send() {
    const { pcm, position, peaks } = this;
    this.position += pcm.length;
    this.port.postMessage({ type: "audio", position, pcm, peaks }, [pcm.buffer]);
    this.pcm = new Int16Array(this.frameSamples);
    this.filled = 0;
    this.peaks = [];
    if (this.skip > 0) this.#skip();
  }

  #skip() {
    this.position += this.skip;
    this.port.postMessage({ type: "skipped", position: this.position, samples: this.skip });
    this.skip = 0;
  }
}

registerProcessor("microphone", MicrophoneProcessor);

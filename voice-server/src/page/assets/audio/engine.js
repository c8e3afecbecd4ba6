// The one AudioContext of a call, with the caller's and the agent's worklet in it.
//
// Invariant: both sides count the same frames, so that what was said and what was heard can be compared to the sample.
// Nothing here knows of sockets; what the worklets tell is passed on as it comes.

/** How long a browser may take to start the sound. */
const START_MS = 5_000;

export class AudioEngine {
  /**
   * The line has `lineRate` samples a second, and `firstSamples` in its first frame. `tell` gets every message of the worklets, with `side` "caller" or "agent", and with "sound" `stopped` or, `away_ms`
   * later, `running`. Must be called from a click.
   */
  static async open({ lineRate, firstSamples, tell, isCapturing }) {
    const context = new AudioContext({ latencyHint: "interactive" });
    const here = (file) => new URL(file, import.meta.url);
    try {
      await Promise.all([
        context.audioWorklet.addModule(here("./mic-worklet.js")),
        context.audioWorklet.addModule(here("./playback-worklet.js")),
        started(context),
      ]);
      return new AudioEngine(context, tell, { lineRate, firstSamples, isCapturing });
    } catch (error) {
      await context.close().catch(() => {});
      throw error;
    }
  }

  constructor(context, tell, options) {
    Object.assign(this, { context, tell });
    /** Since when the browser has stopped the sound; `null` while it runs. */
    this.stoppedMs = null;
    this.caller = worklet(context, "microphone", 1, options);
    this.agent = worklet(context, "playback", 0, options);
    this.caller.port.onmessage = ({ data }) => tell("caller", data);
    this.agent.port.onmessage = ({ data }) => tell("agent", data);
    this.source = null;
    context.onstatechange = () => this.#stateChanged(performance.now());
  }

  /** Phones stop the sound during a call of their own. */
  #stateChanged(nowMs) {
    if (this.context.state === "running") {
      if (this.stoppedMs !== null) this.tell("sound", { type: "running", away_ms: nowMs - this.stoppedMs });
      this.stoppedMs = null;
      return;
    }
    if (this.stoppedMs === null) this.tell("sound", { type: "stopped" });
    this.stoppedMs ??= nowMs;
    this.wake();
  }

  get rate() {
    return this.context.sampleRate;
  }

  /** Now, in frames of the context. */
  get frame() {
    return Math.round(this.context.currentTime * this.rate);
  }

  /** What is rendered is heard so much later, in milliseconds, as far as the browser knows. */
  get outputLatencyMs() {
    return ((this.context.outputLatency || 0) + (this.context.baseLatency || 0)) * 1000;
  }

  /** From now on this node is the caller; `null` is silence. */
  connectCaller(source) {
    this.source?.disconnect(this.caller);
    this.source = source;
    source?.connect(this.caller);
  }

  /** Caller audio is told from now on, with positions from 0. */
  startCaller() {
    this.caller.port.postMessage({ type: "start" });
  }

  /** Nothing could be recorded for so long: positions go on as if it had been. */
  skipCaller(ms) {
    this.caller.port.postMessage({ type: "skip", ms });
  }

  muteCaller(on) {
    this.caller.port.postMessage({ type: "mute", on });
  }

  /** Audio of a reply; `pcm` is given away. */
  play({ reply, position, pcm }) {
    this.agent.port.postMessage({ type: "audio", reply, position, pcm }, [pcm.buffer]);
  }

  /** `pause`, `resume`, `clear` or `finish` (with `total`) of a reply. */
  control(type, reply, total = null) {
    this.agent.port.postMessage({ type, reply, total });
  }

  /** Where the agent is heard, on browsers that can choose. */
  async chooseOutput(deviceId) {
    await this.context.setSinkId?.(deviceId);
  }

  /** Goes on where the browser stopped the sound. */
  async wake() {
    if (["suspended", "interrupted"].includes(this.context.state)) await this.context.resume().catch(() => {});
  }

  async close() {
    this.context.onstatechange = null;
    this.caller.port.onmessage = null;
    this.agent.port.onmessage = null;
    // It may be closed, or about to be.
    await this.context.close().catch(() => {});
  }
}

/** A browser that waits for a click, or for a sound card, does not say so. */
async function started(context) {
  const late = new Promise((resolve) => setTimeout(resolve, START_MS, "late"));
  if ((await Promise.race([context.resume(), late])) !== "late") return;
  throw new Error("the browser does not start the sound. See that it has a loudspeaker, then start the call again.");
}

function worklet(context, name, numberOfInputs, processorOptions) {
  const options = { numberOfInputs, numberOfOutputs: 1, outputChannelCount: [1], channelCount: 1, processorOptions };
  const mono = { channelCountMode: "explicit", channelInterpretation: "speakers" };
  const node = new AudioWorkletNode(context, name, { ...options, ...(numberOfInputs > 0 ? mono : {}) });
  node.connect(context.destination);
  return node;
}

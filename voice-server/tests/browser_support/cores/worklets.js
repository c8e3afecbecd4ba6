// The audio thread's two sides, in a scope that is made up: its frames are counted by the test.
const QUANTUM = 128;
const told = [];
const processors = new Map();
const scope = {
  sampleRate: 48_000,
  currentFrame: 0,
  registerProcessor: (name, processor) => processors.set(name, processor),
  AudioWorkletProcessor: class {
    port = { postMessage: (message) => told.push(structuredClone(message)) };
  },
};
Object.assign(globalThis, scope);

/** Renders so many quanta from the present frame on. */
function run(processor, quanta) {
  for (let quantum = 0; quantum < quanta; quantum += 1, globalThis.currentFrame += QUANTUM) {
    processor.process([[new Float32Array(QUANTUM)]], [[new Float32Array(QUANTUM)]]);
  }
}

/** The same in a scope whose frame often keeps the value of the quantum before, as Chromium's does. */
function runWithStaleFrames(processor, quanta) {
  const first = globalThis.currentFrame;
  for (let quantum = 0; quantum < quanta; quantum += 1) {
    globalThis.currentFrame = first + (quantum % 3 === 1 ? quantum - 1 : quantum) * QUANTUM;
    processor.process([[new Float32Array(QUANTUM)]], [[new Float32Array(QUANTUM)]]);
  }
  globalThis.currentFrame = first + quanta * QUANTUM;
}

const take = (type) => told.filter((message) => message.type === type);

try {
  await module("audio/playback-worklet.js");
  await module("audio/mic-worklet.js");
  const options = { processorOptions: { lineRate: 24_000, firstSamples: 480, isCapturing: false } };

  // What the agent's side tells first is of the frame in which it began, however long the context ran before.
  globalThis.currentFrame = 12_800;
  const playback = new (processors.get("playback"))(options);
  globalThis.currentFrame += 3 * QUANTUM;
  run(playback, 60);
  const frames = take("rendered").map(({ frame }) => frame);
  assertEqual([frames[0], take("side").map(({ frame }) => frame)], [12_800 + 3 * QUANTUM, frames]);
  take("rendered").forEach(({ frame, peaks }, i) => assertEqual(frames[i + 1] ?? frame + peaks.length * QUANTUM, frame + peaks.length * QUANTUM));

  // A reply is being spoken from its beginning to its end, a pause of its own included.
  told.length = 0;
  playback.port.onmessage({ data: { type: "audio", reply: 1, position: 0, pcm: new Int16Array(24_000) } });
  run(playback, 30);
  assertEqual(take("rendered").at(-1).is_speaking, true);
  playback.port.onmessage({ data: { type: "finish", reply: 1, total: 24_000 } });
  run(playback, 400);
  assertEqual(take("rendered").at(-1).is_speaking, false);

  // Sound that is captured is told once it is known what it was.
  told.length = 0;
  const capturing = new (processors.get("playback"))({ processorOptions: { ...options.processorOptions, isCapturing: true } });
  run(capturing, 200);
  let known = 0;
  for (const { type, frame, peaks, samples } of told) {
    if (type === "rendered") known = frame + peaks.length * QUANTUM;
    if (type === "capture") assert(frame + samples.length <= known, "of", frame + samples.length, "known", known);
  }
  assert(take("capture").length > 2, told.length);

  // A frame that stands still is counted on, so that the runs are where the sound is; what is stepped over is silence.
  told.length = 0;
  runWithStaleFrames(capturing, 1);
  const loud = new Int16Array(24_000).fill(16_384);
  capturing.port.onmessage({ data: { type: "audio", reply: 1, position: 0, pcm: loud } });
  runWithStaleFrames(capturing, 100);
  globalThis.currentFrame += 2 * QUANTUM;
  const steppedTo = globalThis.currentFrame;
  run(capturing, 100);
  const runs = take("rendered").flatMap((message) => message.runs);
  const pieces = take("capture");
  const [firstFrame, endFrame] = [runs[0].context_frame, pieces.at(-1).frame + pieces.at(-1).samples.length];
  pieces.forEach(({ frame, samples }, i) => assertEqual(pieces[i + 1]?.frame ?? endFrame, frame + samples.length));
  for (const { frame, samples } of pieces) {
    for (let at = frame; at < frame + samples.length; at += QUANTUM) {
      const isInside = runs.some((run) => run.context_frame <= at && at < run.context_frame + run.frames);
      const isLoud = largest(samples.subarray(at - frame, at - frame + QUANTUM)) > 0.1;
      assertEqual(isLoud, isInside, at);
      assertEqual(isLoud, at >= firstFrame && (at < steppedTo - 2 * QUANTUM || at >= steppedTo), at);
    }
  }
  const ends = take("rendered").map(({ frame, peaks }) => frame + peaks.length * QUANTUM);
  take("rendered").slice(1).forEach(({ frame }, i) => assertEqual(frame, ends[i]));

  // So is the caller's first frame, also where that is the one that stood still; and nothing of the caller's time is lost.
  told.length = 0;
  const staleMicrophone = new (processors.get("microphone"))(options);
  runWithStaleFrames(staleMicrophone, 1);
  staleMicrophone.port.onmessage({ data: { type: "start" } });
  const began = globalThis.currentFrame;
  globalThis.currentFrame -= QUANTUM;
  staleMicrophone.process([[]], [[]]);
  globalThis.currentFrame = began + QUANTUM;
  runWithStaleFrames(staleMicrophone, 99);
  globalThis.currentFrame += 50 * QUANTUM;
  run(staleMicrophone, 50);
  assertEqual(take("started").map(({ origin_frame }) => origin_frame), [began]);
  const heard = take("audio").reduce((sum, { pcm }) => sum + pcm.length, 0);
  assert(Math.abs(heard - (200 * QUANTUM) / 2) <= 480 + 64, heard);

  // Where the context stood still, the caller's positions skip that time once, between two frames.
  told.length = 0;
  const microphone = new (processors.get("microphone"))(options);
  microphone.port.onmessage({ data: { type: "start" } });
  run(microphone, 100);
  microphone.port.onmessage({ data: { type: "skip", ms: 1_000 } });
  run(microphone, 100);
  assertEqual(take("skipped").map(({ samples }) => samples), [24_000]);
  const positions = take("audio").map(({ position }) => position);
  const steps = positions.slice(1).map((position, i) => position - positions[i]);
  assertEqual(steps.filter((step) => step !== 480), [24_480]);
  assert(positions.includes(take("skipped")[0].position), "it is said before which frame");

  // A first frame that is shorter shifts the others, and nothing else.
  told.length = 0;
  const shifted = new (processors.get("microphone"))({ processorOptions: { lineRate: 48_000, firstSamples: 312 } });
  shifted.port.onmessage({ data: { type: "start" } });
  run(shifted, 30);
  const frames48 = take("audio").map(({ position, pcm }) => [position, pcm.length]);
  assertEqual(frames48.slice(0, 3), [[0, 312], [312, 960], [1_272, 960]]);
} finally {
  for (const name of Object.keys(scope)) delete globalThis[name];
}

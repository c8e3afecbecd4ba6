// What the page measures and records of a call, on the context's clock.
const { Recorder } = await module("audio/recorder.js");
const { Measure } = await module("model/measure.js");
const { RenderedLog } = await module("audio/rendered.js");

/** The right channel of a stereo recording, sample by sample. */
async function right(recorder) {
  const view = new DataView(await recorder.wav().arrayBuffer());
  return Array.from({ length: (view.byteLength - 44) / 4 }, (_, frame) => view.getInt16(44 + frame * 4 + 2, true));
}

// The agent's side is told from some frame of the context on, the caller's from another: the recording begins with the
// caller's first, whichever of them came first.
for (const [agentFrame, expected] of [[4_800, [3, 4]], [4_804, [1, 2, 3, 4]], [4_808, [0, 0, 1, 2, 3, 4]]]) {
  const recorder = new Recorder(24_000);
  recorder.heard(agentFrame, Int16Array.of(1, 2));
  recorder.heard(agentFrame + 4, Int16Array.of(3, 4));
  recorder.began(4_804, 48_000);
  recorder.caller.push(Int16Array.of(9));
  assertEqual(await right(recorder), expected, agentFrame);
}

// What the agent's side tells while a microphone is still being asked for takes no room, and of what is told across the first
// frame of the caller's nothing is missing.
{
  const recorder = new Recorder(24_000);
  const [piece, minutes] = [960, 12];
  let frame = 0;
  const hear = (value) => {
    recorder.heard(frame, new Int16Array(piece).fill(value));
    frame += piece * 2;
  };
  for (let told = 0; told < minutes * 60 * 25; told += 1) hear(1);
  for (const value of [2, 3]) hear(value);
  recorder.began(frame - piece * 3, 48_000);
  recorder.caller.push(Int16Array.of(9));
  for (const value of [4, 5]) hear(value);
  const found = await right(recorder);
  assertEqual([found.length, found[0], found[piece / 2], found.at(-1)], [piece * 3.5, 2, 3, 5]);
}

const run = (reply, context_frame) => ({ context_frame, frames: 128, reply, first_sample: 0, samples: 64, gap: false });
const stopped = (position) => ({ type: "speaking", who: "caller", on: false, position });

/** The caller's position 0 is at frame 1,000 of a context of 48 kHz. */
function measuring(lineRate = 24_000) {
  const rendered = new RenderedLog(48_000);
  const measure = new Measure(rendered, 48_000, lineRate);
  measure.began(1_000);
  return { rendered, measure };
}

// A reply answers what was said last, once: one that comes unasked has no such time, and neither has one after a cough.
{
  const { rendered, measure } = measuring();
  rendered.add([run(1, 1_000)]);
  assertEqual(measure.answerMs(1), null, "a greeting");
  measure.take(stopped(24_000), 0);
  rendered.add([run(2, 1_000 + 48_000 + 9_600)]);
  assertEqual([measure.answerMs(2), measure.answerMs(2)], [200, null]);
  rendered.add([run(3, 400_000)]);
  assertEqual(measure.answerMs(3), null, "unasked");
  measure.take(stopped(240_000), 0);
  measure.take({ type: "barge_in", decision: "resumed", reply: 3 }, 0);
  rendered.add([run(4, 800_000)]);
  assertEqual(measure.answerMs(4), null, "what was said was nothing to be answered");
}

// While the context stands still, positions go on and its frames do not.
{
  const { measure } = measuring();
  measure.take({ type: "ready" }, 2_000);
  measure.skipped(72_000, 48_000);
  measure.skipped(120_000, 24_000);
  assertEqual([0, 12_000, 72_000, 120_000].map((at) => measure.callerFrame(at)), [1_000, 25_000, 49_000, 97_000]);
  assertEqual(measure.serverFrame(4_000), 2_000 + 48_000);
}

// A turn's end is decided so long after the caller's last sample, however far the server's clock and the sound card's are
// apart by then; where nobody spoke there is only the server's.
{
  const { measure } = measuring();
  measure.take({ type: "ready" }, 2_000);
  const anHour = 3_600 * 24_000;
  const turn = { speech_end_position: anHour, speech_end_ms: 3_600_900, eot_ms: 3_601_300 };
  assertEqual(measure.eotFrame(turn), 1_000 + 3_600 * 48_000 + 0.4 * 48_000);
  assertEqual(measure.eotFrame({ ...turn, speech_end_position: null, speech_end_ms: null, eot_ms: 1_000 }), 2_000 + 48_000);
}

// All of it is so at the other rate of the line, and a recording takes no more memory.
{
  const { measure } = measuring(48_000);
  measure.take({ type: "ready" }, 2_000);
  measure.skipped(144_000, 96_000);
  assertEqual([0, 24_000, 144_000].map((at) => measure.callerFrame(at)), [1_000, 25_000, 49_000]);
  assertEqual(measure.serverFrame(4_000), 2_000 + 96_000);
  const recorder = new Recorder(48_000);
  recorder.heard(4_800, Int16Array.of(1, 2, 3, 4));
  recorder.began(4_802, 48_000);
  recorder.caller.push(Int16Array.of(9));
  assertEqual(await right(recorder), [3, 4]);
  const header = new DataView(await recorder.wav().arrayBuffer());
  assertEqual([header.getUint32(24, true), header.getUint32(28, true)], [48_000, 192_000]);
  assertEqual([recorder.minutes, new Recorder(24_000).minutes], [5, 10]);
}

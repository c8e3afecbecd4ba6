const { Playout } = await module("audio/playout.js");

const LINE_RATE = 24_000;
const QUANTUM = 128;

/** Renders for so many frames: the sound, and what was told of each quantum. */
function render(playout, firstFrame, frames) {
  const sound = [];
  const told = [];
  const block = new Float32Array(QUANTUM);
  for (let frame = firstFrame; frame < firstFrame + frames; frame += QUANTUM) {
    told.push(playout.render(block, frame));
    sound.push(...block);
  }
  return { sound, told, heard: told.filter(Boolean), end: firstFrame + told.length * QUANTUM };
}

/** A reply of a second in frames of 20 ms. */
function second(playout, reply) {
  const samples = tone(LINE_RATE, 440, LINE_RATE);
  for (let at = 0; at < LINE_RATE; at += 480) playout.push(reply, at, samples.slice(at, at + 480));
  playout.finish(reply, LINE_RATE);
}

function assertContiguous(heard) {
  let next = heard[0].first;
  for (const { first, samples } of heard) {
    assert(first === next, "a sample is twice or never there", first, next);
    next += samples;
  }
  return next;
}

// A pause is silence after one quantum; the reply goes on with the very next sample, at any rate of the sound card.
for (const rate of [48_000, 44_100, 16_000, 96_000]) {
  const playout = new Playout(LINE_RATE, rate);
  second(playout, 1);
  const before = render(playout, 0, Math.ceil(rate * 0.3));
  playout.pause(1);
  const paused = render(playout, before.end, 12_800);
  assert(paused.told[0] !== null && paused.told.slice(1).every((told) => told === null), rate, "one quantum, and then nothing");
  assert(largest(paused.sound.slice(QUANTUM)) === 0, rate, "silence");
  playout.resume(1);
  const after = render(playout, paused.end, rate);
  assertEqual(assertContiguous([...before.heard, ...paused.heard, ...after.heard]), LINE_RATE);
  assertEqual(playout.takeEnded(), [{ reply: 1, samples: LINE_RATE }]);
  const heard = [...before.sound, ...paused.sound.slice(0, QUANTUM), ...after.sound];
  const jumps = heard.slice(1).map((sample, i) => sample - heard[i]);
  assert(largest(jumps) < (Math.PI * 440) / rate + 0.025, rate, "no click", largest(jumps));
  // But for the ramps it is the tone itself.
  const wanted = tone(rate, 440, heard.length);
  const isRamp = (i) => i < 400 || (i >= before.sound.length - 1 && i < before.sound.length + 260) || i > rate * 0.95;
  assert(largest(heard.map((sample, i) => (isRamp(i) ? 0 : sample - wanted[i]))) < 1e-3, rate, "the sound is the tone");
}

// Of a cleared reply nothing is heard after the quantum of its ramp, whatever comes late.
{
  const playout = new Playout(LINE_RATE, 48_000);
  playout.push(3, 0, tone(LINE_RATE, 440, LINE_RATE));
  const before = render(playout, 0, 12_800);
  playout.clear(3);
  const cleared = render(playout, before.end, 1_280);
  assert(cleared.told[0]?.reply === 3 && cleared.told.slice(1).every((told) => told === null), "one quantum");
  playout.push(3, LINE_RATE, tone(LINE_RATE, 440, 2_400));
  playout.resume(3);
  playout.finish(3, LINE_RATE + 2_400);
  playout.push(4, 0, tone(LINE_RATE, 440, 2_400));
  const after = render(playout, cleared.end, 12_800);
  assert(after.heard.length > 0 && after.heard.every((told) => told.reply === 4), "the next one only");
  assertEqual(playout.counters.late, 1);
}

// A reply that is cleared while it is paused makes no sound at all any more, and its end is told.
{
  const playout = new Playout(LINE_RATE, 48_000);
  second(playout, 5);
  const before = render(playout, 0, 12_800);
  playout.pause(5);
  const paused = render(playout, before.end, 1_280);
  playout.clear(5);
  assert(render(playout, paused.end, 12_800).heard.length === 0);
  assertEqual(playout.takeEnded(), [{ reply: 5, samples: assertContiguous([...before.heard, ...paused.heard]) }]);
}

// The next reply's audio ends one that is paused, before its first sample, within its ramp or long after it: nothing more of it
// is heard, and the next one is.
for (const [what, quanta] of [["unheard", 0], ["ramp", 0], ["long", 100]]) {
  const playout = new Playout(LINE_RATE, 48_000);
  const before = what === "unheard" ? { end: 0, heard: [] } : (second(playout, 1), render(playout, 0, 12_800));
  playout.pause(1);
  const paused = render(playout, before.end, quanta * QUANTUM);
  second(playout, 2);
  const after = render(playout, paused.end, 12_800);
  const ramp = after.heard.filter((told) => told.reply === 1).length;
  assert(ramp === (what === "ramp" ? 1 : 0), what, "no more than the ramp", ramp);
  assertEqual(after.heard.find((told) => told.reply === 2)?.first, 0);
  assert(largest(after.sound.slice(-QUANTUM)) > 0.1, what, "it is heard");
  playout.push(1, 6_000, tone(LINE_RATE, 440, 480));
  assert(playout.queues.every((queue) => queue.reply === 2), what, "what comes late of it is nobody's");
  assertEqual(playout.takeEnded().map((ended) => ended.reply), [1]);
}

// One that is paused just before its end was told does not keep the next one from being heard.
{
  const playout = new Playout(LINE_RATE, 48_000);
  playout.push(1, 0, tone(LINE_RATE, 440, 2_400));
  const before = render(playout, 0, 12_800);
  playout.pause(1);
  playout.finish(1, 2_400);
  const paused = render(playout, before.end, 12_800);
  second(playout, 2);
  assert(render(playout, paused.end, 12_800).heard.some((told) => told.reply === 2));
}

// Paused before its first sample, a reply begins with that one.
{
  const playout = new Playout(LINE_RATE, 48_000);
  playout.pause(1);
  second(playout, 1);
  assert(render(playout, 0, 12_800).heard.length === 0);
  playout.resume(1);
  assertEqual(render(playout, 12_800, 1_280).heard[0].first, 0);
}

// A gap fades within 60 ms and goes on with the very next sample; the next one is gathered for longer.
{
  const playout = new Playout(LINE_RATE, 48_000);
  playout.push(1, 0, tone(LINE_RATE, 440, 4_800));
  const before = render(playout, 0, 24_000);
  assertEqual(playout.counters.gaps, 1);
  assert(largest(before.sound.slice(9_600 + 2_880 + 2 * QUANTUM)) === 0, "silence after the fade");
  playout.push(1, 4_800, tone(LINE_RATE, 440, 4_800, 4_800), before.end);
  playout.finish(1, 9_600);
  const after = render(playout, before.end, 24_000);
  assertEqual(assertContiguous([...before.heard, ...after.heard]), 9_600);
  assert(playout.target.targetMs > 40);
}

// A gap that is over before the sound has faded is one too. A pause or an end within it, or at once after it, is no click.
for (const [what, isLate] of [["pause", true], ["clear", true], ["pause", false], ["clear", false], ["none", true]]) {
  const playout = new Playout(LINE_RATE, 48_000);
  playout.push(1, 0, tone(LINE_RATE, 440, 4_800));
  let at = render(playout, 0, 9_600 - 2 * QUANTUM);
  const sound = [...at.sound];
  while (playout.counters.gaps === 0) {
    at = render(playout, at.end, QUANTUM);
    sound.push(...at.sound);
  }
  assert(playout.target.targetMs > 40, "more is gathered from the beginning of a gap on");
  if (isLate) playout.push(1, 4_800, tone(LINE_RATE, 440, 4_800, 4_800));
  if (what !== "none") playout[what](1);
  const after = render(playout, at.end, 4_800);
  sound.push(...after.sound);
  if (what !== "none") assert(largest(after.sound.slice(QUANTUM)) === 0, what, "silence");
  const jumps = sound.slice(1).map((sample, i) => sample - sound[i]);
  assert(largest(jumps) < 0.06, what, isLate, "no click", largest(jumps));
  assertEqual(playout.counters.gaps, 1);
}

// What was lost within a reply is concealed like a gap and takes its own time: no click, and what follows is at its place. More
// is not gathered for it, and none of it is of a pause that lasts as long.
for (const rate of [48_000, 44_100]) {
  const playout = new Playout(LINE_RATE, rate);
  const sound = tone(LINE_RATE, 440, LINE_RATE);
  const [lost, back] = [4_800, 9_600];
  for (let at = 0; at < LINE_RATE; at += 480) if (at < lost || at >= back) playout.push(1, at, sound.slice(at, at + 480));
  playout.finish(1, LINE_RATE);
  const { sound: heard, heard: told } = render(playout, 0, rate * 1.1);
  assertEqual([assertContiguous(told), playout.counters.gaps, playout.target.targetMs], [LINE_RATE, 1, 40]);
  assert(Math.abs(playout.counters.concealed_ms - 200) < 10, playout.counters.concealed_ms);
  const jumps = heard.slice(1).map((sample, i) => sample - heard[i]);
  assert(largest(jumps) < 0.06, rate, "no click", largest(jumps));
  const at = (position) => Math.round((position / LINE_RATE) * rate);
  assert(largest(heard.slice(at(lost) + 0.07 * rate, at(back) - 0.01 * rate)) === 0, rate, "silence after the fade");
  const wanted = tone(rate, 440, heard.length);
  const isReal = (i) => (i > 400 && i < at(lost) - 40) || (i > at(back) + 300 && i < rate * 0.95);
  assert(largest(heard.map((sample, i) => (isReal(i) ? sample - wanted[i] : 0))) < 1e-3, rate, "the sound is the tone, in its place");
  const gapMs = told.filter(({ isGap }) => isGap).reduce((sum, { samples }) => sum + samples, 0) / (LINE_RATE / 1_000);
  assert(gapMs > 195 && gapMs < 210, rate, gapMs);
}

// A hole is passed over as far as audio has come: what follows is heard from its first sample on, however late.
for (const rate of [48_000, 44_100, 16_000]) {
  for (const came of [1, 7, 20, 40]) {
    const playout = new Playout(LINE_RATE, rate);
    const [lost, back] = [4_800, 5_280];
    playout.push(1, 0, tone(LINE_RATE, 440, lost));
    playout.push(1, back, tone(LINE_RATE, 440, came, back));
    const before = render(playout, 0, rate);
    assert(playout.progress().samples <= back + came, rate, came, playout.progress());
    playout.push(1, back + came, tone(LINE_RATE, 440, LINE_RATE, back + came), before.end);
    playout.finish(1, back + came + LINE_RATE);
    const after = render(playout, before.end, rate * 1.5);
    assertEqual(assertContiguous([...before.heard, ...after.heard]), back + came + LINE_RATE);
    assert(after.heard[0].first <= back + came, rate, came, after.heard[0]);
    assert(!playout.isSpeaking && playout.counters.refused === 0);
  }
}

// A reply of which less came than was told ends where that ends, and was heard so far; one of which nothing came was not heard.
for (const [reply, samples] of [[1, 2_400], [2, 0]]) {
  const playout = new Playout(LINE_RATE, 48_000);
  playout.push(reply, 0, tone(LINE_RATE, 440, samples));
  playout.finish(reply, 240_000);
  const waiting = render(playout, 0, 24_000);
  assertEqual(playout.takeEnded(), []);
  for (const total of [samples, 240_000]) playout.finish(reply, total);
  const rest = render(playout, waiting.end, 24_000);
  assertEqual(playout.takeEnded(), [{ reply, samples }]);
  assert(!playout.isSpeaking);
  if (samples > 0) assertEqual(assertContiguous([...waiting.heard, ...rest.heard]), samples);
}

// A reply of whose end nobody told ends where the next one begins, and counts as speaking until then.
{
  const playout = new Playout(LINE_RATE, 48_000);
  assert(!playout.isSpeaking);
  playout.push(1, 0, tone(LINE_RATE, 440, 2_400));
  const first = render(playout, 0, 24_000);
  assert(playout.isSpeaking, "silence within a reply is no end");
  playout.push(2, 0, tone(LINE_RATE, 440, 2_400), first.end);
  playout.finish(2, 2_400);
  const second = render(playout, first.end, 24_000);
  assertEqual(playout.takeEnded(), [{ reply: 1, samples: 2_400 }, { reply: 2, samples: 2_400 }]);
  assert(second.heard.some((told) => told.reply === 2) && !playout.isSpeaking);
}

// A reply shorter than what is gathered is heard; one after the other; a hole of half a minute is passed over.
{
  const playout = new Playout(LINE_RATE, 48_000);
  playout.push(1, 0, tone(LINE_RATE, 440, 480));
  playout.finish(1, 480);
  playout.push(2, 0, tone(LINE_RATE, 440, 2_400));
  playout.push(2, 30 * LINE_RATE, tone(LINE_RATE, 440, 2_400));
  playout.finish(2, 30 * LINE_RATE + 2_400);
  render(playout, 0, 48_000);
  assertEqual(playout.takeEnded(), [{ reply: 1, samples: 480 }, { reply: 2, samples: 30 * LINE_RATE + 2_400 }]);
}

// What is held is bounded.
{
  const playout = new Playout(LINE_RATE, 48_000);
  for (let reply = 1; reply <= 20; reply += 1) {
    for (let at = 0; at < 100; at += 1) playout.push(reply, at * LINE_RATE, new Float32Array(LINE_RATE));
  }
  const held = playout.queues.reduce((sum, queue) => sum + queue.pieces.reduce((all, { samples }) => all + samples.length, 0), 0);
  assert(playout.queues.length === 8 && held <= 8 * 61 * LINE_RATE, held);
  assert(playout.counters.refused > 0);
}

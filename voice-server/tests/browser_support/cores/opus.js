// Opus on the line with the browser's own encoder and decoder: where every sample is, and what becomes of what is lost,
// late or broken.
const { ENCODINGS, codecOf, noOpus } = await module("audio/codec.js");
const { OpusCodec } = await module("audio/opus-codec.js");
const { OpusDecoder } = await module("audio/opus-decoder.js");
const { preSkip } = await module("audio/opus-format.js");

const LOOKAHEAD = 312;
const PACKET = 960;

/** Whoever waits looks again after each push. */
class List extends Array {
  push(item) {
    super.push(item);
    this.look?.();
  }
  until(holds) {
    return new Promise((resolve) => {
      this.look = () => holds(this) && resolve(this);
      this.look();
    });
  }
}

/** How many AudioData are open. */
let open = 0;
const RealData = globalThis.AudioData;
const realClose = RealData.prototype.close;
RealData.prototype.close = function close() {
  open -= 1;
  realClose.call(this);
};
globalThis.AudioData = function AudioData(init) {
  open += 1;
  return new RealData(init);
};
const { AudioDecoder: RealDecoder, AudioEncoder: RealEncoder } = globalThis;
globalThis.AudioDecoder = class extends RealDecoder {
  constructor({ output, error }) {
    super({ error, output: (data) => ((open += 1), output(data)) });
  }
};

const [sent, played, ends, failures] = [new List(), new List(), new List(), new List()];
const told = {
  send: (position, payload) => sent.push({ position, payload }),
  play: (audio) => played.push(audio),
  end: ({ reply, samples }) => ends.push([reply, samples]),
  fail: (...failure) => failures.push(failure),
};
const fresh = () => new OpusCodec(told);
const of = (reply) => played.filter((audio) => audio.reply === reply);
const endOf = (reply) => Math.max(0, ...of(reply).map(({ position, pcm }) => position + pcm.length));

/** The samples of a reply by position; a position that comes twice, or out of order, is none. */
function samplesOf(reply) {
  const samples = [];
  for (const { position, pcm } of of(reply)) {
    assert(position >= samples.length, "in order, and once", reply, position);
    while (samples.length < position) samples.push(0);
    samples.push(...pcm);
  }
  return samples;
}

/** Harmonics of a gliding pitch: what a voice codec expects. */
function voice(length) {
  let phase = 0;
  return Int16Array.from({ length }, (_, at) => {
    phase += (150 + 50 * Math.sin((2 * Math.PI * 1.5 * at) / 48_000)) / 48_000;
    let sum = 0;
    for (let k = 1; k <= 12; k += 1) sum += Math.sin(2 * Math.PI * phase * k) / k;
    return 6_000 * sum;
  });
}

/** By how many samples `late` is later than `original`, where the two are most alike: after the codec has settled. */
function lateness(original, late) {
  const unlike = (shift) => {
    let sum = 0;
    for (let at = 4_000; at < 12_000; at += 1) sum += (original[at] - late[at + shift]) ** 2;
    return sum;
  };
  let best = -500;
  for (let shift = -500; shift <= 500; shift += 1) if (unlike(shift) < unlike(best)) best = shift;
  return best;
}

try {
  assertEqual(await noOpus(), null, "this browser can");
  assertEqual([ENCODINGS.opus.firstSamples, ENCODINGS.opus.format.rate], [LOOKAHEAD, 48_000]);

  // What goes in at a position comes out of a decoder at the packet's position, to the sample.
  const codec = fresh();
  const said = voice(LOOKAHEAD + 15 * PACKET);
  codec.encode(0, said.slice(0, LOOKAHEAD));
  for (let at = LOOKAHEAD; at < said.length; at += PACKET) codec.encode(at, said.slice(at, at + PACKET));
  await sent.until(({ length }) => length === 15);
  assertEqual(sent.map(({ position }) => position), Array.from({ length: 15 }, (_, i) => i * PACKET));
  assert(sent.every(({ payload }) => payload.length > 0 && payload.length < 200), sent.map(({ payload }) => payload.length));
  assertEqual(open, 0, "every frame is closed");

  // A reply is played where its frames were: here what went into the encoder from sample LOOKAHEAD on is the reply.
  const give = (reply, packets = sent) => packets.forEach(({ position, payload }) => codec.decode({ reply, position, payload }));
  give(1);
  codec.control("finish", 1, 14 * PACKET);
  await played.until(() => endOf(1) >= 14 * PACKET);
  assertEqual(of(1)[0].position, 0);
  const late = lateness(said.subarray(LOOKAHEAD), samplesOf(1));
  assert(Math.abs(late) <= 5, "a tenth of a millisecond", late);

  // Of a reply that was cleared nothing comes any more, although the decoder has it; what comes late is refused.
  give(2);
  codec.control("clear", 2);
  give(3, sent.slice(0, 5));
  codec.control("finish", 3, 4 * PACKET);
  await played.until(() => endOf(3) >= 4 * PACKET);
  assertEqual([of(2).length, codec.refused], [0, 0]);
  give(2);
  assertEqual([of(2).length, codec.refused], [0, 15]);

  // What is missing within a reply moves nothing else; where a reply's end is missing, it is told where its audio ends.
  assertEqual(ends, [], "of those that are whole there is nothing to tell");
  give(4, sent.with(3, { position: 3 * PACKET, payload: new Uint8Array(0) }).slice(0, 8));
  codec.control("finish", 4, 12 * PACKET);
  codec.control("finish", 4, 12 * PACKET);
  await ends.until(({ length }) => length === 1);
  const apart = of(4).map(({ position, pcm }) => [position, pcm.length]);
  assertEqual(apart.slice(2, 4), [[2 * PACKET - LOOKAHEAD, PACKET], [4 * PACKET - LOOKAHEAD, PACKET]]);
  assertEqual(apart.at(-1), [7 * PACKET - LOOKAHEAD, PACKET]);
  codec.control("finish", 5, PACKET);
  codec.control("finish", 4, 12 * PACKET);
  assertEqual([ends, of(5)], [[[4, 8 * PACKET - LOOKAHEAD], [5, 0]], []], "of the fifth none came");

  // One reply after the other, all at once, as after a lost connection: each is whole.
  for (const reply of [6, 7, 8]) {
    give(reply, sent.slice(0, 4));
    if (reply !== 7) codec.control("finish", reply, 3 * PACKET);
  }
  await played.until(() => [6, 7, 8].every((reply) => endOf(reply) >= 3 * PACKET));

  // What is no packet breaks the decoder: that is told, and what follows is heard where it belongs.
  const broken = { position: PACKET, payload: Uint8Array.of(3, 0) };
  give(9, [sent[0], broken]);
  await failures.until(({ length }) => length === 1);
  give(9, sent.slice(2, 5));
  codec.control("finish", 9, 4 * PACKET);
  await played.until(() => endOf(9) >= 4 * PACKET);
  assert(of(9).some(({ position }) => position === 2 * PACKET - LOOKAHEAD), of(9).map(({ position }) => position));
  give(10, [broken]);
  await failures.until(({ length }) => length === 2);
  give(11, [broken]);
  await failures.until(({ length }) => length === 3);
  assertEqual(failures, [["decode", false], ["decode", false], ["decode", true]]);
  give(12);
  codec.encode(said.length, said.slice(0, PACKET));
  assertEqual([of(12).length, sent.length, open], [0, 15, 0], "then it is over, and nothing is left open");

  // More than a minute of packets, or than eight replies, are not taken.
  const decoder = new OpusDecoder({ play: () => {}, end: () => {}, fail: () => {} });
  for (let at = 0; at < 3_100; at += 1) decoder.decode({ reply: 1, position: at * PACKET, payload: sent[0].payload });
  assertEqual(decoder.refused, 100);
  for (let reply = 2; reply <= 20; reply += 1) decoder.decode({ reply, position: 0, payload: sent[0].payload });
  assertEqual([decoder.replies.size, decoder.refused], [8, 100 + 12]);
  decoder.close();

  // An encoder that is slow has half a second to come after, and what it is not given is missing.
  const slow = fresh();
  for (let at = 0; at < 40; at += 1) slow.encode(at * PACKET + LOOKAHEAD, said.slice(0, PACKET));
  assertEqual(slow.refused, 15);
  slow.close();

  // What an encoder says of itself is read, if it says it.
  const head = Uint8Array.of(...[..."OpusHead"].map((letter) => letter.charCodeAt(0)), 1, 1, 120, 0, 0x80, 0xbb, 0, 0, 0, 0, 0);
  assertEqual([preSkip(head), preSkip(head.buffer), preSkip(head.slice(0, 11)), preSkip(undefined)], [120, 120, null, null]);
  assertEqual([preSkip(head.with(0, 0)), preSkip(head.with(11, 0xff))], [null, null]);

  // An encoder that breaks is opened again, and in the end no more.
  failures.length = 0;
  globalThis.AudioEncoder = class {
    state = "configured";
    constructor({ error }) {
      this.error = error;
    }
    configure() {}
    encode() {
      this.error(new Error("broken"));
    }
    close() {}
  };
  const breaking = fresh();
  for (let at = 0; at < 5; at += 1) breaking.encode(at * PACKET, said.slice(0, PACKET));
  assertEqual(failures, [["encode", false], ["encode", false], ["encode", true]]);

  // In its worker it is the same.
  const [before, line] = [sent.length, codecOf("opus", told)];
  for (let at = 0; at < 3; at += 1) line.encode(at * PACKET + LOOKAHEAD, said.slice(at * PACKET, (at + 1) * PACKET));
  await sent.until(({ length }) => length === before + 3);
  for (const { position, payload } of sent.slice(before)) line.decode({ reply: 20, position, payload: payload.slice() });
  line.control("finish", 20, 5 * PACKET);
  await ends.until(() => ends.at(-1)[0] === 20);
  assertEqual([ends.at(-1)[1], endOf(20)], [3 * PACKET - LOOKAHEAD, 3 * PACKET - LOOKAHEAD]);
  assertEqual([of(20)[0].position, line.posted, line.read, line.refused], [0, 7, 7, 0]);
  line.decode({ reply: 21, position: 0, payload: Uint8Array.of(3, 0) });
  await failures.until(({ length }) => length === 4);
  assertEqual(failures.at(-1), ["decode", false]);

  // Samples that were on their way to the page when their reply was cleared are nobody's.
  line.control("clear", 22);
  for (const reply of [21, 22, 23]) {
    line.worker.onmessage({ data: { type: "samples", reply, position: 0, pcm: new Int16Array(1), read: line.read, refused: 0 } });
  }
  assertEqual([21, 22, 23].map((reply) => of(reply).length), [0, 0, 1]);

  // More than waits for a worker is missing, until it has read that, whatever came of it: short frames give nothing.
  for (let at = 0; at < 6_100; at += 1) line.encode(at * PACKET, said.slice(0, 10));
  const refusedBefore = line.refusedHere;
  assert(refusedBefore >= 100, refusedBefore);
  while (line.posted - line.read >= 50) await settled();
  line.encode(0, said.slice(0, 10));
  assertEqual(line.refusedHere, refusedBefore);
  line.close();
} finally {
  RealData.prototype.close = realClose;
  Object.assign(globalThis, { AudioData: RealData, AudioDecoder: RealDecoder, AudioEncoder: RealEncoder });
}

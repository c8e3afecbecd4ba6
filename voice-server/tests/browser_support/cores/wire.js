const { decodeAudio, decodeText, encodeAudio, hello } = await module("call/wire.js");
const { Outbox } = await module("call/outbox.js");
const { Attempts } = await module("call/reconnect.js");

const bytes = encodeAudio(5_000_000_000, Uint8Array.of(1, 0, 0xfe, 0xff, 0xff, 0x7f)).buffer;
assertEqual([...new Uint8Array(bytes)], [1, 1, 0, 0, 0, 0, 0, 0, 0, 0xf2, 0x05, 0x2a, 1, 0, 0, 0, 1, 0, 0xfe, 0xff, 0xff, 0x7f]);

assert(decodeAudio(bytes) === null, "the caller's own is not the agent's");
new DataView(bytes).setUint8(1, 2);
new DataView(bytes).setUint32(4, 7, true);
const { reply, position, payload } = decodeAudio(bytes);
assertEqual([reply, position, ...payload], [7, 5_000_000_000, 1, 0, 0xfe, 0xff, 0xff, 0x7f]);
for (const length of [0, 1, 15]) assert(decodeAudio(new ArrayBuffer(length)) === null, length);
for (const text of ["", "{", "null", "7", '"x"', "{}", '{"type":7}', "[]"]) assert(decodeText(text) === null, text);
assertEqual(decodeText('{"type":"new","x":1}'), { type: "new", x: 1 });
const format = { encoding: "opus", rate: 48_000 };
assertEqual([hello(format, 7).resume, hello(format, 7).audio], [{ received: 7 }, format]);
assert(!("resume" in hello(format)));

// Samples of 16 bits are bytes and come back from them; half a sample is none.
const { codecOf } = await module("audio/codec.js");
const pcm = [];
const codec = codecOf("pcm16", { send: (...packet) => pcm.push(packet), play: (audio) => pcm.push(audio) });
codec.encode(480, Int16Array.of(1, -2, 32767));
const [[sentAt, sent]] = pcm;
assertEqual([sentAt, ...sent], [480, 1, 0, 0xfe, 0xff, 0xff, 0x7f]);
codec.decode({ reply: 7, position: 960, payload: sent });
codec.decode({ reply: 7, position: 1_440, payload: sent.subarray(0, 5) });
assertEqual(pcm.slice(1).map((audio) => [audio.reply, audio.position, ...audio.pcm]), [[7, 960, 1, -2, 32767]]);

// A rate is of the last second.
const { Traffic } = await module("call/traffic.js");
const traffic = new Traffic();
traffic.sent = 9_000;
traffic.tick(500);
assertEqual(traffic.rates, null, "nothing is known yet");
[traffic.sent, traffic.received] = [11_000, 500];
traffic.tick(1_400);
assertEqual(traffic.rates, null);
traffic.tick(1_500);
assertEqual(traffic.rates, { sent: 2_000, received: 500 });
traffic.tick(3_500);
assertEqual(traffic.rates, { sent: 0, received: 0 });

// What the server has not got is sent again, once and in order; what is too old is not.
const outbox = new Outbox();
for (let number = 1; number <= 100; number += 1) outbox.put({ number });
const numbers = (received) => outbox.after(received).map((text) => JSON.parse(text).number);
assertEqual(numbers(97), [98, 99, 100]);
outbox.put({ number: 101 });
assertEqual(numbers(99), [100, 101]);
assertEqual(numbers(101), []);
for (let number = 102; number <= 300; number += 1) outbox.put({ number });
assertEqual(numbers(101).length, 64, "the oldest are gone");
assertEqual(numbers(101 + 64), [], "and counting goes on from what the server said");

// Attempts are apart, not all at the same moment, and none is after the server has given the call up.
for (const random of [0, 1]) {
  const attempts = new Attempts(1_000, 30_000, () => random);
  const waits = [];
  for (let now = 1_000, wait; (wait = attempts.next(now)) !== null; now += wait) waits.push(wait);
  assertEqual(waits.slice(0, 4), [250, 500, 1_000, 2_000].map((wait) => wait * (1 - 0.3 * random)));
  assert(waits.reduce((sum, wait) => sum + wait, 0) <= 30_000 && waits.length < 30, waits);
}

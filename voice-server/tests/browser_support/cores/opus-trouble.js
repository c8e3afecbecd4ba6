// Opus by codecs that are made up: what becomes of a call where they throw, stall, break now and then, or do not run at all.
const { codecOf } = await module("audio/codec.js");
const { OpusCodec } = await module("audio/opus-codec.js");

const PACKET = 960;

const [sent, ends, failures] = [[], [], []];
const told = {
  send: (position) => sent.push(position),
  play: () => {},
  end: ({ reply, samples }) => ends.push([reply, samples]),
  fail: (...failure) => failures.push(failure),
};

const frame = new Int16Array(PACKET);
const encode = (codec, frames) => {
  for (let at = 1; at <= frames; at += 1) codec.encode(at * PACKET, frame);
};
const decode = (codec, reply, packets) => {
  for (let at = 0; at < packets; at += 1) codec.decode({ reply, position: at * PACKET, payload: Uint8Array.of(1) });
};

/** Looks of watches, and ends of waits, as the test wants them. */
const [looks, waits] = [new Set(), new Set()];
const look = (times) => {
  for (let time = 0; time < times; time += 1) for (const { act } of [...looks]) act();
};
const kept = (all) => (act) => {
  const timer = { act };
  all.add(timer);
  return timer;
};

const names = ["AudioEncoder", "AudioDecoder", "Worker", "setInterval", "clearInterval", "setTimeout", "clearTimeout"];
const real = Object.fromEntries(names.map((name) => [name, globalThis[name]]));
Object.assign(globalThis, {
  setInterval: kept(looks),
  clearInterval: (timer) => looks.delete(timer),
});

/** A codec of a browser; `does` is done at each frame or packet. */
const made = (does) =>
  class {
    state = "configured";
    constructor(told) {
      this.told = told;
    }
    configure() {}
    encode() {
      does(this.told);
    }
    decode({ timestamp }) {
      does(this.told, timestamp);
    }
    flush() {
      return new Promise((_, reject) => (this.reject = reject));
    }
    close() {
      this.state = "closed";
      this.reject?.(new Error("closed"));
    }
  };

try {
  // One that gives nothing of what it has broke as well, and so did one that never comes to its end. A few packets may wait.
  Object.assign(globalThis, { AudioEncoder: made(() => {}), AudioDecoder: made(() => {}) });
  const stalling = new OpusCodec(told);
  encode(stalling, 30);
  look(3);
  assertEqual(failures, []);
  look(1);
  assertEqual([failures, stalling.refused], [[["encode", false]], 5]);
  decode(stalling, 1, 25);
  look(4);
  assertEqual(failures.splice(0), [["encode", false], ["decode", false]]);
  decode(stalling, 1, 24);
  look(8);
  assertEqual(failures, [], "those wait for what follows");
  stalling.control("finish", 1, 40 * PACKET);
  look(4);
  assertEqual(failures.splice(0), [["decode", false]]);
  while (ends.length === 0) await Promise.resolve();
  assertEqual(ends, [[1, 0]]);
  stalling.close();
  assertEqual(looks.size, 0, "nothing is watched for ever");

  // Failures of a side count until it has worked for a minute.
  let isBroken = false;
  const packet = { byteLength: 1, copyTo: () => {} };
  globalThis.AudioEncoder = made(({ output, error }) => (isBroken ? error(new Error("broken")) : output(packet)));
  const rarely = new OpusCodec(told);
  for (const frames of [3_000, 3_000, 2_999, 1]) {
    for (isBroken of [true, false]) encode(rarely, isBroken ? 2 : frames);
  }
  const isFinal = failures.splice(0).map(([, isFinal]) => isFinal);
  assertEqual([isFinal, sent.length], [[false, false, false, false, false, false, true], 8_999]);

  // What they throw is a failure of their side, and everything is closed.
  let closed = 0;
  const thrown = () => {
    throw new Error("thrown");
  };
  const unreadable = (timestamp) => ({ numberOfFrames: PACKET, timestamp, copyTo: thrown, close: () => (closed += 1) });
  globalThis.AudioEncoder = made(thrown);
  for (const decoder of [made(thrown), made(({ output }, timestamp) => output(unreadable(timestamp)))]) {
    globalThis.AudioDecoder = decoder;
    const throwing = new OpusCodec(told);
    encode(throwing, 1);
    decode(throwing, 1, 1);
    assertEqual(failures.splice(0), [["encode", false], ["decode", false]]);
    throwing.close();
  }
  assertEqual(closed, 1);
  delete globalThis.AudioEncoder;
  delete globalThis.AudioDecoder;
  const missing = new OpusCodec(told);
  encode(missing, 4);
  assertEqual(failures.splice(0), [["encode", false], ["encode", false], ["encode", true]]);

  // A worker that does not load, or does not come to run, is none; one that runs is not waited for any more.
  globalThis.Worker = class {
    postMessage() {}
    terminate() {}
  };
  const lines = [0, 1, 2].map(() => {
    Object.assign(globalThis, { setTimeout: kept(waits), clearTimeout: (timer) => waits.delete(timer) });
    const line = codecOf("opus", told);
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    return line;
  });
  globalThis.clearTimeout = (timer) => waits.delete(timer);
  lines[0].worker.onerror();
  lines[1].worker.onmessage({ data: { type: "ready", read: 0, refused: 0 } });
  assertEqual([failures.splice(0), waits.size], [[["codec", true]], 1]);
  for (const { act } of [...waits]) act();
  assertEqual([failures, waits.size], [[["codec", true]], 0]);
  for (const line of lines) await line.opened;
} finally {
  Object.assign(globalThis, real);
}

// A call over sockets that are made up: what it does when they break.
const { Call } = await module("call/call.js");
const { EventLog } = await module("call/log.js");

const sockets = [];

class FakeSocket {
  constructor(address) {
    Object.assign(this, { address: String(address), sent: [], bufferedAmount: 0 });
    sockets.push(this);
    waiting.shift()?.(this);
  }
  send(data) {
    this.sent.push(data);
  }
  close() {
    this.isClosed = true;
  }
  open() {
    this.onopen();
  }
  text(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  audio() {
    const bytes = new ArrayBuffer(18);
    new DataView(bytes).setUint8(0, 1);
    new DataView(bytes).setUint8(1, 2);
    this.onmessage({ data: bytes });
  }
  get texts() {
    return this.sent.filter((data) => typeof data === "string").map((data) => JSON.parse(data));
  }
}

const waiting = [];
const nextSocket = () => new Promise((resolve) => waiting.push(resolve));
const RealSocket = globalThis.WebSocket;
globalThis.WebSocket = FakeSocket;

const told = [];
const ended = Promise.withResolvers();
const observer = {
  message: ({ type }) => told.push(type),
  audio: () => told.push("audio"),
  connected: () => told.push("connected"),
  lost: () => told.push("lost"),
  resumed: (awayMs) => told.push(`resumed after ${awayMs}`),
  renew: async (inMs) => `a new token in ${inMs}`,
  refused: async () => null,
  ended: (reason) => ended.resolve(reason),
};
const addresses = [];
const overs = [];
const api = { callAddress: async (token) => (addresses.push(token), "ws://x/"), isOver: async () => overs.shift() };
const line = { format: { encoding: "pcm16", rate: 24_000 }, maxWaitingBytes: 96_000 };
const call = new Call(api, new EventLog(), line, observer);

/** Opens a socket, and waits until the call has said hello on it. */
async function opened(socket) {
  socket.open();
  while (socket.sent.length === 0) await settled();
  return socket;
}

try {
  let next = nextSocket();
  call.open();
  const first = await opened(await next);
  assertEqual(first.texts[0].resume, undefined);
  call.hear(0, Uint8Array.of(1, 0));
  assertEqual(first.sent.length, 1, "no audio before the call is up");
  first.text({ type: "ready", call_id: "c", resume: { token: "t1", within_ms: 30_000 } });
  first.text({ type: "speaking" });
  first.audio();
  first.text({ type: "auth_expiring", in_ms: 1 });
  while (!first.texts.some(({ type }) => type === "auth")) await settled();
  for (const number of [1, 2, 3]) call.say({ type: "say", text: String(number) });

  // The socket breaks: what is said meanwhile waits, audio does not.
  next = nextSocket();
  first.onclose({ code: 1006 });
  call.say({ type: "say", text: "4" });
  call.played(1, 100);
  call.played(1, 300);
  call.played(2, 50);
  call.hear(480, Uint8Array.of(1, 0));
  const second = await opened(await next);
  assertEqual(addresses, [null, "t1"]);
  assertEqual(second.texts[0].resume, { received: 3 }, "a text, audio and a text came after ready");
  first.text({ type: "speaking" });
  assertEqual(second.texts[0].resumable, true);
  // Texts of all kinds are counted; the server has got them up to the second that was said.
  const received = first.texts.slice(1).findIndex(({ text }) => text === "2") + 1;
  second.text({ type: "resumed", received, away_ms: 300 });
  const said = second.texts.slice(1).filter(({ type }) => type === "say");
  assertEqual(said.map(({ text }) => text), ["3", "4"], "what the server has not got");
  // What was played meanwhile is told as far as it came: the loudspeaker says it once.
  const played = second.texts.slice(1).filter(({ type }) => type === "played");
  assertEqual(played.map(({ reply, samples }) => [reply, samples]), [[1, 300], [2, 50]]);
  second.text({ type: "speaking" });
  call.hear(960, Uint8Array.of(1, 0));
  second.bufferedAmount = 96_001;
  assert(!call.takesAudio, "late audio is missing audio");
  call.hear(1_440, Uint8Array.of(1, 0));
  assert(call.takesAudio === false && second.sent.at(-1).length === 18, "it is not sent");
  second.bufferedAmount = 0;
  assert(second.sent.at(-1) instanceof Uint8Array, "audio goes on");

  // Again, and the upgrade is refused although there was a ticket: what that means, only the server can say.
  overs.push(false, false, false, true);
  for (const attempt of [1, 2, 3, 4]) {
    next = nextSocket();
    if (attempt === 1) second.onclose({ code: 1006 });
    else call.retryNow();
    const refused = await next;
    assertEqual(addresses.at(-1), "t1", "the token is the call's");
    refused.onclose({ code: 1006 });
  }
  assertEqual(await ended.promise, "refused");
  assertEqual(overs, [], "asked each time");
  assert(told.includes("lost"));
  const withoutLosses = told.filter((what) => what !== "lost");
  assertEqual(withoutLosses, ["connected", "ready", "speaking", "audio", "auth_expiring", "resumed after 300", "resumed", "speaking"]);

  // Whoever hangs up without a connection is done; the server is told as soon as it can be.
  // So it is where the page cannot go on.
  const leaves = [
    [(call) => call.hangUp(0), "caller_hung_up", "trying to tell the server"],
    [(call) => call.abandon("no_codec", "The codec broke."), "no_codec", "The codec broke."],
  ];
  for (const [leave, why, words] of leaves) {
    const left = Promise.withResolvers();
    const another = new Call(api, new EventLog(), line, { ...observer, ended: (...end) => left.resolve(end) });
    next = nextSocket();
    another.open();
    const up = await opened(await next);
    up.text({ type: "ready", call_id: "d", resume: { token: "t2", within_ms: 30_000 } });
    up.onclose({ code: 1006 });
    next = nextSocket();
    leave(another);
    const [reason, sentence] = await left.promise;
    assert(reason === why && sentence.includes(words), reason, sentence);
    const lastWords = await opened(await next);
    assertEqual([addresses.at(-1), lastWords.texts[0].resume], ["t2", { received: 0 }]);
    lastWords.text({ type: "resumed", received: 0, away_ms: 1 });
    while (lastWords.texts.length === 1) await settled();
    assertEqual(lastWords.texts[1], { type: "bye" });
    another.abandon("no_codec", "It is over already.");
    assertEqual(lastWords.texts.length, 2);
  }

  // A bye that nobody answers may never have come, whatever the socket knows of it: the call is over for the page without a
  // word of trying again, and the server is told anew. One that closes the socket in good order has read it.
  const later = globalThis.setTimeout;
  const unanswered = [
    ["closed", (socket) => socket.onclose({ code: 1006 }), true],
    ["silent", (socket, call) => call.heartbeat.silent(), true],
    ["asked again", (socket, call) => call.hangUp(1_000), true],
    ["no answer in time", (socket, call, late) => late(), true],
    ["closed in good order", (socket) => socket.onclose({ code: 1000 }), false],
    ["closed in good order without a status", (socket) => socket.onclose({ code: 1005 }), false],
    ["answered", (socket) => socket.text({ type: "bye", reason: "caller_hung_up" }), false],
  ];
  for (const [what, happens, isToldAnew] of unanswered) {
    const left = Promise.withResolvers();
    const lost = [];
    const leaving = new Call(api, new EventLog(), line, { ...observer, lost: () => lost.push(what), ended: (...end) => left.resolve(end) });
    next = nextSocket();
    leaving.open();
    const up = await opened(await next);
    up.text({ type: "ready", call_id: "g", resume: { token: `t-${what}`, within_ms: 30_000 } });
    let late = null;
    globalThis.setTimeout = (act, ms, ...rest) => (ms === 8_000 ? (late = act) : later(act, ms, ...rest));
    leaving.hangUp(0);
    globalThis.setTimeout = later;
    // A button that is pressed twice is not asked to insist.
    for (const nowMs of [30, 200, 999]) leaving.hangUp(nowMs);
    assert(up.texts.filter(({ type }) => type === "bye").length === 1 && !leaving.isOver, what);
    if (isToldAnew) next = nextSocket();
    happens(up, leaving, late);
    const [reason, sentence] = await left.promise;
    assertEqual([reason, lost, sentence?.includes("the server has not answered") ?? false], ["caller_hung_up", [], isToldAnew], what);
    if (!isToldAnew) continue;
    const again = await opened(await next);
    assertEqual(addresses.at(-1), `t-${what}`);
    again.text({ type: "resumed", received: 0, away_ms: 1 });
    while (again.texts.length === 1) await settled();
    assertEqual(again.texts[1], { type: "bye" }, what);
  }

  // A page that goes away says bye, also before the server has answered.
  for (const isReady of [true, false]) {
    const leaving = new Call(api, new EventLog(), line, { ...observer, ended: () => {} });
    next = nextSocket();
    leaving.open();
    const socket = await opened(await next);
    if (isReady) socket.text({ type: "ready", call_id: "e" });
    leaving.leave();
    assert(socket.texts.at(-1).type === "bye" && socket.isClosed, isReady);
  }

  // A handshake that fails on the way back is not one that failed at first.
  const late = Promise.withResolvers();
  const resuming = new Call(api, new EventLog(), line, { ...observer, ended: late.resolve });
  next = nextSocket();
  resuming.open();
  const before = await opened(await next);
  before.text({ type: "ready", call_id: "f", resume: { token: "t3", within_ms: 30_000 } });
  next = nextSocket();
  before.onclose({ code: 1006 });
  resuming.retryNow();
  (await opened(await next)).text({ type: "bye", reason: "handshake_failed" });
  assertEqual(await late.promise, "resume_failed");
} finally {
  globalThis.WebSocket = RealSocket;
}

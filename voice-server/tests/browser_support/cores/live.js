// A call as the page holds it: the line and the microphone are made up, the sound is the browser's.
const { LiveCall } = await module("call/live.js");
const { SignIn } = await module("api/sign-in.js");
const { SignInView } = await module("view/sign-in.js");

const sockets = [];
const RealSocket = globalThis.WebSocket;
globalThis.WebSocket = class {
  constructor() {
    Object.assign(this, { sent: [], bufferedAmount: 0 });
    sockets.push(this);
  }
  send(data) {
    this.sent.push(data);
  }
  close() {}
  text(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  get texts() {
    return this.sent.filter((data) => typeof data === "string").map((data) => JSON.parse(data));
  }
};

/** Waits for what comes of the browser's own time. */
async function until(holds) {
  while (!holds()) await settled();
}

const sound = new AudioContext();
const { stream } = new MediaStreamAudioDestinationNode(sound);
const [track] = stream.getAudioTracks();
Object.defineProperty(track, "muted", { value: true });

/** A call that is up, with its socket and all that its observer was told. Without `more` in `ready` it cannot be resumed. */
async function up({ signIn = { asksServer: false, stopAsking: () => {}, forget: () => {}, forgetFault: () => {} }, more = {} } = {}) {
  const told = { done: [], states: [], warnings: new Map(), frames: 0, end: null, isOver: false };
  const { done, states, warnings } = told;
  const live = new LiveCall({
    api: { callAddress: async () => "ws://x/" },
    signIn,
    microphone: { open: async () => (done.push("microphone opened"), stream), close: () => done.push("microphone closed") },
    wavCaller: { attach: (context) => new GainNode(context), detach: () => {} },
    encoding: "pcm16",
    isCapturing: false,
    observer: {
      state: (word) => states.push(word),
      warning: (cause, words) => warnings.set(cause, words),
      message: () => {},
      peaks: (side) => (told.frames += side === "caller" ? 1 : 0),
      tick: () => {},
      soundOpened: () => done.push(live.engine ? "sound opened" : "no sound"),
      microphoneGone: () => done.push("microphone gone"),
      ended: (reason, sentence) => {
        states.push(reason);
        Object.assign(told, { end: sentence, isOver: true });
      },
    },
  });
  const before = sockets.length;
  live.start("microphone");
  await until(() => sockets.length > before);
  const socket = sockets.at(-1);
  socket.onopen();
  await until(() => socket.sent.length === 1);
  socket.text({ type: "ready", call_id: "c", ...more });
  return { live, socket, told };
}

try {
  const { live, socket, told } = await up({ more: { resume: { token: "t", within_ms: 30_000 } } });
  const { done, states, warnings } = told;

  // The loudspeaker can be chosen before anything is heard, whoever the caller is.
  assertEqual(done, ["sound opened", "microphone opened"]);

  // A microphone that is open and mute has words, from the beginning and for as long as it is so.
  const isMute = () => warnings.get("muted")?.startsWith("The microphone is muted") ?? false;
  assert(isMute(), "from the beginning");
  track.dispatchEvent(new Event("unmute"));
  assert(!isMute());
  track.dispatchEvent(new Event("mute"));
  assert(isMute());
  track.dispatchEvent(new Event("ended"));
  assert(!isMute() && warnings.get("microphone").startsWith("The microphone is gone."), "gone, not mute");
  assertEqual(done.at(-1), "microphone gone");

  // What the line has no room for is counted and said, also where a turn comes to its end, for as long as the connection is this one.
  const isSlow = () => warnings.get("uplink")?.startsWith("The connection is too slow for your voice") ?? false;
  assertEqual(live.dropped, 0);
  socket.bufferedAmount = 1e9;
  await until(() => live.dropped > 0);
  assert(isSlow());
  socket.text({ type: "turn", turn: 1, reply: 1, eot_ms: null });
  assert(isSlow(), "it is slow still");
  const back = sockets.length;
  socket.onclose({ code: 1006 });
  assert(!isSlow(), "what is said is that it is lost");
  live.online();
  await until(() => sockets.length > back);
  const next = sockets.at(-1);
  next.onopen();
  await until(() => next.sent.length === 1);
  next.text({ type: "resumed", received: 0, away_ms: 1 });
  assert(!isSlow());
  const { frames } = told;
  await until(() => told.frames > frames + 2);
  assert(!isSlow());

  // Whoever hangs up is not listened to any more, before the server has answered.
  const before = done.length;
  live.hangUp();
  assertEqual([states.at(-1), done.slice(before), live.engine.source], ["leaving", ["microphone closed"], null]);
  assertEqual(next.texts.at(-1), { type: "bye" });
  live.useStream(stream);
  next.text({ type: "speaking", who: "caller", on: false });
  assertEqual([states.at(-1), live.engine.source], ["leaving", null]);
  const { dropped } = live;
  next.bufferedAmount = 1e9;
  const leaving = told.frames;
  await until(() => told.frames > leaving + 2);
  assert(live.dropped === dropped && !isSlow(), "nobody misses what is not to be heard");
  next.text({ type: "bye", reason: "caller_hung_up" });
  assertEqual(states.at(-1), "caller_hung_up");

  // What the server could not store is said whatever else there is to say: it withholds its bye, and closes in good order.
  for (const [code, sentence] of [[1005, "You hung up. The server could not"], [1006, "You hung up, and the server has not answered."]]) {
    const unstored = await up({ more: { resume: { token: "t", within_ms: 0 } } });
    unstored.live.hangUp();
    unstored.socket.text({ type: "error", code: "storage", message: "what is said cannot be stored for now" });
    unstored.socket.onclose({ code });
    const { end } = unstored.told;
    assert(end?.startsWith(sentence) && end.includes("The server could not store all of what was said"), code, end);
  }

  // Whoever types a token when the call ends stays in the field if another token is needed, and else starts no call by it.
  takeOverElements();
  const byId = (id) => document.getElementById(id);
  for (const [reason, focused] of [["unauthorized", "token"], ["agent_hung_up", "tab-call"]]) {
    let call = null;
    const view = new SignInView({ announce: () => {} }, () => call !== null && !call.told.isOver);
    const signIn = new SignIn(() => view.show(signIn));
    signIn.use("of.a.person");
    location.hash = "#token=t%C3%B6k%C3%A9n";
    signIn.look();
    assert(!byId("token-fault").hidden);
    call = await up({ signIn });
    assert(byId("token-fault").hidden, "a call has begun without it");
    call.socket.text({ type: "auth_expiring", in_ms: 1_000 });
    await until(() => !byId("sign-in").hidden);
    byId("token").focus();
    call.socket.text({ type: "bye", reason });
    assertEqual([call.told.isOver, document.activeElement.id, byId("sign-in").hidden], [true, focused, focused !== "token"], reason);
  }
} finally {
  await sound.close();
  globalThis.WebSocket = RealSocket;
}

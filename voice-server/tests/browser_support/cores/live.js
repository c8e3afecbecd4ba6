// A call as the page holds it: the line and the microphone are made up, the sound is the browser's.
const { LiveCall } = await module("call/live.js");

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

try {
  const sound = new AudioContext();
  const { stream } = new MediaStreamAudioDestinationNode(sound);
  const [track] = stream.getAudioTracks();
  Object.defineProperty(track, "muted", { value: true });
  const done = [];
  const [states, warnings] = [[], new Map()];
  const microphone = { open: async () => (done.push("microphone opened"), stream), close: () => done.push("microphone closed") };
  const live = new LiveCall({
    api: { callAddress: async () => "ws://x/" },
    signIn: { asksServer: false, stopAsking: () => {}, forget: () => {} },
    microphone,
    wavCaller: { attach: (context) => new GainNode(context), detach: () => {} },
    encoding: "pcm16",
    isCapturing: false,
    observer: {
      state: (word) => states.push(word),
      warning: (cause, words) => warnings.set(cause, words),
      message: () => {},
      peaks: () => {},
      tick: () => {},
      soundOpened: () => done.push(live.engine ? "sound opened" : "no sound"),
      microphoneGone: () => done.push("microphone gone"),
      ended: (reason) => states.push(reason),
    },
  });
  live.start("microphone");
  await until(() => sockets.length === 1);
  const [socket] = sockets;
  socket.onopen();
  await until(() => socket.sent.length === 1);
  socket.text({ type: "ready", call_id: "c" });

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

  // What the line has no room for is counted and said, until a turn has come to its end without that.
  assertEqual(live.dropped, 0);
  socket.bufferedAmount = 1e9;
  await until(() => live.dropped > 0);
  assert(warnings.get("uplink").startsWith("The connection is too slow for your voice"), warnings.get("uplink"));
  socket.bufferedAmount = 0;
  socket.text({ type: "turn", turn: 1, reply: 1, eot_ms: null });
  assertEqual(warnings.get("uplink"), null);

  // Whoever hangs up is not listened to any more, before the server has answered.
  const before = done.length;
  live.hangUp();
  assertEqual([states.at(-1), done.slice(before), live.engine.source], ["leaving", ["microphone closed"], null]);
  assertEqual(socket.texts.at(-1), { type: "bye" });
  live.useStream(stream);
  socket.text({ type: "speaking", who: "caller", on: false });
  assertEqual([states.at(-1), live.engine.source], ["leaving", null]);
  socket.text({ type: "bye", reason: "caller_hung_up" });
  assertEqual(states.at(-1), "caller_hung_up");
  await sound.close();
} finally {
  globalThis.WebSocket = RealSocket;
}

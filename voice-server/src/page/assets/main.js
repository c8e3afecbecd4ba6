// The page: puts its parts together.
//
// A contract for tests, which is kept stable:
//
// * `document.body.dataset.state`: idle, asking, refused, connecting, listening, thinking, speaking, paused, reconnecting,
//   leaving or ended. `#status` has the words, `#reason` why there is no call, `#warning` what is wrong, `#announcement` what is read out.
// * `#call` starts a call and hangs up; `#mute`, `#interrupt`, `#say` with `#say-send`, `#keypad button`, `#files`.
// * `#transcript > li[data-who=caller|agent|tool|gap|error]`, with `data-turn`, and `data-reply` for the agent's; within:
//   `.interim` or `.said` of the caller, `.heard`, `.coming` and `.cut` of the agent. `data-outcome` once a reply is over.
// * `#turns > li[data-turn][data-reply]`, with `data-voice-to-voice-ms` where the page measured it.
// * `#barge-ins > li[data-silence-ms][data-decision]`; `#counters [data-counter=NAME]`.
// * The query `?capture=1` keeps the last 120 s of what is rendered.
//
// `window.dummyCall` are read-only diagnostics of the call that runs or ran last:
//
// * `renderedLog()`: `{rate, line_rate, origin_frame, runs, controls}`; frames are at the context's `rate`, samples at the line's. A run is `{context_frame, frames, reply, first_sample, samples,
//   gap}`: quanta with sound that follow each other, where `gap` says that some was made up. A control is `{type, reply,
//   performance_ms, current_time, taken_frame, taken_samples}`: when `pause`, `resume` or `clear` came, and from which frame
//   on and after how many samples of its reply the audio thread obeyed it.
// * `capture()`: `{frame, rate, samples}`, the sound at the context's rate from this frame on.
// * `events()`: the event log, `{page_ms, context_s, direction, message}` each.

import { Api } from "./api/api.js";
import { SignIn } from "./api/sign-in.js";
import { Microphone } from "./audio/microphone.js";
import { WavCaller } from "./audio/wav-caller.js";
import { LiveCall } from "./call/live.js";
import { CallView } from "./view/call-view.js";
import { Desk } from "./view/desk.js";
import { byId } from "./view/dom.js";
import { Notices } from "./view/notices.js";
import { LogView } from "./past/log-view.js";
import { PastCalls } from "./past/calls.js";
import { SettingsView } from "./view/settings.js";
import { SignInView } from "./view/sign-in.js";
import { Tabs } from "./view/tabs.js";

const isCapturing = new URLSearchParams(location.search).get("capture") === "1";
const microphone = new Microphone();
const wavCaller = new WavCaller();
const notices = new Notices();
const signInView = new SignInView(notices, () => desk.isRunning);
const signIn = new SignIn(() => signedIn());
const api = new Api(signIn);
const logView = new LogView(byId("view-log"));
const tabs = new Tabs({ shown: { "view-past": () => past.load() }, left: { "view-past": () => past.pause() } });
const past = new PastCalls(byId("view-past"), api, showLog);
const view = new CallView(api, showLog);
let live = null;
let wasSignedIn = false;

const actions = {
  start: () => startCall(),
  hangUp: () => live?.hangUp(),
  mute: (on) => live?.mute(on),
  interrupt: () => live?.interrupt(),
  say: (text) => live?.sayText(text),
  key: (digit) => live?.key(digit),
};
const desk = new Desk(actions, notices);
const settings = new SettingsView({ microphone, wavCaller, notices, live: () => live });

async function startCall() {
  if (!signIn.isSignedIn) return signInView.ask(signIn);
  live = new LiveCall({
    api,
    signIn,
    microphone,
    wavCaller,
    encoding: settings.encoding,
    isCapturing,
    observer: {
      state: (word, attempts) => {
        desk.state(word, attempts);
        settings.state(word);
      },
      warning: (cause, words) => notices.warn(cause, words),
      message: (message, frame) => view.message(live, message, frame),
      peaks: (side, frame, peaks) => view.peaks(side, frame, peaks),
      tick: () => view.tick(live),
      soundOpened: () => settings.applyOutput(),
      microphoneGone: () => settings.revive(),
      ended: (reason, sentence) => {
        notices.clear();
        desk.ended(reason, sentence);
        settings.ended();
        view.ended(live);
      },
    },
  });
  past.pause();
  view.begin();
  notices.clear();
  await live.start(settings.source);
}

function signedIn() {
  signInView.show(signIn);
  const isNew = signIn.isSignedIn && !wasSignedIn;
  wasSignedIn = signIn.isSignedIn;
  if (isNew && !byId("view-past").hidden) past.load();
}

/** A file that is dropped beside a place for files would be opened in place of the page, and end the call. */
function keepPage(event) {
  const isFile = event.dataTransfer?.types.includes("Files");
  if (isFile && !event.target.closest?.("input[type=file]")) event.preventDefault();
}

function showLog(name, text) {
  logView.open(name, text);
  tabs.show("view-log");
  logView.focus();
}

signInView.bind({
  use: (token) => signIn.use(token),
  accept: () => signIn.accept(),
  decline: () => signIn.decline(),
  useServers: () => signIn.useServers(),
});
addEventListener("hashchange", () => signIn.look());
// Whoever leaves the page hangs up; the server would otherwise keep the call for them.
addEventListener("pagehide", () => live?.leave());
addEventListener("online", () => live?.online());
addEventListener("click", () => live?.wake());
addEventListener("visibilitychange", () => live?.wake());
for (const drag of ["dragover", "drop"]) addEventListener(drag, keepPage);
desk.idle();
await signIn.start();
tabs.start();

window.dummyCall = Object.freeze({
  renderedLog: () => ({
    rate: live?.engine?.rate ?? null,
    line_rate: live?.lineRate ?? null,
    origin_frame: live?.measure?.originFrame ?? null,
    runs: structuredClone(live?.rendered?.runs ?? []),
    controls: structuredClone(live?.rendered?.controls ?? []),
  }),
  capture: () => live?.rendered?.captured() ?? null,
  events: () => structuredClone(live?.log.events ?? []),
});

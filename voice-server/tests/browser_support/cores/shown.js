// What is shown of warnings, turns, interruptions and past calls, and who has the focus.
const { Notices } = await module("view/notices.js");
const { turnItem } = await module("view/waterfall.js");
const { BargeInsView } = await module("view/barge-ins.js");
const { PastCalls } = await module("past/calls.js");
const { Replay } = await module("past/replay.js");
const { LogView } = await module("past/log-view.js");
const { Tabs } = await module("view/tabs.js");
const { CallView } = await module("view/call-view.js");
const { CountersView } = await module("view/counters.js");

const text = (id) => document.getElementById(id).textContent;

// A warning stands until its cause is gone, and is read out once; what changes all the time is not read out.
const notices = new Notices();
notices.warn("microphone", "The microphone is gone.");
notices.warn("storage", "Nothing can be stored.");
assertEqual(text("warning"), "The microphone is gone. Nothing can be stored.");
assertEqual(text("announcement"), "Nothing can be stored.");
notices.announce("The call is up.");
notices.warn("microphone", "The microphone is gone.");
notices.warn("storage", null);
assertEqual([text("warning"), text("announcement")], ["The microphone is gone.", "The call is up."]);
notices.clear();
assertEqual(text("warning"), "");
assert(document.getElementById("status").closest("[aria-live], [role=status]") === null);

// The silence that a voice begins with is a part of its own, also where it was given faster than it lasts.
const times = { speech_end_ms: 0, eot_ms: 100, reply_started_ms: 100, first_token_ms: 200, first_clause_ms: 250 };
const turn = (more) => ({ turn: 1, reply: 1, caller_text: "hello", ...times, tts_first_audio_ms: 300, ...more });
const partOf = (more, name) => {
  const items = [...turnItem(turn(more), 500, { isOpen: true }).querySelectorAll(".parts li")];
  return items.find((item) => item.querySelector(".name").textContent === name)?.querySelector(".figure").textContent;
};
const slow = { trimmed_silence_ms: 80, released_ms: 200, first_audio_ms: 390 };
assertEqual([partOf(slow, "silence"), partOf(slow, "held"), partOf(slow, "handed out")], ["80", undefined, "10"]);
const quick = { trimmed_silence_ms: 200, released_ms: 310, first_audio_ms: 320 };
assertEqual([partOf(quick, "silence"), partOf(quick, "held"), partOf(quick, "handed out")], ["20", undefined, undefined]);
const none = { trimmed_silence_ms: 0, released_ms: 350, first_audio_ms: 351 };
assertEqual([partOf(none, "silence"), partOf(none, "held"), partOf(none, "handed out")], [undefined, "50", "1"]);

// Where the agent was silent already there was nothing to stop: it is listed and in no figure.
const bargeIns = new BargeInsView(document.createElement("ol"));
const measured = [0, 120, null];
const measure = { contextRate: 48_000, silenceMs: () => measured.shift() };
for (const reply of [1, 2, 3]) bargeIns.take({ type: "barge_in", decision: "committed", reply }, 0);
bargeIns.tick(measure, 48_000);
assertEqual([bargeIns.list.childElementCount, bargeIns.silences], [3, [120]]);

// Two questions for past calls: the answer to the first changes nothing, whenever it comes; after a failure one can go on.
const questions = [];
const api = { json: (path) => new Promise((resolve, reject) => questions.push({ path, resolve, reject })) };
const root = document.createElement("div");
const past = new PastCalls(root, api, () => {});
const call = (id) => ({ id, started_at: "2026-01-01T00:00:00Z", status: "ended", duration_ms: 1, turns: 1, barge_ins: 0 });
const shown = () => [...root.querySelectorAll("[data-call]")].map((button) => button.dataset.call);
const loads = [past.load(), past.load()];
questions[1].resolve({ items: [call("new")], next_cursor: "c1" });
questions[0].resolve({ items: [call("old")], next_cursor: null });
await Promise.all(loads);
const older = [...root.querySelectorAll("button")].find((button) => button.textContent === "Older calls");
assertEqual([shown(), older.hidden], [["new"], false]);
older.click();
questions[2].reject(new Error("The server cannot be reached."));
await settled();
assertEqual([shown(), older.hidden, root.querySelector("[role=status]").textContent], [["new"], false, "The server cannot be reached."]);
older.click();
questions[3].resolve({ items: [call("older")], next_cursor: null });
await settled();
assertEqual([questions[3].path.includes("cursor=c1"), shown(), older.hidden], [true, ["new", "older"], true]);

// The chosen call has the focus once it is there, unless another is chosen by then or somebody has gone elsewhere.
takeOverElements();
const byId = (id) => document.getElementById(id);
byId("view-past").replaceChildren();
const asked = [];
const slowApi = { json: (path) => new Promise((resolve) => asked.push({ path, resolve })) };
const browsing = new PastCalls(byId("view-past"), slowApi, () => {});
const { tabs, leftViews } = tabsOf();
tabs.show("view-past");
const loading = browsing.load();
asked.shift().resolve({ items: [call("a"), call("b")], next_cursor: null });
await loading;
const row = (id) => byId("view-past").querySelector(`[data-call=${id}]`);
const detailOf = (id) => ({ ...call(id), utterances: [], resumes: 0, cost_micros: 0, currency: "EUR", recorded: false });
const choose = (id) => {
  row(id).focus();
  row(id).click();
};
choose("a");
choose("b");
asked.shift().resolve(detailOf("a"));
await settled();
assert(document.activeElement === row("b"), "an answer to an older question moves nobody");
asked.shift().resolve(detailOf("b"));
await settled();
assertEqual(document.activeElement.id, "past-detail");
choose("a");
byId("tab-past").focus();
asked.shift().resolve(detailOf("a"));
await settled();
assertEqual(document.activeElement.id, "tab-past");

// A recording is silent once its view is left.
let pauses = 0;
browsing.detail.replay = { pause: () => (pauses += 1), close: () => {} };
browsing.pause();
assertEqual(pauses, 1);
const replay = new Replay({ file: async () => new Blob([]) }, { id: "a", recorded: true }, []);
while (!replay.audio) await settled();
replay.audio.pause = () => (pauses += 1);
replay.pause();
assertEqual(pauses, 2);
tabs.show("view-past");
assertEqual(leftViews, []);
tabs.show("view-call");
tabs.show("view-log");
assertEqual(leftViews, ["view-past"]);

// Arrow keys stay in the list of tabs; a log that is opened has the focus on its first line.
byId("view-log").replaceChildren();
const logView = new LogView(byId("view-log"));
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
byId("tab-call").focus();
for (const id of ["tab-past", "tab-log", "tab-call", "tab-past", "tab-log"]) {
  press("ArrowRight");
  assertEqual(document.activeElement.id, id);
}
logView.open("x", '{"turn_log":1,"rate":16000}\n{"at_ns":1,"in":{"tick":1}}');
logView.focus();
assert(document.activeElement === byId("log-rows").firstElementChild);

// Where the connection was lost and where it came back are two places.
const marks = [];
const view = new CallView({}, () => {});
view.timeline = { mark: (...mark) => marks.push(mark) };
view.message({ measure: { contextRate: 48_000 } }, { type: "gap", away_ms: 2_500 }, 480_000);
assertEqual(marks, [["gap", 360_000], ["back", 480_000]]);

// Whatever was dropped on the way is in one figure.
const cell = document.createElement("dd");
cell.dataset.counter = "late";
const figures = document.createElement("dl");
figures.append(cell);
new CountersView(figures).show({
  playback: { counters: { gaps: 0, concealed_ms: 0, late: 1, refused: 20 }, buffered_ms: 0, target_ms: 0 },
  arrivals: { jitterMs: 0 },
  codec: { refused: 300 },
  dropped: 4_000,
  encoding: { name: "" },
  engine: { outputLatencyMs: 0 },
  reconnects: 0,
  roundTripMs: null,
  traffic: null,
});
assertEqual(cell.textContent, "4321");

/** The tabs of the page, and which views were left. */
function tabsOf() {
  const leftViews = [];
  const left = Object.fromEntries(["view-past"].map((id) => [id, () => leftViews.push(id)]));
  return { tabs: new Tabs({ shown: {}, left }), leftViews };
}

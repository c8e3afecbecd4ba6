// What is shown of warnings, turns, interruptions and past calls.
const { Notices } = await module("view/notices.js");
const { turnItem } = await module("view/waterfall.js");
const { BargeInsView } = await module("view/barge-ins.js");
const { PastCalls } = await module("past/calls.js");

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

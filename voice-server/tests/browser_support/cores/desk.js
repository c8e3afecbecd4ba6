// The buttons of a call, under hands that are quick or busy.
const { Desk } = await module("view/desk.js");

takeOverElements();
const done = [];
const action = (name) => () => done.push(name);
const names = ["start", "hangUp", "mute", "interrupt", "say", "key"];
const actions = Object.fromEntries(names.map((name) => [name, action(name)]));
const desk = new Desk(actions, { announce: () => {} });
const button = document.getElementById("call");
const click = (detail) => button.dispatchEvent(new MouseEvent("click", { bubbles: true, detail }));

// The first click of a double click has done it: the second neither hangs up what it started nor starts a call anew.
desk.idle();
click(1);
desk.state("asking");
click(2);
assertEqual(done, ["start"]);
desk.state("listening");
click(1);
desk.ended("caller_hung_up", null);
click(2);
click(3);
assertEqual(done, ["start", "hangUp"]);

// By the keyboard clicks are not counted.
click(0);
desk.state("asking");
click(0);
assertEqual(done.slice(2), ["start", "hangUp"]);

// A key that is held down presses a button once.
const isTaken = (key, repeat) => !button.dispatchEvent(new KeyboardEvent("keydown", { key, repeat, bubbles: true, cancelable: true }));
for (const key of ["Enter", " "]) assertEqual([isTaken(key, false), isTaken(key, true)], [false, true], key);
assertEqual(isTaken("Tab", true), false, "whoever goes on does");

// Whoever types when the call ends keeps the field and the words, and can send them no more; once left, it is disabled.
desk.state("listening");
const say = document.getElementById("say");
say.focus();
say.value = "What I wanted to";
desk.ended("agent_hung_up", null);
assertEqual([document.activeElement, say.value, say.disabled, say.readOnly].slice(1), ["What I wanted to", false, true]);
assert(document.activeElement === say);
const before = done.length;
document.getElementById("say-form").dispatchEvent(new SubmitEvent("submit", { cancelable: true }));
assertEqual(done.length, before);
say.blur();
assert(say.disabled);
desk.state("listening");
assertEqual([say.disabled, say.readOnly], [false, false]);
desk.ended("agent_hung_up", null);
assert(say.disabled, "nobody is in it");

// Whoever has hung up can do nothing more with the call but insist.
desk.state("leaving");
assertEqual([button.textContent, button.disabled, say.disabled, document.getElementById("status").textContent], ["Hang up", false, true, "Hanging up."]);

// The buttons of a call, under hands that are quick, heavy or busy.
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

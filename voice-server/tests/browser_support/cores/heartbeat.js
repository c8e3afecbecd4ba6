const { Heartbeat } = await module("call/heartbeat.js");

const pings = [];
let silences = 0;
const heartbeat = new Heartbeat((n) => pings.push(n), () => (silences += 1));
heartbeat.start();
heartbeat.stop();

// Answers, and whatever else comes, are signs of life.
heartbeat.beat(1_000);
heartbeat.heard({ type: "pong", n: 1 }, 1_030);
assertEqual([pings, heartbeat.roundTripMs], [[1], 30]);
heartbeat.beat(2_000);
heartbeat.heard(null, 2_900);
assertEqual(heartbeat.roundTripMs, 30, "audio is no answer");

// A page that slept for an hour after an answer has heard nothing of a broken connection.
heartbeat.beat(3_602_900);
assertEqual(silences, 0);

// Without any answer the connection is given up, and not before.
for (const second of [1, 2, 3, 4]) heartbeat.beat(3_602_900 + second * 1_000);
assertEqual(silences, 0);
heartbeat.beat(3_602_900 + 5_000);
assertEqual(silences, 1);

// Whoever tells the time, and however often, makes one beat a second; a heartbeat that was stopped makes none.
const told = [];
const ticking = new Heartbeat((n) => told.push(n), () => {});
const nowMs = performance.now();
ticking.start();
for (let ms = 0; ms <= 3_000; ms += 20) ticking.tick(nowMs + ms);
ticking.stop();
ticking.tick(nowMs + 10_000);
assertEqual(told, [1, 2, 3]);

// A page that slept with a ping unanswered has not looked for the answer yet.
const slept = new Heartbeat(() => {}, () => (silences += 1));
slept.beat(1_000);
slept.beat(3_601_000);
assertEqual(silences, 1);

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

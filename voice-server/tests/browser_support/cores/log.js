const { readLog } = await module("past/log-lines.js");
const { EventLog } = await module("call/log.js");

const machine = [
  '{"turn_log":1,"rate":16000,"config":{}}',
  '{"at_ns":1500000000,"in":{"speech_onset":{"position":3}}}',
  '{"out":"pause_playout"}',
  '{"at_ns":2000000000,"in":{"type":"tick","x":1}}',
  '{"cut":"it was long"}',
  "no log at all",
  "[1,2]",
  "7",
  "",
].join("\n");
const { rows, foreign, kind } = readLog(machine);
assertEqual(kind, "turn log");
assertEqual(foreign, 3);
assertEqual(rows.map((row) => [row.seconds, row.direction, row.kind, row.details]), [
  [1.5, "in", "speech_onset", '{"position":3}'],
  [1.5, "out", "pause_playout", ""],
  [2, "in", "tick", '{"x":1}'],
  [2, "page", "cut", "it was long"],
]);

const log = new EventLog();
log.add("in", { type: "pause", reply: 3 });
const own = readLog(log.lines());
assertEqual([own.kind, own.foreign, own.rows.length], ["messages of the page", 0, 1]);
assertEqual([own.rows[0].direction, own.rows[0].kind, own.rows[0].details], ["in", "pause", '{"reply":3}']);

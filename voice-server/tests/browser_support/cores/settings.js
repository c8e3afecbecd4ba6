// Devices and what was chosen of them, as they come and go.
const { SettingsView } = await module("view/settings.js");
const { Microphone } = await module("audio/microphone.js");

takeOverElements();
const byId = (id) => document.getElementById(id);

class Track extends EventTarget {
  readyState = "live";
  stop() {
    this.readyState = "ended";
  }
  async applyConstraints() {}
  getSettings() {
    return {};
  }
}

/** What can be opened, the system's choice first. */
let present = ["headset", "desk"];
const opened = [];
const media = Object.assign(new EventTarget(), {
  enumerateDevices: async () => present.map((deviceId) => ({ kind: "audioinput", deviceId, label: deviceId })),
  getUserMedia: async ({ audio }) => {
    const wanted = audio.deviceId?.exact ?? present[0];
    if (!present.includes(wanted)) throw Object.assign(new Error("none"), { name: "NotFoundError" });
    const track = new Track();
    opened.push({ wanted, track });
    return { getTracks: () => [track], getAudioTracks: () => [track] };
  },
});
Object.defineProperty(navigator, "mediaDevices", { value: media, configurable: true });
const live = () => opened.filter(({ track }) => track.readyState === "live").map(({ wanted }) => wanted);

/** What a person does to a plug: tracks of what is gone end, and the browser tells of the change more than once. */
async function plugged(...names) {
  present = names;
  for (const { wanted, track } of opened) if (!names.includes(wanted)) track.readyState = "ended";
  for (let told = 0; told < 3; told += 1) media.dispatchEvent(new Event("devicechange"));
  for (let turn = 0; turn < 5; turn += 1) await settled();
}

try {
  const streams = [];
  const call = { source: "microphone", useStream: (stream) => stream && streams.push(stream) };
  const microphone = new Microphone();
  const warnings = [];
  const notices = { warn: (cause, words) => words && warnings.push([cause, words]) };
  const wavCaller = { choose: () => {}, upcoming: null };
  const settings = new SettingsView({ microphone, wavCaller, notices, live: () => call });
  await plugged("headset", "desk");
  assertEqual(opened, [], "nobody calls");
  await microphone.open();
  await plugged("headset", "desk");
  assertEqual(opened.length, 1, "the one that is heard is left alone");

  // The system's microphone is pulled: the system has another one. It is opened once, however often the change is told.
  await plugged("desk");
  assertEqual([live(), opened.length, streams.length, byId("input-device").value], [["desk"], 2, 1, ""]);

  // The only one is pulled, and comes back.
  await plugged();
  assertEqual(live(), []);
  assert(warnings.length > 0 && warnings.every(([cause]) => cause === "microphone"), warnings);
  await plugged("desk");
  assertEqual([live(), streams.length], [["desk"], 2]);

  // So it is with one that was chosen by its name.
  byId("input-device").value = "desk";
  byId("input-device").dispatchEvent(new Event("change"));
  await settled();
  assertEqual([live(), microphone.wanted.deviceId, microphone.isLost], [["desk"], "desk", false]);
  await plugged();
  assert(microphone.isLost);
  await plugged("desk");
  assertEqual([live(), microphone.isLost], [["desk"], false]);

  // A track may end although its device is there still, of which no change tells.
  const before = opened.length;
  opened.at(-1).track.readyState = "ended";
  settings.revive();
  settings.revive();
  for (let turn = 0; turn < 5; turn += 1) await settled();
  assertEqual([live(), opened.length], [["desk"], before + 1]);

  // Where files are the caller, and once nobody calls, no microphone is opened.
  opened.at(-1).track.readyState = "ended";
  call.source = "files";
  await plugged("desk");
  call.source = "microphone";
  microphone.close();
  await plugged("headset", "desk");
  assertEqual(live(), []);
} finally {
  delete navigator.mediaDevices;
}

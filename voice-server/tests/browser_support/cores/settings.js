// Devices and what was chosen of them, as they come and go.
const { SettingsView } = await module("view/settings.js");
const { Microphone } = await module("audio/microphone.js");
const { WavCaller } = await module("audio/wav-caller.js");

takeOverElements();
const byId = (id) => document.getElementById(id);

/** A WAV file of ten samples that are 0. */
function silentWav() {
  const view = new DataView(new ArrayBuffer(64));
  [..."RIFF....WAVEfmt ....................data"].forEach((letter, at) => view.setUint8(at, letter.charCodeAt(0)));
  for (const [at, value] of [[4, 56], [16, 16], [24, 24_000], [28, 48_000], [40, 20]]) view.setUint32(at, value, true);
  for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]]) view.setUint16(at, value, true);
  return view.buffer;
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

  // One that ends each time is opened three times in a call, and again once a device has come or gone or somebody has chosen one.
  const ends = () => {
    opened.at(-1).track.readyState = "ended";
    settings.revive();
  };
  call.useStream = ends;
  settings.ended();
  for (const [what, happens, opens] of [
    ["its end", ends, 3],
    ["a device", () => media.dispatchEvent(new Event("devicechange")), 3],
    ["a choice", () => byId("input-device").dispatchEvent(new Event("change")), 4],
  ]) {
    const soFar = opened.length;
    happens();
    for (let turn = 0; turn < 20; turn += 1) await settled();
    assertEqual(opened.length - soFar, opens, what);
  }
  call.useStream = (stream) => stream && streams.push(stream);

  // It is replaced again in the next call. What cannot be had is not said once the call that wanted it is over.
  const [unheard, told] = [Promise.withResolvers(), warnings.length];
  const { getUserMedia } = media;
  let asked = 0;
  media.getUserMedia = () => ((asked += 1), unheard.promise);
  settings.ended();
  settings.revive();
  for (let turn = 0; turn < 5; turn += 1) await settled();
  microphone.close();
  unheard.reject(Object.assign(new Error("busy"), { name: "NotReadableError" }));
  for (let turn = 0; turn < 5; turn += 1) await settled();
  assertEqual([asked, warnings.length], [1, told]);
  media.getUserMedia = getUserMedia;
  await microphone.open();

  // Where files are the caller, and once nobody calls, no microphone is opened.
  opened.at(-1).track.readyState = "ended";
  call.source = "files";
  await plugged("desk");
  call.source = "microphone";
  microphone.close();
  await plugged("headset", "desk");
  assertEqual(live(), []);

  // The loudspeaker that was chosen is a call's from its beginning.
  const outputs = [];
  call.engine = { chooseOutput: async (id) => outputs.push(id) };
  settings.applyOutput();
  byId("output-device").append(new Option("kitchen", "kitchen", false, true));
  settings.applyOutput();
  assertEqual(outputs, ["kitchen"]);

  // A file that is still being read when its call ends is said in no other, and no other can be asked for after the end.
  const said = Promise.withResolvers();
  Object.assign(call, { source: "files", log: { add: () => {} } });
  Object.assign(wavCaller, { upcoming: "next.wav", say: () => said.promise });
  settings.state("speaking");
  assert(!byId("say-file").disabled);
  byId("say-file").click();
  settings.ended();
  said.resolve(null);
  for (let turn = 0; turn < 5; turn += 1) await settled();
  assert(byId("say-file").disabled);

  const reading = Promise.withResolvers();
  const files = new WavCaller();
  files.choose([{ name: "slow.wav", size: 44, arrayBuffer: () => reading.promise }]);
  files.attach(new OfflineAudioContext(1, 128, 24_000));
  const saying = files.say();
  files.detach();
  files.attach(new OfflineAudioContext(1, 128, 24_000));
  reading.resolve(silentWav());
  assertEqual([await saying, files.playing, files.upcoming], [null, null, "slow.wav"]);

  // What a browser has restored is what holds; what it does not know is not offered.
  takeOverElements();
  media.getSupportedConstraints = () => ({ echoCancellation: true, autoGainControl: true });
  const box = (name) => document.querySelector(`#treatments input[name=${name}]`);
  const source = (value) => document.querySelector(`input[name=source][value=${value}]`);
  box("echoCancellation").checked = false;
  byId("input-device").value = "desk";
  source("files").checked = true;
  const transfer = new DataTransfer();
  transfer.items.add(new File([], "kept.wav"));
  byId("files").files = transfer.files;
  const made = () => ({ microphone: new Microphone(), wavCaller: new WavCaller(), notices, live: () => null });
  const [restored, parts] = [made(), []];
  parts.push(new SettingsView(restored));
  const { deviceId, ...treatments } = restored.microphone.wanted;
  assertEqual([deviceId, restored.wavCaller.upcoming, parts[0].source], ["desk", "kept.wav", "files"]);
  assertEqual(treatments, { echoCancellation: false, noiseSuppression: false, autoGainControl: true });
  assertEqual([box("noiseSuppression").disabled, box("noiseSuppression").checked, box("autoGainControl").disabled], [true, false, false]);
  assert(byId("treatments-lacking").textContent.includes("noise suppression"), byId("treatments-lacking").textContent);
  byId("files").files = new DataTransfer().files;
  assertEqual(new SettingsView(made()).source, "microphone", "there is no file to be said");
} finally {
  delete navigator.mediaDevices;
}

// Which microphone is opened, when some of them are gone.
const { Microphone } = await module("audio/microphone.js");

const present = new Set(["desk"]);
const opened = [];
const failure = (name) => Object.assign(new Error(name), { name });
let isBusy = false;
const getUserMedia = async ({ audio }) => {
  const wanted = audio.deviceId?.exact ?? "system";
  if (isBusy) throw failure("NotReadableError");
  if (wanted !== "system" && !present.has(wanted)) throw failure("OverconstrainedError");
  const track = new Track();
  opened.push({ wanted, track });
  return { getTracks: () => [track], getAudioTracks: () => [track] };
};
Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
const live = () => opened.filter(({ track }) => track.readyState === "live").map(({ wanted }) => wanted);

try {
  const microphone = new Microphone();
  await microphone.want("deviceId", "headset");
  assertEqual(opened, [], "nobody calls yet");
  await microphone.open();
  assertEqual([live(), microphone.wanted.deviceId], [["system"], ""], "the one that was chosen is gone");

  // After a failure another one can be chosen, and is opened.
  isBusy = true;
  const failed = await microphone.want("deviceId", "desk").catch((error) => error);
  assert(failed.message.includes("in use by another program"), failed.message);
  isBusy = false;
  assert((await microphone.want("deviceId", "")) !== null);
  await microphone.want("deviceId", "desk");
  assertEqual(live(), ["desk"], "one at a time");

  // What comes once nobody waits for it is let go.
  const late = microphone.want("deviceId", "");
  microphone.close();
  assertEqual([await late, live()], [null, []]);
  const [overtaken, newest] = [microphone.open(), microphone.open()];
  assertEqual([await overtaken, (await newest) !== null, live()], [null, true, ["system"]]);
  microphone.close();
  assertEqual(live(), []);
  isBusy = true;
  const failing = microphone.open();
  microphone.close();
  assertEqual(await failing, null, "so is what cannot be had");
  isBusy = false;

  // A microphone is lost once a call that heard one hears none any more; not while the first is being asked for.
  assert(!microphone.isLost);
  const asked = microphone.open();
  assert(!microphone.isLost, "nobody has answered yet");
  await asked;
  assert(!microphone.isLost);
  opened.at(-1).track.readyState = "ended";
  assert(microphone.isLost);
  isBusy = true;
  await microphone.want("deviceId", "").catch(() => {});
  assert(microphone.isLost, "nothing was opened in its place");
  isBusy = false;
  await microphone.want("deviceId", "");
  assert(!microphone.isLost && live().length === 1, live());
  microphone.close();
  assert(!microphone.isLost);
} finally {
  delete navigator.mediaDevices;
}

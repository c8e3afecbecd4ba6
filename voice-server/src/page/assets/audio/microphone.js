// The microphone: which one, and what the browser does to its sound.
//
// Invariant: at most one is open; what cannot be had is said in a sentence that tells what to do.

/** What a browser can do to the sound, and all of it is asked for unless switched off. */
export const TREATMENTS = Object.freeze(["echoCancellation", "noiseSuppression", "autoGainControl"]);

/** Why there is no microphone. */
export class NoMicrophone extends Error {
  /** `isRefused`: a person or a policy said no. */
  constructor(sentence, isRefused) {
    super(sentence);
    this.isRefused = isRefused;
  }
}

export class Microphone {
  constructor() {
    this.stream = null;
    this.wanted = { deviceId: "", ...Object.fromEntries(TREATMENTS.map((name) => [name, true])) };
  }

  /** A stream of the wanted microphone. Asks the person where that is needed. */
  async open() {
    this.close();
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new NoMicrophone(
        "This browser gives microphones only to pages over https, or of this machine. Open the page as https, or as http://127.0.0.1.",
        true,
      );
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: this.#constraints() });
    } catch (error) {
      throw explained(error);
    }
    return this.stream;
  }

  /**
   * Switches one of the treatments, or chooses another microphone (`deviceId`). Gives the stream to use from now on: the
   * same where the browser can change an open microphone, else a new one.
   */
  async want(name, value) {
    this.wanted[name] = value;
    const track = this.stream?.getAudioTracks()[0];
    if (!track) return null;
    if (name !== "deviceId" && (await changed(track, this.#constraints(), name, value))) return this.stream;
    return this.open();
  }

  /** The microphones there are, as `{id, label}`; without permission they have no names. */
  static async list(kind = "audioinput") {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    const ofKind = devices.filter((device) => device.kind === kind && device.deviceId !== "");
    return ofKind.map(({ deviceId, label }, index) => ({ id: deviceId, label: label || `Device ${index + 1}` }));
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
  }

  #constraints() {
    const { deviceId, ...treatments } = this.wanted;
    return { ...treatments, channelCount: 1, ...(deviceId === "" ? {} : { deviceId: { exact: deviceId } }) };
  }
}

async function changed(track, constraints, name, value) {
  try {
    await track.applyConstraints(constraints);
  } catch {
    return false;
  }
  return track.getSettings()[name] === value;
}

function explained(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return new NoMicrophone(
        "The microphone is not allowed. Allow it in the browser's site settings (the sign left of the address), then start the call again.",
        true,
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return new NoMicrophone("There is no such microphone. Plug one in, choose another, or let a WAV file be the caller.", false);
    case "NotReadableError":
      return new NoMicrophone("The microphone is in use by another program. Close that, then start the call again.", false);
    default:
      return new NoMicrophone(`The microphone cannot be opened: ${error.message}`, false);
  }
}

// The microphone: which one, and what the browser does to its sound.
//
// Invariant: at most one is open, and none that nobody waits for any more; what cannot be had is said in a sentence that
// tells what to do.

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
    /** Whether a call has it or wants it, also while it cannot be had. */
    this.isInUse = false;
    /** Whether that call has heard one. */
    this.wasOpen = false;
    /** How often it was opened or closed: what comes for an older request is let go. */
    this.requests = 0;
    this.wanted = { deviceId: "", ...Object.fromEntries(TREATMENTS.map((name) => [name, true])) };
  }

  /** A stream of the wanted microphone, or `null` if it was closed meanwhile. Asks the person where that is needed. */
  async open() {
    this.#letGo();
    this.isInUse = true;
    const request = this.requests;
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new NoMicrophone(
        "This browser gives microphones only to pages over https, or of this machine. Open the page as https, or as http://127.0.0.1.",
        true,
      );
    }
    const stream = await this.#get().catch((error) => {
      // What became of a request that was given up is nobody's any more, a failure too.
      if (request === this.requests) throw error;
      return null;
    });
    if (request !== this.requests) {
      stopped(stream);
      return null;
    }
    this.wasOpen = true;
    return (this.stream = stream);
  }

  /** Whether a call has had a microphone and has none now that gives sound. One that still waits for its first has lost nothing. */
  get isLost() {
    return this.isInUse && this.wasOpen && this.#track?.readyState !== "live";
  }

  get #track() {
    return this.stream?.getAudioTracks()[0];
  }

  /** The chosen microphone, or the system's where that one is gone. */
  async #get() {
    const get = () => navigator.mediaDevices.getUserMedia({ audio: this.#constraints() });
    try {
      return await get();
    } catch (error) {
      const isGone = ["NotFoundError", "OverconstrainedError"].includes(error.name) && this.wanted.deviceId !== "";
      if (!isGone) throw explained(error);
    }
    this.wanted.deviceId = "";
    try {
      return await get();
    } catch (error) {
      throw explained(error);
    }
  }

  /**
   * Switches one of the treatments, or chooses another microphone (`deviceId`). Gives the stream to use from now on: the
   * same where the browser can change an open microphone, else a new one; `null` while no call uses it.
   */
  async want(name, value) {
    const isSame = this.wanted[name] === value;
    this.wanted[name] = value;
    if (!this.isInUse) return null;
    const track = this.#track;
    const isLive = track?.readyState === "live";
    if (isLive && isSame) return this.stream;
    if (isLive && name !== "deviceId" && (await changed(track, this.#constraints(), name, value))) return this.stream;
    return this.open();
  }

  /** The microphones there are, as `{id, label}`; without permission they have no names. */
  static async list(kind = "audioinput") {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    const ofKind = devices.filter((device) => device.kind === kind && device.deviceId !== "");
    return ofKind.map(({ deviceId, label }, index) => ({ id: deviceId, label: label || `Device ${index + 1}` }));
  }

  /** Those of TREATMENTS that this browser does not know, and would not do if it were asked to. */
  static lacking() {
    const known = navigator.mediaDevices?.getSupportedConstraints?.();
    return known ? TREATMENTS.filter((name) => !known[name]) : [];
  }

  close() {
    [this.isInUse, this.wasOpen] = [false, false];
    this.#letGo();
  }

  #letGo() {
    this.requests += 1;
    stopped(this.stream);
    this.stream = null;
  }

  #constraints() {
    const { deviceId, ...treatments } = this.wanted;
    return { ...treatments, channelCount: 1, ...(deviceId === "" ? {} : { deviceId: { exact: deviceId } }) };
  }
}

function stopped(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
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

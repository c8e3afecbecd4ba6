// Sound files as the caller, said in real time by way of the microphone's worklet.
//
// Invariant: one file is said at a time, from its first sample; between files there is silence.

/** Longer files are refused: their samples are all in memory. */
const MAX_FILE_BYTES = 100 * 1024 * 1024;

export class WavCaller {
  constructor() {
    this.files = [];
    this.next = 0;
    this.playing = null;
    /** Called whenever a file has come to its end, its silence included. */
    this.whenSaid = () => {};
  }

  /** The files to be said, in this order. */
  choose(files) {
    this.files = [...files];
    this.next = 0;
  }

  /** The name of the file that would be said next, or `null`. */
  get upcoming() {
    return this.files[this.next]?.name ?? null;
  }

  /** Begins again with the first file, in this context; the node is the caller from then on. */
  attach(context) {
    this.context = context;
    this.node = new GainNode(context);
    this.next = 0;
    return this.node;
  }

  /** Says the next file now; what is being said is cut off. Resolves with its name once it has begun, `null` if none is left. */
  async say() {
    const file = this.files[this.next];
    if (!file || !this.context) return null;
    this.next += 1;
    const buffer = await this.#decode(file);
    this.#stop();
    this.playing = new AudioBufferSourceNode(this.context, { buffer });
    this.playing.connect(this.node);
    this.playing.onended = () => this.#said();
    this.playing.start();
    return file.name;
  }

  detach() {
    this.#stop();
    [this.context, this.node] = [null, null];
  }

  async #decode(file) {
    if (file.size > MAX_FILE_BYTES) throw new Error(`${file.name} is longer than 100 MB; take a shorter one`);
    try {
      return await this.context.decodeAudioData(await file.arrayBuffer());
    } catch {
      throw new Error(`${file.name} is no sound that this browser can read; take a WAV file`);
    }
  }

  #said() {
    this.playing = null;
    this.whenSaid();
  }

  #stop() {
    if (!this.playing) return;
    this.playing.onended = null;
    this.playing.stop();
    this.playing = null;
  }
}

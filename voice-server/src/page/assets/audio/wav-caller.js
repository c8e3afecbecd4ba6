// Sound files as the caller, said in real time by way of the microphone's worklet.
//
// Invariant: one file is said at a time, from its first sample; between files there is silence. What is still being read when
// its call ends is said in no other.

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

  /**
   * Says the next file now; what is being said is cut off. Resolves with its name once it has begun, `null` if none is left or
   * the call is over by then.
   */
  async say() {
    const file = this.files[this.next];
    const { context, node } = this;
    if (!file || !context) return null;
    this.next += 1;
    const { buffer, error } = await decoded(file, context);
    if (node !== this.node) return null;
    if (error) throw error;
    this.#stop();
    this.playing = new AudioBufferSourceNode(context, { buffer });
    this.playing.connect(node);
    this.playing.onended = () => this.#said();
    this.playing.start();
    return file.name;
  }

  detach() {
    this.#stop();
    [this.context, this.node] = [null, null];
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

/** The sound of a file as a `buffer`, or an `error` that says why there is none. */
async function decoded(file, context) {
  if (file.size > MAX_FILE_BYTES) return { error: new Error(`${file.name} is longer than 100 MB; take a shorter one`) };
  try {
    return { buffer: await context.decodeAudioData(await file.arrayBuffer()) };
  } catch {
    return { error: new Error(`${file.name} is no sound that this browser can read; take a WAV file`) };
  }
}

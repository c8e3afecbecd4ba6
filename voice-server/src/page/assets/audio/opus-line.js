// Opus on the line as the page has it: the codec is in a worker.
//
// Invariant: no more than MAX_UNREAD messages wait for the worker; beyond it, audio is missing. After `close`, and of a reply
// after its `clear`, nothing is given any more. A worker that does not run, or not within START_MS, has failed for good.

/** A minute of packets, and of frames: as much as may wait to be played. */
const MAX_UNREAD = 6_000;

/** How long the worker may take to load: as long as a socket to open. */
const START_MS = 8_000;

export class OpusLine {
  /** `told` as for any codec. */
  constructor(told) {
    this.told = told;
    this.posted = 0;
    this.read = 0;
    this.refusedHere = 0;
    this.refusedThere = 0;
    /** The newest reply that was cleared; those before it are over. */
    this.cleared = 0;
    /** Resolves once the worker runs or has failed, which is told. */
    this.opened = new Promise((resolve) => (this.settle = resolve));
    this.deadline = setTimeout(() => this.#fail(), START_MS);
    this.worker = new Worker(new URL("./opus-worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#take(data);
    this.worker.onerror = () => this.#fail();
  }

  /** Frames and packets for which there was no room. */
  get refused() {
    return this.refusedHere + this.refusedThere;
  }

  /** Samples of the caller, the first of them at `position`. */
  encode(position, pcm) {
    this.#post({ type: "encode", position, pcm });
  }

  /** Audio of the agent as it came; its payload is given away. */
  decode({ reply, position, payload }) {
    this.#post({ type: "decode", reply, position, payload }, payload.buffer);
  }

  /** `clear` or `finish` (with `total`) of a reply; the others are nothing to a codec. */
  control(type, reply, total) {
    if (type === "clear") this.cleared = Math.max(this.cleared, reply);
    if (type === "clear" || type === "finish") this.#post({ type, reply, total });
  }

  close() {
    this.#settled();
    [this.worker.onmessage, this.worker.onerror] = [null, null];
    this.worker.terminate();
  }

  #post(message, ...given) {
    const isAudio = message.type === "encode" || message.type === "decode";
    if (isAudio && this.posted - this.read >= MAX_UNREAD) {
      this.refusedHere += 1;
      return;
    }
    this.posted += 1;
    this.worker.postMessage(message, given);
  }

  #take(message) {
    [this.read, this.refusedThere] = [message.read, message.refused];
    if (message.type === "ready") this.#settled();
    if (message.type === "packet") this.told.send(message.position, message.payload);
    if (message.type === "failed") this.told.fail(message.side, message.is_final);
    if (message.reply <= this.cleared) return;
    if (message.type === "samples") this.told.play(message);
    if (message.type === "end") this.told.end(message);
  }

  #fail() {
    this.close();
    this.told.fail("codec", true);
  }

  #settled() {
    clearTimeout(this.deadline);
    this.settle();
  }
}

// Text messages to the server until it is known that it has them, and how far the loudspeaker came while none could be sent.
//
// Invariant: after a resumption the server has each message once, of those that are still kept. At most MAX_KEPT are; the
// oldest go first, which are mostly reports of what was played, and those are overtaken by later ones.

const MAX_KEPT = 64;

export class Outbox {
  constructor() {
    /** How many were put before the first that is kept. */
    this.before = 0;
    this.kept = [];
  }

  /** Keeps a message; gives the text to send. */
  put(message) {
    const text = JSON.stringify(message);
    this.kept.push(text);
    if (this.kept.length > MAX_KEPT) {
      this.kept.shift();
      this.before += 1;
    }
    return text;
  }

  /** What the server has not got if it has `received` messages; counting goes on from there. */
  after(received) {
    this.kept.splice(0, Math.max(0, received - this.before));
    this.before = received;
    return [...this.kept];
  }
}

/** Replies whose loudspeaker reports wait; beyond, the oldest reply goes: a later one was heard after it. */
const MAX_UNREPORTED = 8;

/** How far each reply was played while nobody could be told. */
export class Unreported {
  constructor() {
    this.samples = new Map();
  }

  /** The reply has been played up to `samples`, counted as the protocol does. */
  put(reply, samples) {
    this.samples.delete(reply);
    this.samples.set(reply, samples);
    if (this.samples.size > MAX_UNREPORTED) this.samples.delete(this.samples.keys().next().value);
  }

  /** `[reply, samples]` of each, in the order in which they were played; none of it is kept. */
  take() {
    const all = [...this.samples];
    this.samples.clear();
    return all;
  }
}

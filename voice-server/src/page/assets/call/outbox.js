// Text messages to the server until it is known that it has them.
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

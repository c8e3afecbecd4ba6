// The page's own log of a call: every message that came or was sent, with the page's clocks.
//
// Invariant: in the order of things; at most MAX_EVENTS are kept, the oldest go first and their number is told. Audio is
// there with its header only.

const MAX_EVENTS = 50_000;

export class EventLog {
  constructor() {
    this.events = [];
    this.forgotten = 0;
    this.contextTime = () => null;
  }

  /** `direction` is "in", "out" or "page" for what the page itself did. */
  add(direction, message) {
    const event = { page_ms: round(performance.now()), context_s: this.contextTime(), direction, message };
    this.events.push(event);
    if (this.events.length <= MAX_EVENTS) return;
    this.events.shift();
    this.forgotten += 1;
  }

  /** JSON lines: a header, then an event a line. */
  lines() {
    const header = { page_log: 1, began: new Date(performance.timeOrigin).toISOString(), forgotten: this.forgotten };
    return [header, ...this.events].map((line) => `${JSON.stringify(line)}\n`).join("");
  }
}

function round(ms) {
  return Math.round(ms * 1000) / 1000;
}

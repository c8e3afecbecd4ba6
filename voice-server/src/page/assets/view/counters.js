// Figures of the line and the buffer.
//
// Invariant: each is written only when it has changed.

import { wholeMs } from "./dom.js";

export class CountersView {
  constructor(root) {
    this.cells = new Map([...root.querySelectorAll("[data-counter]")].map((cell) => [cell.dataset.counter, cell]));
  }

  clear() {
    for (const cell of this.cells.values()) cell.textContent = "–";
  }

  set(name, value) {
    const cell = this.cells.get(name);
    if (cell && cell.textContent !== value) cell.textContent = value;
  }

  /** What is known of a call now. */
  show(live) {
    const { playback, arrivals, codec, dropped, encoding, engine, reconnects, roundTripMs, traffic } = live;
    this.set("gaps", String(playback.counters.gaps));
    this.set("concealed", `${wholeMs(playback.counters.concealed_ms)} ms`);
    this.set("jitter", `${arrivals.jitterMs.toFixed(1)} ms`);
    this.set("round_trip", roundTripMs === null ? "–" : `${roundTripMs.toFixed(1)} ms`);
    this.set("buffer", `${wholeMs(playback.buffered_ms)} / ${wholeMs(playback.target_ms)} ms`);
    this.set("reconnects", String(reconnects));
    this.set("late", String(playback.counters.late + playback.counters.refused + codec.refused + dropped));
    this.set("codec", encoding.name);
    this.set("traffic", traffic === null ? "–" : `${kilobytes(traffic.sent)} / ${kilobytes(traffic.received)} kB/s`);
    this.set("output", `${wholeMs(engine.outputLatencyMs)} ms`);
  }

  /** The `cost` message. */
  cost({ total, currency }) {
    this.set("cost", total === null || total === undefined ? "no price known" : `${total} ${currency}`);
  }
}

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(1);
}

// What is said besides the state: warnings for the eye, and what a screen reader reads out.
//
// Invariant: a warning stands until its cause is gone, one a cause; what is read out is read once, and is told apart from
// what changes several times a turn.

import { byId } from "./dom.js";

export class Notices {
  constructor() {
    this.warnings = new Map();
  }

  /** Warns of `cause`, or with `null` no longer. */
  warn(cause, words) {
    if ((this.warnings.get(cause) ?? null) === words) return;
    if (words === null) this.warnings.delete(cause);
    else this.warnings.set(cause, words);
    byId("warning").textContent = [...this.warnings.values()].join(" ");
    if (words !== null) this.announce(words);
  }

  /** Nothing is wrong any more. */
  clear() {
    this.warnings.clear();
    byId("warning").textContent = "";
  }

  /** Read out, by those who have pages read to them. */
  announce(words) {
    byId("announcement").textContent = words;
  }
}

// Whether a codec that says nothing still does its work.
//
// Invariant: it has stalled if something was overdue at MAX_LOOKS looks in a row, and nothing came between them. Looks are
// counted and not the time: a thread or a computer that stood still has not looked meanwhile.

const LOOK_MS = 500;

/** Two seconds: longer than any encoder or decoder takes, and as much silence as nobody should have to explain. */
const MAX_LOOKS = 4;

export class StallWatch {
  /** `isOverdue()` says whether too much waits, or for too long; `stalled()` is told. */
  constructor(isOverdue, stalled) {
    Object.assign(this, { isOverdue, stalled });
    this.looks = 0;
    this.timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Something came. */
  came() {
    this.looks = 0;
  }

  stop() {
    clearInterval(this.timer);
  }

  #look() {
    this.looks = this.isOverdue() ? this.looks + 1 : 0;
    if (this.looks < MAX_LOOKS) return;
    this.looks = 0;
    this.stalled();
  }
}

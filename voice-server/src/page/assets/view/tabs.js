// The three views of the page, one at a time: by click, by arrow keys, by address.
//
// Invariant: exactly one is shown; a call goes on whichever that is.

export class Tabs {
  /** `shown` and `left`: what to do when a view is shown, and when another takes its place, by its id. */
  constructor({ shown, left }) {
    Object.assign(this, { shown, left });
    this.tabs = [...document.querySelectorAll("[role=tab]")];
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.#show(tab));
      tab.addEventListener("keydown", (event) => this.#key(event, tab));
    }
  }

  /** Shows what the address names. */
  start() {
    if (location.hash !== "") this.show(location.hash.slice(1));
  }

  /** Shows the view with this id, if there is one. */
  show(id) {
    const tab = this.tabs.find((tab) => tab.getAttribute("aria-controls") === id);
    if (tab) this.#show(tab);
  }

  #show(chosen) {
    for (const tab of this.tabs) {
      const isChosen = tab === chosen;
      const view = document.getElementById(tab.getAttribute("aria-controls"));
      const isLeft = !isChosen && !view.hidden;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      view.hidden = !isChosen;
      if (isLeft) this.left[view.id]?.();
    }
    this.shown[chosen.getAttribute("aria-controls")]?.();
  }

  #key(event, tab) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = this.tabs.at((this.tabs.indexOf(tab) + step) % this.tabs.length);
    next.focus();
    this.#show(next);
  }
}

// The three views of the page, one at a time: by click, by arrow keys, by address.
//
// Invariant: exactly one is shown; a call goes on whichever that is.

export class Tabs {
  /** `shown`: what to do when a view is shown, by its id. */
  constructor(shown) {
    this.shown = shown;
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
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
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

// A log of a call as a table: what the turn machine was told and said, or what the page sent and got.
//
// Invariant: a file of anybody's making is read line by line; what is no line of a log is counted and left out. At most
// MAX_SHOWN rows are in the document; the filter looks at all of them.

import { el } from "../view/dom.js";
import { readLog } from "./log-lines.js";

/** More rows than a person looks at, and as many as a browser shows without a pause. */
const MAX_SHOWN = 1_500;

/** More letters of a line than the table has room for; Enter shows all of them. */
const MAX_LETTERS = 300;

/** A longer file is refused: it would all be in memory. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

export class LogView {
  constructor(root) {
    this.rows = [];
    this.file = el("input", { type: "file", accept: ".jsonl,.json,application/jsonl", id: "log-file", change: () => this.#file(this.file.files[0]) });
    this.filter = el("input", { type: "search", id: "log-filter", placeholder: "pause, clear, words…", autocomplete: "off", input: () => this.#show() });
    this.direction = el("select", { id: "log-direction", change: () => this.#show() });
    for (const [value, name] of [["", "in and out"], ["in", "in"], ["out", "out"]]) this.direction.append(el("option", { value }, name));
    this.note = el("p", { class: "help", role: "status", id: "log-note" }, "Open a log of a call, or drop one here. Arrow keys move, Enter shows a line in full.");
    this.body = el("tbody", { id: "log-rows" });
    root.append(this.#section());
    root.addEventListener("dragover", (event) => event.preventDefault());
    root.addEventListener("drop", (event) => this.#drop(event));
    this.body.addEventListener("keydown", (event) => this.#key(event));
    this.body.addEventListener("click", ({ target }) => this.#choose(target.closest("tr"), true));
  }

  /** Shows this text as a log. */
  open(name, text) {
    const { rows, foreign, kind } = readLog(text);
    this.rows = rows;
    this.filter.value = "";
    this.title.textContent = `${name} (${kind})`;
    this.foreign = foreign;
    this.#show();
  }

  /** Whoever opened a log has its first line. */
  focus() {
    (this.body.firstElementChild ?? this.file).focus();
  }

  #section() {
    this.title = el("h2", { id: "log-title" }, "Log of a call");
    const field = (name, input) => el("label", {}, `${name} `, input);
    const bar = el("div", { class: "log-bar" }, field("file", this.file), field("filter", this.filter), field("show", this.direction));
    const head = el("thead", {}, el("tr", {}, ...["time", "", "what", "details"].map((name) => el("th", { scope: "col" }, name))));
    const table = el("table", { class: "log", "aria-labelledby": "log-title" }, head, this.body);
    this.full = el("pre", { class: "full", tabindex: "0", hidden: true, "aria-label": "The chosen line" });
    return el("section", {}, this.title, bar, this.note, el("div", { class: "table-holder" }, table), this.full);
  }

  async #file(file) {
    if (!file) return;
    if (file.size > MAX_FILE_BYTES) this.note.textContent = `${file.name} is longer than 64 MB.`;
    else this.open(file.name, await file.text());
  }

  #drop(event) {
    event.preventDefault();
    this.#file(event.dataTransfer.files[0]);
  }

  #show() {
    const wanted = this.filter.value.toLowerCase();
    const isWanted = (row) => (this.direction.value === "" || row.direction === this.direction.value) && row.text.includes(wanted);
    const found = this.rows.filter(isWanted);
    this.body.replaceChildren(...found.slice(0, MAX_SHOWN).map(rowOf));
    this.shown = found;
    this.full.hidden = true;
    if (this.body.firstElementChild) this.body.firstElementChild.tabIndex = 0;
    const more = found.length > MAX_SHOWN ? `, the first ${MAX_SHOWN} are shown: narrow the filter` : "";
    const foreign = this.foreign > 0 ? ` Left out: ${this.foreign} that belong to no log.` : "";
    this.note.textContent = `${found.length} of ${this.rows.length} lines${more}.${foreign}`;
  }

  #key(event) {
    const row = event.target.closest("tr");
    const next = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling, Home: this.body.firstElementChild, End: this.body.lastElementChild }[event.key];
    if (event.key === "Enter") this.#choose(row, true);
    if (!next) return;
    event.preventDefault();
    this.#choose(next, !this.full.hidden);
  }

  #choose(row, isShown) {
    if (!row) return;
    for (const other of this.body.querySelectorAll("tr[tabindex='0']")) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
    if (!isShown) return;
    this.full.textContent = JSON.stringify(this.shown[row.rowIndex - 1].line, null, 2);
    this.full.hidden = false;
  }
}

function rowOf({ seconds, direction, kind, details }) {
  const time = seconds === null ? "" : seconds.toFixed(4);
  const arrow = { in: "→ in", out: "← out" }[direction] ?? direction;
  const shown = details.length > MAX_LETTERS ? `${details.slice(0, MAX_LETTERS)}…` : details;
  return el("tr", { tabindex: "-1", "data-direction": direction }, el("td", { class: "time" }, time), el("td", {}, arrow), el("td", {}, kind), el("td", { class: "details" }, shown));
}

// Elements made by script.
//
// Invariant: whatever text is given becomes text and never markup: it may be anybody's.

/** An element with attributes (`class`, `data-…`, any other by its name; `null` and `false` leave it out) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Milliseconds as a whole number, or a dash where there are none. */
export function wholeMs(ms) {
  return Number.isFinite(ms) ? String(Math.round(ms)) : "–";
}

/** Keeps a list at its end while it is at its end. */
export function followEnd(scroller, change) {
  const isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48;
  change();
  if (isAtEnd) scroller.scrollTop = scroller.scrollHeight;
}

/** Offers a file for download. */
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// What of a page is not where it should be: gives sentences, none if all is well.

const found = [];
const page = document.scrollingElement;
if (page.scrollWidth > innerWidth) found.push(`the page is ${page.scrollWidth} px wide`);

/** What can be seen of an element: of its box, what no scroller around it hides. */
function seen(element) {
  let { left, top, right, bottom } = element.getBoundingClientRect();
  for (let around = element.parentElement; around; around = around.parentElement) {
    const { overflowX, overflowY } = getComputedStyle(around);
    const box = around.getBoundingClientRect();
    if (overflowX !== "visible") [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
    if (overflowY !== "visible") [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
  }
  return { left, top, right, bottom };
}

const isShown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const hasArea = ({ left, top, right, bottom }) => right - left > 1 && bottom - top > 1;
const name = (element) =>
  `${element.localName}${element.id ? `#${element.id}` : ""}${element.className ? `.${element.className}` : ""} “${element.textContent.trim().slice(0, 30)}”`;

// No two things to be pressed or filled in lie on each other.
const controls = [...document.querySelectorAll("button, input, select, summary, a, audio")].filter(isShown);
const boxes = controls.map((element) => ({ element, box: seen(element) })).filter(({ box }) => hasArea(box));
for (const [at, one] of boxes.entries()) {
  for (const other of boxes.slice(at + 1)) {
    if (one.element.contains(other.element) || other.element.contains(one.element)) continue;
    const common = {
      left: Math.max(one.box.left, other.box.left),
      top: Math.max(one.box.top, other.box.top),
      right: Math.min(one.box.right, other.box.right),
      bottom: Math.min(one.box.bottom, other.box.bottom),
    };
    if (hasArea(common)) found.push(`${name(one.element)} lies on ${name(other.element)}`);
  }
}

// No words are cut off, but where they end in “…” or can be scrolled.
const hasWords = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
for (const element of document.body.querySelectorAll("*")) {
  if (!hasWords(element) || !isShown(element) || element.matches(".hidden, option, script")) continue;
  const { overflowX, textOverflow, display } = getComputedStyle(element);
  const mayBeCut = textOverflow === "ellipsis" || overflowX === "auto" || overflowX === "scroll" || display === "inline";
  if (!mayBeCut && element.scrollWidth > element.clientWidth + 1) found.push(`${name(element)} is cut`);
  const { left, right } = element.getBoundingClientRect();
  const around = element.closest(".scroller, .table-holder, .turns, .replay") ?? page;
  if (textOverflow !== "ellipsis" && around === page && (left < -0.5 || right > innerWidth + 0.5)) found.push(`${name(element)} is outside`);
}
return found;

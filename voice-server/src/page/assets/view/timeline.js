// Both sides as waveforms on one scrolling axis of time, with marks where something was decided.
//
// Invariant: what is drawn stands at the context frame at which it was recorded or rendered. Drawn at most once per frame
// of the screen, and not at all while nobody can see it or nothing comes.

/** The resolution of the waveforms. */
const BINS_PER_S = 100;

/** How much is kept; the axis shows the end of it. */
const KEPT_S = 180;

/** Marks that are kept. */
const MAX_MARKS = 400;

/** With reduced motion the picture changes so often. */
const CALM_MS = 500;

/** Below this there is room for one row of labels. */
const NARROW_PX = 480;

/** Quanta of Web Audio. */
const QUANTUM = 128;

/** Each kind of mark: its letter in the picture, its lane, and its colour's custom property. */
const KINDS = Object.freeze({
  onset: { label: "onset", lane: "caller", color: "--caller" },
  eot: { label: "end of turn", lane: "caller", color: "--ink-soft" },
  pause: { label: "pause", lane: "agent", color: "--warn" },
  resume: { label: "resume", lane: "agent", color: "--good" },
  barge_in: { label: "barge-in", lane: "agent", color: "--bad" },
  first_audio: { label: "first audio", lane: "agent", color: "--agent" },
  gap: { label: "connection lost", lane: "caller", color: "--bad" },
  back: { label: "connection back", lane: "caller", color: "--good" },
});

export class TimelineView {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.visibleS = 12;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.drawn = () => this.#frame();
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#restyle());
    document.addEventListener("visibilitychange", () => this.#wake());
    this.clear(48_000);
  }

  /** How many seconds the axis has. */
  show(seconds) {
    this.visibleS = seconds;
    this.#wake();
  }

  /** The axis ends so many seconds before the newest; 0 follows it. */
  lookBack(seconds) {
    this.backBins = Math.round(seconds * BINS_PER_S);
    this.#wake();
  }

  clear(rate) {
    this.rate = rate;
    this.backBins = 0;
    this.lanes = { caller: new Float32Array(KEPT_S * BINS_PER_S), agent: new Float32Array(KEPT_S * BINS_PER_S) };
    this.marks = [];
    this.lastBin = 0;
    this.firstBin = null;
    this.#restyle();
  }

  /** Peaks of a side, one a quantum, from this frame on. */
  peaks(side, frame, peaks) {
    if (frame === null) return;
    const lane = this.lanes[side];
    for (let i = 0; i < peaks.length; i += 1) this.#peak(lane, frame + i * QUANTUM, peaks[i]);
    this.#wake();
  }

  /** Something happened at this frame. */
  mark(kind, frame) {
    if (frame === null || !KINDS[kind]) return;
    this.marks.push({ kind, frame });
    if (this.marks.length > MAX_MARKS) this.marks.shift();
    this.#wake();
  }

  #peak(lane, frame, peak) {
    const bin = Math.floor((frame / this.rate) * BINS_PER_S);
    this.firstBin ??= bin;
    for (; this.lastBin < bin; this.lastBin += 1) {
      const index = (this.lastBin + 1) % lane.length;
      this.lanes.caller[index] = 0;
      this.lanes.agent[index] = 0;
    }
    const index = bin % lane.length;
    if (bin > this.lastBin - lane.length) lane[index] = Math.max(lane[index], peak);
  }

  #wake() {
    if (this.asked || document.hidden) return;
    this.asked = true;
    if (this.calm.matches) setTimeout(this.drawn, CALM_MS);
    else requestAnimationFrame(this.drawn);
  }

  #frame() {
    this.asked = false;
    if (document.hidden || this.canvas.clientWidth === 0) return;
    this.#draw();
  }

  #resize() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.#wake();
  }

  #restyle() {
    const style = getComputedStyle(this.canvas);
    this.color = (name) => (this.colors[name] ??= resolved(this.canvas, style, name));
    this.colors = {};
    this.font = style.fontFamily;
    this.#wake();
  }

  #draw() {
    const ratio = devicePixelRatio || 1;
    const pen = this.context;
    const [width, height] = [this.canvas.width / ratio, this.canvas.height / ratio];
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const axis = 18;
    const laneHeight = (height - axis) / 2;
    const end = Math.max(this.firstBin ?? 0, this.lastBin - this.backBins);
    const place = { width, end, x: (bin) => width - ((end - bin) / BINS_PER_S) * (width / this.visibleS) };
    this.#grid(pen, place, height, axis);
    this.#lane(pen, place, "caller", laneHeight / 2, laneHeight / 2 - 12);
    this.#lane(pen, place, "agent", laneHeight * 1.5, laneHeight / 2 - 12);
    this.#marks(pen, place, laneHeight);
    if (this.firstBin === null) pen.fillText("Both voices appear here, on one axis of time.", 8, laneHeight / 2 + 4);
  }

  #grid(pen, { width, end, x }, height, axis) {
    pen.fillStyle = this.color("--ink-soft");
    pen.strokeStyle = this.color("--line");
    pen.lineWidth = 1;
    pen.font = `11px ${this.font}`;
    pen.textBaseline = "alphabetic";
    const begin = this.firstBin ?? 0;
    const first = Math.max(0, Math.floor((end - begin) / BINS_PER_S - this.visibleS));
    for (let second = first; second * BINS_PER_S + begin <= end; second += 1) {
      const at = Math.round(x(begin + second * BINS_PER_S)) + 0.5;
      if (at < 0 || at > width) continue;
      line(pen, at, 0, at, height - axis);
      if (width / this.visibleS > 34 || second % 5 === 0) pen.fillText(`${second} s`, at + 3, height - 5);
    }
    line(pen, 0, height - axis + 0.5, width, height - axis + 0.5);
  }

  #lane(pen, { width, end, x }, side, middle, reach) {
    const lane = this.lanes[side];
    const count = Math.ceil(this.visibleS * BINS_PER_S);
    const step = width / count;
    pen.fillStyle = this.color(`--${side}`);
    const first = Math.max(this.firstBin ?? Infinity, end - count, this.lastBin - lane.length + 1);
    for (let bin = first; bin <= end; bin += 1) {
      // A square root, so that quiet speech can be seen.
      const half = Math.max(0.5, Math.sqrt(Math.min(1, lane[bin % lane.length])) * reach);
      pen.fillRect(x(bin) - step, middle - half, Math.max(0.6, step * 0.72), half * 2);
    }
    pen.fillStyle = this.color("--ink-soft");
    pen.font = `600 11px ${this.font}`;
    pen.fillText(side === "caller" ? "caller" : "agent", 8, middle - reach);
  }

  #marks(pen, { width, x }, laneHeight) {
    pen.font = `11px ${this.font}`;
    const rows = { caller: [-1e9, -1e9], agent: [-1e9, -1e9] };
    for (const { kind, frame } of this.marks) {
      const at = Math.round(x((frame / this.rate) * BINS_PER_S)) + 0.5;
      if (at < -80 || at > width) continue;
      const { label, lane, color } = KINDS[kind];
      const top = lane === "caller" ? 0 : laneHeight;
      pen.strokeStyle = pen.fillStyle = this.color(color);
      line(pen, at, top + 4, at, top + laneHeight - 2);
      if (at < 0) continue;
      const place = labelPlace(rows[lane], at, pen.measureText(label).width, width);
      if (place) pen.fillText(label, place.left, top + laneHeight - 4 - place.row * 13);
    }
  }
}

/**
 * Where the label of a mark at `at` goes so that the picture, `width` wide, does not cut it and it covers no other: `left` and
 * `row`, which `rows`, what each row is taken up to, then knows of; `null` where there is no room. All in CSS pixels.
 */
export function labelPlace(rows, at, labelPx, width) {
  const fits = at + 4 + labelPx <= width;
  const left = fits ? at + 4 : at - 4 - labelPx;
  const from = fits ? at : left;
  const row = from > rows[0] ? 0 : from > rows[1] && width > NARROW_PX ? 1 : null;
  if (row === null || left < 0) return null;
  rows[row] = fits ? left + labelPx + 6 : at;
  return { left, row };
}

function line(pen, fromX, fromY, toX, toY) {
  pen.beginPath();
  pen.moveTo(fromX, fromY);
  pen.lineTo(toX, toY);
  pen.stroke();
}

/** A custom property as a colour that a canvas takes: the browser resolves what depends on the scheme. */
function resolved(canvas, style, name) {
  canvas.style.color = `var(${name})`;
  const color = style.color;
  canvas.style.removeProperty("color");
  return color;
}

// What every test of the page's modules uses. A test is the body of an async function in the page.

const module = (path) => import(`/page/${path}`);

function assert(holds, ...what) {
  if (!holds) throw new Error(`does not hold: ${what.map((part) => JSON.stringify(part)).join(" ")}`);
}

function assertEqual(found, wanted, what = "") {
  assert(JSON.stringify(found) === JSON.stringify(wanted), what, "found", found, "wanted", wanted);
}

/** A tone of half the full scale. */
function tone(rate, hz, samples, from = 0) {
  return Float32Array.from({ length: samples }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * (i + from)) / rate));
}

function largest(samples) {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

/** From here on the page's elements do nothing of their own: what is done to them is the test's. */
function takeOverElements() {
  document.body.replaceWith(document.body.cloneNode(true));
}

/** Until everything that was due has run. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** A microphone's track that lives until it is stopped, and does whatever it is asked to. */
class Track extends EventTarget {
  readyState = "live";
  stop() {
    this.readyState = "ended";
  }
  async applyConstraints() {}
  getSettings() {
    return {};
  }
}

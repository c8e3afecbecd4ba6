// Audio between two rates: a windowed sinc, read at any place of a signal, and a stream of it.
//
// Invariant: sample k of the output is the input at k * inputRate / outputRate, to the sample: nothing is shifted, so that
// positions of one clock can be told on the other. Nothing here knows where samples come from.

/** Zero crossings on each side of the middle; 16 keep what is cut off below -80 dB. */
const HALF_CROSSINGS = 16;

/** Places between two samples for which the curve is kept; between them it is taken as straight. */
const PHASES = 256;

/** The part of the lower rate's band that is kept whole: the rest is where the filter falls. */
const PASSBAND = 0.94;

/** The curve of a Kaiser window; 9 gives about -90 dB beside the band. */
const KAISER_BETA = 9;

/** The modified Bessel function of order 0, by its series. */
function bessel0(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** How a signal of `inputRate` is read for one of `outputRate`. */
export class SincKernel {
  constructor(inputRate, outputRate) {
    /** The band as a part of the input's. */
    this.cutoff = Math.min(1, outputRate / inputRate) * PASSBAND;
    /** How many samples before and after a place are read. */
    this.half = Math.ceil(HALF_CROSSINGS / this.cutoff);
    this.taps = 2 * this.half;
    this.table = this.#curves();
  }

  #curves() {
    const table = new Float32Array((PHASES + 1) * this.taps);
    const window0 = bessel0(KAISER_BETA);
    for (let phase = 0; phase <= PHASES; phase += 1) {
      let sum = 0;
      const row = table.subarray(phase * this.taps, (phase + 1) * this.taps);
      for (let tap = 0; tap < this.taps; tap += 1) {
        const x = tap - this.half + 1 - phase / PHASES;
        const edge = 1 - (x / this.half) ** 2;
        const window = edge <= 0 ? 0 : bessel0(KAISER_BETA * Math.sqrt(edge)) / window0;
        const angle = Math.PI * x * this.cutoff;
        row[tap] = window * (angle === 0 ? 1 : Math.sin(angle) / angle);
        sum += row[tap];
      }
      // A constant signal stays what it is at every phase.
      for (let tap = 0; tap < this.taps; tap += 1) row[tap] /= sum;
    }
    return table;
  }

  /** The signal at `place`, a fractional index of `samples`; `half` samples around it must be there. */
  read(samples, place) {
    const whole = Math.floor(place);
    const exact = (place - whole) * PHASES;
    const phase = Math.floor(exact);
    const between = exact - phase;
    const first = whole - this.half + 1;
    const row = phase * this.taps;
    const { table, taps } = this;
    let [low, high] = [0, 0];
    for (let tap = 0; tap < taps; tap += 1) {
      const sample = samples[first + tap];
      low += sample * table[row + tap];
      high += sample * table[row + taps + tap];
    }
    return low + (high - low) * between;
  }
}

/** A stream of one rate made one of another. What has not been read yet is kept over blocks. */
export class Resampler {
  /** `maxBlock` is the longest block that will be pushed. */
  constructor(inputRate, outputRate, maxBlock = 4096) {
    this.step = inputRate / outputRate;
    this.kernel = new SincKernel(inputRate, outputRate);
    // Silence before the first sample, so that the first output is the first input.
    this.kept = new Float32Array(maxBlock + 2 * this.kernel.taps);
    this.length = this.kernel.half;
    /** The output's next sample is at this index of `kept`: whole, plus a count of steps, so that nothing drifts. */
    this.origin = this.kernel.half;
    this.steps = 0;
    this.step = inputRate / outputRate;
  }

  /** Takes a block and gives `write` each output sample that can be told. */
  push(block, write) {
    this.kept.set(block, this.length);
    this.length += block.length;
    let place = this.origin + this.steps * this.step;
    while (Math.floor(place) + this.kernel.half < this.length) {
      write(this.kernel.read(this.kept, place));
      this.steps += 1;
      place = this.origin + this.steps * this.step;
    }
    this.#forget(place);
  }

  /** Moves what is still needed to the front. */
  #forget(place) {
    const first = Math.min(this.length, Math.max(0, Math.floor(place) - this.kernel.half));
    this.kept.copyWithin(0, first, this.length);
    this.length -= first;
    this.origin -= first;
  }
}

/** A float sample as 16 bits. */
export function toPcm16(sample) {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
}

const { Resampler, toPcm16 } = await module("audio/sinc.js");

/** All that comes of `input`, pushed in blocks of these lengths in turn. */
function resampled(inputRate, outputRate, input, lengths) {
  const resampler = new Resampler(inputRate, outputRate);
  const output = [];
  let at = 0;
  for (let turn = 0; at < input.length; turn += 1) {
    const length = lengths[turn % lengths.length];
    resampler.push(input.subarray(at, at + length), (sample) => output.push(sample));
    at += length;
  }
  return output;
}

const RATES = [[48_000, 24_000], [44_100, 24_000], [24_000, 48_000], [16_000, 24_000], [24_000, 44_100], [96_000, 24_000]];
for (const [inputRate, outputRate] of RATES) {
  const input = tone(inputRate, 1_000, inputRate);
  const output = resampled(inputRate, outputRate, input, [128]);
  assert(Math.abs(output.length - outputRate) < 100, inputRate, outputRate, output.length);
  // Sample k is the input at k's own time: nothing is shifted, and nothing is lost between blocks.
  const wanted = tone(outputRate, 1_000, output.length);
  const errors = output.slice(200, -10).map((sample, i) => sample - wanted[i + 200]);
  assert(largest(errors) < 2e-4, inputRate, outputRate, largest(errors));
  const other = resampled(inputRate, outputRate, input, [1, 127, 900, 64, 3]);
  const differences = output.slice(0, other.length).map((sample, i) => sample - other[i]);
  assert(largest(differences) < 1e-6, "the blocks do not matter");
}

const tooHigh = resampled(48_000, 24_000, tone(48_000, 14_000, 48_000), [128]);
assert(largest(tooHigh.slice(200)) < 1e-3, "what the lower rate cannot hold is taken out");

assertEqual([0, 1, -1, 2, -2, 0.5].map(toPcm16), [0, 32767, -32768, 32767, -32768, 16384]);

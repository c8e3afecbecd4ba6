//! Streaming conversion between the line's sample rates.
//!
//! Invariant: output sample `n` is the sound of input time `n / output rate`. The filter's lead-in is trimmed, so
//! positions keep their meaning across a conversion and nothing is shifted; what the filter costs is that output comes
//! later by [`Resampler::delay`]. After a flush there are exactly as many samples as the input was long.

use crate::units::SampleRate;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
    calculate_cutoff,
};
use std::time::Duration;

/// Chunks of 1 ms: every rate has whole milliseconds, so a 20 ms frame never waits for a chunk to fill.
const CHUNKS_PER_SECOND: u32 = 1_000;
/// Filter length in samples at the lower of the two rates. Half of it is the delay: 2 ms at 16 kHz.
const TAPS: usize = 64;
/// The same where the lower rate is 8 kHz: 3.5 ms, which leaves room for the chunk under the promised 4 ms.
const TAPS_AT_8_KHZ: usize = 56;
/// Points per input sample at which the filter is computed. A multiple of 6, so that the phases of every pair are among
/// them and no interpolation is needed; many, because the filter leads by one of them (1.3 µs at 8 kHz).
const PHASES: usize = 96;
/// Input whose output a chunk may leave for the next one, because whole samples are computed from whole chunks.
const HELD_INPUT_SAMPLES: usize = 2;

/// The converter could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// The filter could not be built for these rates.
    #[error("no filter from {from} Hz to {to} Hz ({reason}); use rates of `SampleRate`")]
    Unsupported {
        /// Rate of the input, in Hz.
        from: u32,
        /// Rate of the output, in Hz.
        to: u32,
        /// What the filter's builder objected to.
        reason: String,
    },
}

/// Converts a stream of mono PCM16 from one rate to another, in chunks of any size.
///
/// Equal rates are passed through untouched. Memory is bounded: one millisecond of input is held.
pub struct Resampler {
    from: SampleRate,
    to: SampleRate,
    sinc: Option<Sinc>,
}

impl Resampler {
    /// A converter that has heard nothing.
    ///
    /// # Errors
    /// [`ResampleError::Unsupported`]; none of the rates of [`SampleRate`] leads to it.
    pub fn new(from: SampleRate, to: SampleRate) -> Result<Self, ResampleError> {
        let sinc = if from == to { None } else { Some(Sinc::new(from, to)?) };
        Ok(Self { from, to, sinc })
    }

    /// Takes `samples` and appends what can be said of the output to `out`.
    ///
    /// Allocates only where `out` has too little capacity.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        match &mut self.sinc {
            None => out.extend_from_slice(samples),
            Some(sinc) => sinc.push(samples, out),
        }
    }

    /// Appends the rest of the output, as if silence followed, and starts over: what is pushed next is a new stream.
    pub fn flush(&mut self, out: &mut Vec<i16>) {
        if let Some(sinc) = &mut self.sinc {
            sinc.flush(out);
        }
    }

    /// Forgets what it has heard without giving the rest.
    pub fn reset(&mut self) {
        if let Some(sinc) = &mut self.sinc {
            sinc.reset();
        }
    }

    /// Rate of the input.
    pub fn from(&self) -> SampleRate {
        self.from
    }

    /// Rate of the output.
    pub fn to(&self) -> SampleRate {
        self.to
    }

    /// The most by which output lags behind the input given so far, where that is in whole milliseconds; at most 4 ms.
    ///
    /// Chunks of other sizes may wait for up to 1 ms more.
    pub fn delay(&self) -> Duration {
        self.to.duration_of(self.delay_samples() as u64)
    }

    /// [`Resampler::delay`] in samples of the output.
    pub fn delay_samples(&self) -> usize {
        self.sinc.as_ref().map_or(0, |sinc| sinc.lead_in + sinc.slack)
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// The filter and the buffers around it.
struct Sinc {
    filter: Async<f32>,
    /// Rate of the output and of the input, in Hz.
    ratio: (u64, u64),
    /// Output samples before the first that belongs to the input.
    lead_in: usize,
    /// Output the filter may hold back beyond that, because it computes whole samples from whole chunks.
    slack: usize,
    input: Vec<f32>,
    output: Vec<f32>,
    input_len: usize,
    taken: u64,
    given: u64,
    to_trim: usize,
}

impl Sinc {
    fn new(from: SampleRate, to: SampleRate) -> Result<Self, ResampleError> {
        let filter = build_filter(from, to)?;
        // The filter steps before it computes, so its first output is already one step into the lead-in.
        let lead_in = filter.output_delay().saturating_sub(1);
        Ok(Self {
            ratio: (u64::from(to.hz()), u64::from(from.hz())),
            lead_in,
            slack: HELD_INPUT_SAMPLES * to.hz().div_ceil(from.hz()) as usize + 1,
            input: vec![0.0; filter.input_frames_max()],
            output: vec![0.0; filter.output_frames_max()],
            input_len: 0,
            taken: 0,
            given: 0,
            to_trim: lead_in,
            filter,
        })
    }

    fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.taken += samples.len() as u64;
        for sample in samples {
            self.input[self.input_len] = f32::from(*sample);
            self.input_len += 1;
            if self.input_len == self.input.len() {
                self.convert_chunk(u64::MAX, out);
            }
        }
    }

    fn flush(&mut self, out: &mut Vec<i16>) {
        let due = (self.taken * self.ratio.0).div_ceil(self.ratio.1);
        while self.given < due {
            self.input[self.input_len..].fill(0.0);
            self.convert_chunk(due, out);
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.filter.reset();
        (self.input_len, self.taken, self.given, self.to_trim) = (0, 0, 0, self.lead_in);
    }

    /// Converts the input buffer, which is full, and appends at most what is missing to `due` samples in all.
    fn convert_chunk(&mut self, due: u64, out: &mut Vec<i16>) {
        self.input_len = 0;
        let produced = self.run_filter().unwrap_or_else(|| {
            debug_assert!(false, "the buffers have the filter's own sizes");
            self.output.fill(0.0);
            self.output.len()
        });
        let trim = self.to_trim.min(produced);
        self.to_trim -= trim;
        let wanted = usize::try_from(due - self.given).unwrap_or(usize::MAX).min(produced - trim);
        self.given += wanted as u64;
        // `as` saturates, so an overshoot of the filter clips instead of wrapping.
        out.extend(self.output[trim..trim + wanted].iter().map(|sample| sample.round() as i16));
    }

    fn run_filter(&mut self) -> Option<usize> {
        let input = InterleavedSlice::new(&self.input[..], 1, self.input.len()).ok()?;
        let capacity = self.output.len();
        let mut output = InterleavedSlice::new_mut(&mut self.output[..], 1, capacity).ok()?;
        let (_, produced) = self.filter.process_into_buffer(&input, &mut output, None::<&Indexing>).ok()?;
        Some(produced.min(capacity))
    }
}

fn build_filter(from: SampleRate, to: SampleRate) -> Result<Async<f32>, ResampleError> {
    let lower = from.min(to);
    let taps = if lower == SampleRate::Hz8000 { TAPS_AT_8_KHZ } else { TAPS };
    let window = WindowFunction::Blackman;
    // The transition band depends on the length in time, so a filter at a higher rate has more taps.
    let sinc_len = taps * (from.hz() as usize) / (lower.hz() as usize);
    let parameters = SincInterpolationParameters::new(sinc_len, window)
        .f_cutoff(calculate_cutoff(taps, window))
        .oversampling_factor(PHASES)
        .interpolation(SincInterpolationType::Nearest);
    let ratio = f64::from(to.hz()) / f64::from(from.hz());
    let chunk = (from.hz() / CHUNKS_PER_SECOND) as usize;
    Async::new_sinc(ratio, 1.0, &parameters, chunk, 1, FixedAsync::Input).map_err(|error| ResampleError::Unsupported {
        from: from.hz(),
        to: to.hz(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    const RATES: [SampleRate; 4] = [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000];

    fn pairs() -> impl Iterator<Item = (SampleRate, SampleRate)> {
        RATES.into_iter().flat_map(|from| RATES.map(|to| (from, to)))
    }

    fn sine(rate: SampleRate, hz: f32, samples: usize) -> Vec<i16> {
        let step = hz * TAU / rate.hz() as f32;
        (0..samples).map(|n| ((n as f32 * step).sin() * 8_000.0) as i16).collect()
    }

    fn convert(from: SampleRate, to: SampleRate, input: &[i16], chunk: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to).expect("a supported pair");
        let mut out = Vec::new();
        input.chunks(chunk).for_each(|samples| resampler.push(samples, &mut out));
        resampler.flush(&mut out);
        out
    }

    fn rms(samples: &[i16]) -> f32 {
        (samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn the_output_is_as_long_as_the_input_at_every_pair_and_length() {
        for (from, to) in pairs() {
            for len in [0, 1, 7, 159, 160, 961, 4_800] {
                let due = (len as u64 * u64::from(to.hz())).div_ceil(u64::from(from.hz()));
                assert_eq!(convert(from, to, &vec![500; len], 113).len() as u64, due, "{len} from {from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn a_sine_is_neither_shifted_nor_changed() {
        for (from, to) in pairs() {
            let input = sine(from, 700.0, from.hz() as usize / 5);
            let output = convert(from, to, &input, 97);
            let expected = sine(to, 700.0, output.len());
            // The ends differ: the sine starts and stops, which is not within the band.
            let middle = output.len() / 8..output.len() * 7 / 8;
            let error: Vec<i16> =
                output[middle.clone()].iter().zip(&expected[middle.clone()]).map(|(got, want)| got - want).collect();
            // 40 dB below the sine: at 48 kHz a shift by one sample alone would be 21 dB below it.
            assert!(rms(&error) < rms(&expected[middle]) / 100.0, "{from:?} to {to:?}: error {}", rms(&error));
        }
    }

    #[test]
    fn an_impulse_stays_where_it_is() {
        for (from, to) in pairs() {
            let at = from.samples_in_ms(50) as usize;
            let mut input = vec![0; at * 2];
            input[at] = 20_000;
            let output = convert(from, to, &input, 160);
            let loudest = (0..output.len()).max_by_key(|n| output[*n].unsigned_abs());
            assert_eq!(loudest, Some(to.samples_in_ms(50) as usize), "{from:?} to {to:?}");
        }
    }

    #[test]
    fn chunk_sizes_do_not_change_a_sample() {
        for (from, to) in pairs() {
            let input = sine(from, 440.0, 2_000);
            let whole = convert(from, to, &input, 2_000);
            for chunk in [1, 13, 160, 999] {
                assert_eq!(convert(from, to, &input, chunk), whole, "chunks of {chunk} from {from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn the_added_delay_is_what_is_stated_and_at_most_4_ms() {
        for (from, to) in pairs() {
            let mut resampler = Resampler::new(from, to).expect("a supported pair");
            assert!(resampler.delay() <= Duration::from_millis(4), "{:?} from {from:?} to {to:?}", resampler.delay());
            let (frame, mut out) = (sine(from, 300.0, from.samples_in_ms(20) as usize), Vec::new());
            let mut most = 0;
            for frames in 1..=100_u64 {
                resampler.push(&frame, &mut out);
                most = most.max(to.samples_in_ms(20 * frames) as usize - out.len());
            }
            let stated = resampler.delay_samples();
            assert!(most <= stated && stated <= most + 3, "{most}, stated {stated} from {from:?} to {to:?}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        for (from, to) in pairs().filter(|(from, to)| from > to) {
            // 1.2 times the Nyquist frequency of the output would fold back into its band.
            let hz = to.hz() as f32 * 0.6;
            let input = sine(from, hz, from.hz() as usize / 5);
            let output = convert(from, to, &input, 320);
            let middle = &output[output.len() / 8..output.len() * 7 / 8];
            assert!(rms(middle) < rms(&input) / 316.0, "{hz} Hz from {from:?} to {to:?} leaves {}", rms(middle));
        }
    }

    #[test]
    fn images_of_the_lower_rate_are_not_heard() {
        for (from, to) in pairs().filter(|(from, to)| from < to) {
            // The image of a tone at a quarter of the rate lies at three quarters of it.
            let tone = from.hz() as f32 / 4.0;
            let output = convert(from, to, &sine(from, tone, from.hz() as usize / 5), 160);
            let middle = output.len() / 8..output.len() * 7 / 8;
            let expected = sine(to, tone, output.len());
            let error: Vec<i16> =
                output[middle.clone()].iter().zip(&expected[middle.clone()]).map(|(got, want)| got - want).collect();
            // 34 dB below the tone; an image that is let through is as loud as the tone.
            assert!(rms(&error) < rms(&expected) / 50.0, "{from:?} to {to:?}: error {}", rms(&error));
        }
    }

    #[test]
    fn a_flush_starts_a_new_stream() {
        let mut resampler = Resampler::new(SampleRate::Hz8000, SampleRate::Hz48000).expect("a supported pair");
        let input = sine(SampleRate::Hz8000, 440.0, 333);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for out in [&mut first, &mut second] {
            resampler.push(&input, out);
            resampler.flush(out);
        }
        assert_eq!(first, second);
    }

    #[test]
    fn overshoot_clips_and_does_not_wrap() {
        let square: Vec<i16> = (0..800).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let output = convert(SampleRate::Hz16000, SampleRate::Hz48000, &square, 320);
        // The middle of each half-wave keeps its sign.
        assert!((0..40).all(|half| (output[half * 60 + 30] > 20_000) == (half % 2 == 0)));
    }
}

//! Whole recordings from any usual rate to a rate of the line.
//!
//! Invariant: the output is as long in time as the input and starts with it, to a sample. For files only: it needs all of the audio
//! at once; what streams goes through [`voice_core::audio::Resampler`].

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction, calculate_cutoff,
};
use std::ops::RangeInclusive;
use voice_core::units::SampleRate;

/// Rates that sound cards and recorders write, in Hz.
pub(super) const RATES: RangeInclusive<u32> = 6_000..=192_000;

/// Filter length in samples at the lower rate: 8 ms at 16 kHz.
const TAPS: u32 = 128;
/// Points per sample at which the filter is computed; between them it is interpolated.
const PHASES: usize = 128;
/// Samples converted at a time.
const CHUNK: usize = 1_024;

/// Converts all of `mono`, recorded at `hz`.
///
/// # Errors
/// What the filter's builder objected to; it does not for [`RATES`].
pub(super) fn convert(mono: &[i16], hz: u32, to: SampleRate) -> Result<Vec<i16>, String> {
    let window = WindowFunction::BlackmanHarris2;
    // The transition band depends on the length in time: at a higher rate that is more samples.
    let sinc_len = (TAPS * (hz / to.hz()).max(1)) as usize;
    let parameters = SincInterpolationParameters::new(sinc_len, window)
        .f_cutoff(calculate_cutoff(sinc_len, window))
        .oversampling_factor(PHASES)
        .interpolation(SincInterpolationType::Cubic);
    let ratio = f64::from(to.hz()) / f64::from(hz);
    let mut filter = Async::<f32>::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input)
        .map_err(|error| error.to_string())?;
    let input: Vec<f32> = mono.iter().map(|&sample| f32::from(sample)).collect();
    let whole = InterleavedSlice::new(&input[..], 1, input.len()).map_err(|error| error.to_string())?;
    let converted = filter.process_all(&whole, input.len(), None).map_err(|error| error.to_string())?;
    // `as` saturates, so an overshoot of the filter clips instead of wrapping.
    Ok(converted.take_data().into_iter().map(|sample| sample.round() as i16).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn sine(hz: f32, rate: u32, seconds: f32) -> Vec<i16> {
        let step = hz * TAU / rate as f32;
        (0..(rate as f32 * seconds) as u32).map(|n| ((n as f32 * step).sin() * 8_000.0) as i16).collect()
    }

    fn rms(samples: &[i16]) -> f32 {
        (samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn a_tone_keeps_its_length_its_pitch_and_its_place() {
        for rate in [6_000, 11_025, 22_050, 32_000, 44_100, 96_000, 192_000] {
            for to in [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz48000] {
                let got = convert(&sine(440.0, rate, 0.5), rate, to).unwrap();
                let wanted = sine(440.0, to.hz(), 0.5);
                assert!(got.len().abs_diff(wanted.len()) <= 2, "{rate} to {to:?}: {} samples", got.len());
                let error: Vec<i16> = got.iter().zip(&wanted).map(|(a, b)| a - b).collect();
                let middle = error.len() / 4..error.len() * 3 / 4;
                let a_sample_late = rms(&wanted) * 440.0 * TAU / to.hz() as f32;
                assert!(rms(&error[middle.clone()]) < a_sample_late + 80.0, "{rate} to {to:?}: shifted or changed");
                let level = rms(&got[middle]) / rms(&wanted);
                assert!((0.98..1.02).contains(&level), "{rate} to {to:?}: {level}");
            }
        }
    }

    #[test]
    fn what_the_line_cannot_carry_is_taken_out() {
        let got = convert(&sine(10_000.0, 44_100, 0.5), 44_100, SampleRate::Hz16000).unwrap();
        assert!(rms(&got[1_000..7_000]) < 8.0, "{}", rms(&got[1_000..7_000]));
    }
}

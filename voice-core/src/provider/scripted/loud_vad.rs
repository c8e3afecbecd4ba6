//! A VAD for callers made of tones: what is loud is speech.

use crate::audio::{SpeechModel, VadSource};

/// 16 ms at 16 kHz: fine enough for a script in frames of 20 ms.
const WINDOW_SAMPLES: usize = 256;
/// A thirtieth of full scale, -30 dBFS: below it lies the noise a test adds, above it its tones.
const LOUD: u16 = 1_000;
/// Beyond the confident probability of every [`VadConfig`](crate::audio::VadConfig) that makes sense.
const CERTAIN: f32 = 0.95;

/// Takes every sound with a peak above -30 dBFS for speech, whatever it is, and anything else for silence.
///
/// For tests, benches and examples whose caller is a tone: it makes edges depend on the script alone. For voices take
/// [`EarshotVad`](crate::audio::EarshotVad).
#[derive(Clone, Copy, Debug, Default)]
pub struct LoudVad;

impl VadSource for LoudVad {
    fn open(&self) -> Box<dyn SpeechModel> {
        Box::new(LoudModel)
    }
}

struct LoudModel;

impl SpeechModel for LoudModel {
    fn window_samples(&self) -> usize {
        WINDOW_SAMPLES
    }

    fn probability(&mut self, window: &[i16]) -> f32 {
        if window.iter().any(|sample| sample.unsigned_abs() > LOUD) { CERTAIN } else { 0.0 }
    }

    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_loud_sample_of_either_sign_is_speech_and_quiet_ones_are_not() {
        let mut model = LoudVad.open();
        let mut window = vec![1_000; model.window_samples()];
        assert!(model.probability(&window) < 0.1);
        for loud in [1_001, i16::MIN] {
            window[100] = loud;
            assert!(model.probability(&window) > 0.9, "{loud}");
        }
    }
}

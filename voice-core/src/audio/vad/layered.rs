//! Two speech models as one: a quick one that opens, a sure one that must agree before long.
//!
//! Invariant: sound that only the quick model takes for speech counts for [`GRACE_MS`] and then no more, until the quick
//! model itself has let go of it. So music or distant talk pauses an agent once and briefly, and cannot hold it.

use super::{SpeechModel, VadConfig, VadSource};
use std::sync::Arc;

/// How long the quick model is believed alone. On recorded speech Silero follows within 200 ms of the onset in 99 of 100
/// cases, and earshot needs some 30 ms of that to open.
const GRACE_MS: usize = 240;
/// The quick model claims speech from here up.
const CLAIM: f32 = 0.35;
/// The sure model agrees from here up: far below what it would need to open by itself.
const AGREE: f32 = 0.2;
/// After the quick model let go for so long, it is believed again. Less than the silence that the detector listens into
/// after a sound: what it skips does not count here.
const LET_GO_MS: usize = 320;
const SAMPLES_PER_MS: usize = 16;

/// Opens models that begin as early as one source's and go on as surely as another's.
///
/// Made for earshot and Silero. On 120 recorded sentences, of three speakers in four languages, a whole session
/// paused within 45 ms of the onset at the median and 70 ms at p99 with earshot or both, 55 and 200 ms with Silero
/// alone. With earshot alone, music and babble at -50 dBFS took the
/// turn; with both they paused the agent one and five times a minute. Talk as loud as -40 dBFS takes the turn with
/// any of the three. The benchmark `onset_to_paused` prints these figures.
#[derive(Clone)]
pub struct LayeredVad {
    quick: Arc<dyn VadSource>,
    sure: Arc<dyn VadSource>,
}

impl LayeredVad {
    /// `quick` decides when speech begins and brings the thresholds; `sure` must agree before long. Both hear everything.
    pub fn new(quick: Arc<dyn VadSource>, sure: Arc<dyn VadSource>) -> Self {
        Self { quick, sure }
    }
}

impl VadSource for LayeredVad {
    fn open(&self) -> Box<dyn SpeechModel> {
        Box::new(LayeredModel::new(self.quick.open(), self.sure.open()))
    }

    fn config(&self) -> VadConfig {
        self.quick.config()
    }
}

impl std::fmt::Debug for LayeredVad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayeredVad").finish_non_exhaustive()
    }
}

struct LayeredModel {
    quick: Box<dyn SpeechModel>,
    sure: Box<dyn SpeechModel>,
    /// What the sure model has yet to hear: less than a window of its own.
    unheard: Vec<i16>,
    sure_probability: f32,
    /// Samples claimed since the sure model last agreed, or the quick one let go.
    claimed: usize,
    let_go: usize,
}

impl LayeredModel {
    fn new(quick: Box<dyn SpeechModel>, sure: Box<dyn SpeechModel>) -> Self {
        let unheard = Vec::with_capacity(sure.window_samples().max(1));
        Self { quick, sure, unheard, sure_probability: 0.0, claimed: 0, let_go: 0 }
    }

    fn ask_sure(&mut self, mut samples: &[i16]) {
        let window = self.sure.window_samples().max(1);
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(window - self.unheard.len()));
            self.unheard.extend_from_slice(now);
            samples = later;
            if self.unheard.len() == window {
                self.sure_probability = self.sure.probability(&self.unheard);
                self.unheard.clear();
            }
        }
    }

    fn note(&mut self, quick: f32, samples: usize) {
        if quick >= CLAIM {
            self.let_go = 0;
            self.claimed += samples;
        } else {
            self.let_go += samples;
        }
        if self.sure_probability >= AGREE || self.let_go >= LET_GO_MS * SAMPLES_PER_MS {
            self.claimed = 0;
        }
    }
}

impl SpeechModel for LayeredModel {
    fn window_samples(&self) -> usize {
        self.quick.window_samples()
    }

    fn probability(&mut self, window: &[i16]) -> f32 {
        let quick = self.quick.probability(window);
        self.ask_sure(window);
        self.note(quick, window.len());
        if self.claimed > GRACE_MS * SAMPLES_PER_MS {
            return quick.min(self.sure_probability);
        }
        quick
    }

    fn reset(&mut self) {
        self.quick.reset();
        self.sure.reset();
        self.unheard.clear();
        (self.sure_probability, self.claimed, self.let_go) = (0.0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{VadEvent, VoiceDetector};
    use super::*;

    /// Gives a probability by the first sample of the window, which counts milliseconds.
    struct ByMs<F> {
        window: usize,
        script: F,
    }

    impl<F: Fn(usize) -> f32 + Send> SpeechModel for ByMs<F> {
        fn window_samples(&self) -> usize {
            self.window
        }
        fn probability(&mut self, window: &[i16]) -> f32 {
            assert_eq!(window.len(), self.window);
            assert!(window.is_sorted(), "samples out of order or left out");
            (self.script)(window[0] as usize)
        }
        fn reset(&mut self) {}
    }

    type Script = fn(usize) -> f32;

    fn layered(quick: Script, sure: Script) -> LayeredModel {
        LayeredModel::new(Box::new(ByMs { window: 256, script: quick }), Box::new(ByMs { window: 512, script: sure }))
    }

    /// The probabilities at each 16 ms.
    fn probabilities(model: &mut LayeredModel, ms: usize) -> Vec<f32> {
        let samples: Vec<i16> = (0..ms * SAMPLES_PER_MS).map(|n| (n / SAMPLES_PER_MS) as i16).collect();
        samples.chunks_exact(256).map(|window| model.probability(window)).collect()
    }

    fn ms_over_half(probabilities: &[f32]) -> usize {
        probabilities.iter().filter(|p| **p > 0.5).count() * 16
    }

    #[test]
    fn the_quick_model_is_believed_at_once_and_as_long_as_the_sure_one_agrees() {
        let late = |ms| if ms >= 190 { 0.3 } else { 0.0 };
        let heard = probabilities(&mut layered(|_| 0.9, late), 3_200);
        assert_eq!(heard, vec![0.9; 200]);
    }

    #[test]
    fn what_the_sure_model_never_hears_counts_only_for_a_while() {
        let heard = probabilities(&mut layered(|_| 0.9, |_| 0.05), 3_200);
        assert_eq!(ms_over_half(&heard), GRACE_MS);
        assert_eq!(heard.last(), Some(&0.05));
    }

    #[test]
    fn a_gap_shorter_than_letting_go_earns_no_new_belief() {
        let gaps: Script = |ms| if ms % 320 < 240 { 0.9 } else { 0.1 };
        assert_eq!(ms_over_half(&probabilities(&mut layered(gaps, |_| 0.0), 4_800)), GRACE_MS);
        let rests: Script = |ms| if ms % 800 < 400 { 0.9 } else { 0.1 };
        assert_eq!(ms_over_half(&probabilities(&mut layered(rests, |_| 0.0), 4_800)), 6 * GRACE_MS);
    }

    #[test]
    fn the_sure_model_opens_nothing_by_itself() {
        assert_eq!(ms_over_half(&probabilities(&mut layered(|_| 0.1, |_| 1.0), 1_600)), 0);
    }

    #[test]
    fn a_reset_believes_the_quick_model_again() {
        let mut model = layered(|_| 0.9, |_| 0.0);
        probabilities(&mut model, 1_600);
        model.reset();
        assert_eq!(ms_over_half(&probabilities(&mut model, 1_600)), GRACE_MS);
    }

    /// A source of such models.
    struct Source(usize, Script);

    impl VadSource for Source {
        fn open(&self) -> Box<dyn SpeechModel> {
            Box::new(ByMs { window: self.0, script: self.1 })
        }
        fn config(&self) -> VadConfig {
            VadConfig { gate_dbfs: -200.0, hangover_ms: self.0 as u32, ..VadConfig::default() }
        }
    }

    #[test]
    fn a_sound_that_goes_on_starts_speech_once_and_cannot_hold_it() {
        let vad = LayeredVad::new(Arc::new(Source(256, |_| 0.9)), Arc::new(Source(512, |_| 0.0)));
        assert_eq!(vad.config(), vad.quick.config(), "the quick model brings the thresholds");
        let mut detector = VoiceDetector::new(vad.open(), VadConfig { hangover_ms: 100, ..vad.config() });
        let samples: Vec<i16> = (0..3_000 * SAMPLES_PER_MS).map(|n| (n / SAMPLES_PER_MS) as i16).collect();
        let mut noticed = Vec::new();
        for chunk in samples.chunks(SAMPLES_PER_MS) {
            let mut found = None;
            detector.push(chunk, |event| found = Some(event));
            noticed.extend(found.map(|event| (event, detector.position().0 as usize / SAMPLES_PER_MS)));
        }
        let [(VadEvent::SpeechStarted { .. }, start), (VadEvent::SpeechEnded { .. }, end)] = noticed[..] else {
            panic!("{noticed:?}")
        };
        assert!(end - start <= GRACE_MS + 100 + 16, "held for {} ms", end - start);
    }
}

//! The energy gate in front of a speech model: silence costs a sum of squares, not an inference.
//!
//! Invariant: the model hears every window that is not silent, with the silence just before it. After a sound it goes on
//! hearing silence until its state has settled, so that skipping the rest leaves it as it would have been.

use super::SpeechModel;
use super::energy::{mean_square, power_of_dbfs};
use std::collections::VecDeque;

/// Silence the model hears after a sound before it is skipped, and again before the next sound, in samples at 16 kHz. The
/// first is longer than a layered model takes to let go of a sound.
const SETTLE_SAMPLES: usize = 16 * 480;
const PREROLL_SAMPLES: usize = 16 * 64;

/// A speech model that is asked only about windows above a level.
pub(super) struct GatedModel {
    model: Box<dyn SpeechModel>,
    gate_power: f32,
    settle_windows: usize,
    quiet_windows: usize,
    preroll_windows: usize,
    skipped: VecDeque<i16>,
    replay: Vec<i16>,
}

impl GatedModel {
    pub(super) fn new(model: Box<dyn SpeechModel>, gate_dbfs: f32) -> Self {
        let window = model.window_samples().max(1);
        let preroll_windows = PREROLL_SAMPLES.div_ceil(window);
        Self {
            gate_power: power_of_dbfs(gate_dbfs),
            settle_windows: SETTLE_SAMPLES.div_ceil(window),
            // Nothing was heard yet: the state is settled.
            quiet_windows: SETTLE_SAMPLES.div_ceil(window),
            preroll_windows,
            skipped: VecDeque::with_capacity(preroll_windows * window),
            replay: Vec::with_capacity(window),
            model,
        }
    }

    /// The probability of speech in `window`; 0 for silence.
    pub(super) fn probability(&mut self, window: &[i16]) -> f32 {
        if mean_square(window) >= self.gate_power {
            self.quiet_windows = 0;
            self.replay_skipped(window.len());
            return self.model.probability(window);
        }
        if self.quiet_windows < self.settle_windows {
            self.quiet_windows += 1;
            return self.model.probability(window);
        }
        self.skip(window);
        0.0
    }

    fn skip(&mut self, window: &[i16]) {
        if self.skipped.len() >= self.preroll_windows * window.len() {
            self.skipped.drain(..window.len());
        }
        self.skipped.extend(window);
    }

    fn replay_skipped(&mut self, window_samples: usize) {
        while self.skipped.len() >= window_samples && window_samples > 0 {
            self.replay.clear();
            self.replay.extend(self.skipped.drain(..window_samples));
            self.model.probability(&self.replay);
        }
    }
}

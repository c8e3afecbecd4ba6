//! From a model's probabilities to speech edges with positions.
//!
//! Invariant: starts and ends alternate, beginning with a start; positions never go backwards; an onset is never before
//! the end of the speech before it. No allocation after construction.

use super::energy::EnergyTrack;
use super::gate::GatedModel;
use super::{SpeechModel, VadConfig, VadEvent};
use crate::units::{Position, SampleRate};

/// Finds where speech begins and ends in a stream of 16 kHz samples.
pub struct VoiceDetector {
    config: VadConfig,
    model: GatedModel,
    energy: EnergyTrack,
    window: Vec<i16>,
    window_samples: usize,
    heard: Position,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// `likely_since`: the start of the unbroken run of windows that count as speech, if the last one did.
    Silence { not_before: Position, likely_since: Option<Position> },
    /// `last_sound`: just after the last sample taken for speech; `last_audible`: the last that rose above the floor.
    Speech { last_sound: Position, last_audible: Position },
}

impl VoiceDetector {
    /// A detector that has heard nothing, with a model opened for this stream alone.
    pub fn new(model: Box<dyn SpeechModel>, config: VadConfig) -> Self {
        let window_samples = model.window_samples().max(1);
        Self {
            model: GatedModel::new(model, config.gate_dbfs),
            energy: EnergyTrack::new(config.sound_over_floor_db),
            window: Vec::with_capacity(window_samples),
            window_samples,
            heard: Position::ZERO,
            state: State::Silence { not_before: Position::ZERO, likely_since: None },
            config,
        }
    }

    /// Takes samples, in chunks of any size, and gives each edge to `on_event` in order.
    ///
    /// Edges are found when a window of the model is complete; what is left over waits for the next chunk.
    pub fn push(&mut self, mut samples_16k: &[i16], mut on_event: impl FnMut(VadEvent)) {
        while !samples_16k.is_empty() {
            let take = samples_16k.len().min(self.window_samples - self.window.len());
            let (now, later) = samples_16k.split_at(take);
            self.window.extend_from_slice(now);
            samples_16k = later;
            if self.window.len() == self.window_samples
                && let Some(event) = self.judge_window()
            {
                on_event(event);
            }
        }
    }

    /// Whether it is in speech: a start was reported and its end was not.
    pub fn is_speech(&self) -> bool {
        matches!(self.state, State::Speech { .. })
    }

    /// The position just after the last sample that was judged.
    pub fn position(&self) -> Position {
        self.heard
    }

    /// What it was made with.
    pub fn config(&self) -> &VadConfig {
        &self.config
    }

    fn judge_window(&mut self) -> Option<VadEvent> {
        let window_start = self.heard;
        self.heard = self.heard.plus(self.window_samples as u64);
        self.energy.push(&self.window);
        let probability = self.model.probability(&self.window);
        self.window.clear();
        match self.state {
            State::Silence { not_before, likely_since } => {
                self.judge_in_silence(probability, window_start, not_before, likely_since)
            }
            State::Speech { last_sound, last_audible } => {
                self.judge_in_speech(probability, window_start, last_sound, last_audible)
            }
        }
    }

    fn judge_in_silence(
        &mut self,
        probability: f32,
        window_start: Position,
        not_before: Position,
        likely_since: Option<Position>,
    ) -> Option<VadEvent> {
        let likely = probability >= self.config.likely_probability;
        let since = likely.then(|| likely_since.unwrap_or(window_start));
        self.state = State::Silence { not_before, likely_since: since };
        let since = since?;
        let needed_sound_ms = self.sound_needed_ms(probability, since)?;
        let earliest = since.minus(samples_in_ms(self.config.max_lookback_ms)).max(not_before);
        let onset = self.energy.sound_onset(earliest)?.max(earliest);
        if self.energy.sound_samples(onset) < samples_in_ms(needed_sound_ms) {
            return None;
        }
        let last_sound = self.energy.sound_end(onset).unwrap_or(self.heard);
        self.state = State::Speech { last_sound, last_audible: last_sound };
        Some(VadEvent::SpeechStarted { onset, confidence: probability })
    }

    /// How much sound must back a start now; none where the model is not sure enough.
    fn sound_needed_ms(&self, probability: f32, likely_since: Position) -> Option<u32> {
        if probability >= self.config.confident_probability {
            return Some(self.config.min_sound_ms);
        }
        let likely_samples = self.heard.since(likely_since);
        (likely_samples >= samples_in_ms(self.config.min_likely_ms)).then_some(self.config.min_likely_sound_ms)
    }

    fn judge_in_speech(
        &mut self,
        probability: f32,
        window_start: Position,
        mut last_sound: Position,
        mut last_audible: Position,
    ) -> Option<VadEvent> {
        if probability >= self.config.stop_probability {
            last_audible = self.energy.sound_end(window_start).unwrap_or(last_audible);
            last_sound = last_sound.max(last_audible);
            if self.heard.since(last_audible) <= samples_in_ms(self.config.max_inaudible_ms) {
                last_sound = last_sound.max(self.heard.minus(samples_in_ms(self.config.model_lag_ms)));
            }
        }
        if self.heard.since(last_sound) < samples_in_ms(self.config.hangover_ms) {
            self.state = State::Speech { last_sound, last_audible };
            return None;
        }
        self.state = State::Silence { not_before: last_sound, likely_since: None };
        Some(VadEvent::SpeechEnded { end: last_sound })
    }
}

fn samples_in_ms(ms: u32) -> u64 {
    SampleRate::Hz16000.samples_in_ms(ms.into())
}

impl std::fmt::Debug for VoiceDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceDetector").field("heard", &self.heard).field("state", &self.state).finish_non_exhaustive()
    }
}

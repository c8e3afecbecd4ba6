//! The thresholds between sound, speech and silence.

/// How sure, how loud and for how long: what turns a model's probabilities into edges.
///
/// Two speeds lead to a start: one window the model is confident about, or `min_speech_ms` of windows it merely holds
/// for speech. A start can be quick because what follows from it, a pause, is reversible.
#[derive(Clone, Debug, PartialEq)]
pub struct VadConfig {
    /// A window at least this probable counts as speech while there is silence.
    pub start_probability: f32,
    /// A single window at least this probable starts speech by itself.
    pub confident_probability: f32,
    /// While there is speech, a window below this no longer prolongs it. Lower than `start_probability`: hysteresis.
    pub stop_probability: f32,
    /// How much consecutive audio above `start_probability` starts speech.
    pub min_speech_ms: u32,
    /// How much audible sound there must be since the onset before anything starts speech; longer than a tap.
    pub min_sound_ms: u32,
    /// How long after the last sample of speech its end is reported. The turn machine's waits come on top.
    pub hangover_ms: u32,
    /// How far before the first window over `start_probability` the onset is looked for.
    pub max_lookback_ms: u32,
    /// Sound is what rises this far above the noise floor.
    pub sound_over_floor_db: f32,
    /// Windows quieter than this (RMS, full scale = 0 dB) are silence without asking the model.
    pub gate_dbfs: f32,
}

impl Default for VadConfig {
    fn default() -> Self {
        Self {
            start_probability: 0.5,
            confident_probability: 0.8,
            stop_probability: 0.35,
            min_speech_ms: 32,
            min_sound_ms: 16,
            hangover_ms: 100,
            max_lookback_ms: 200,
            sound_over_floor_db: 6.0,
            gate_dbfs: -62.0,
        }
    }
}

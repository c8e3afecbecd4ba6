//! The thresholds between sound, speech and silence.

/// How sure, how loud and for how long: what turns a model's probabilities into edges.
///
/// Two speeds lead to a start: one window the model is confident about, or `min_likely_ms` of windows it only holds to
/// be likely, once they have been audible for a while. A start can be quick because what follows from it, a pause, is
/// reversible. The defaults suit `earshot`, whose probability climbs over several windows: with 0.42 for
/// likely, the slowest hundredth of recorded onsets was noticed after 58 ms, with 0.48 after 67, and typing as rarely;
/// [`VadSource::config`](super::VadSource::config) gives what suits another model.
#[derive(Clone, Debug, PartialEq)]
pub struct VadConfig {
    /// A single window at least this probable starts speech by itself.
    pub confident_probability: f32,
    /// A window at least this probable counts towards a start.
    pub likely_probability: f32,
    /// While there is speech, a window below this no longer prolongs it. Lower than the others: hysteresis.
    pub stop_probability: f32,
    /// How much consecutive audio that is likely starts speech.
    pub min_likely_ms: u32,
    /// How much audible sound since the onset a confident start needs; longer than a tap.
    pub min_sound_ms: u32,
    /// How much audible sound since the onset a likely start needs; longer than a knock rings.
    pub min_likely_sound_ms: u32,
    /// How long after the last sample of speech its end is reported. The turn machine's waits come on top.
    pub hangover_ms: u32,
    /// How long the model's probability stays up after speech. Where noise hides the end of the sound, speech is
    /// taken to have gone on until this long before the last window that prolonged it.
    pub model_lag_ms: u32,
    /// How long the model alone prolongs speech where no sound rises above the noise. It bounds what a steady noise that
    /// the model takes for speech can do.
    pub max_inaudible_ms: u32,
    /// How far before the first likely window the onset is looked for.
    pub max_lookback_ms: u32,
    /// Sound is what rises this far above the noise floor.
    pub sound_over_floor_db: f32,
    /// Windows quieter than this (RMS, full scale = 0 dB) are silence without asking the model.
    pub gate_dbfs: f32,
}

impl Default for VadConfig {
    fn default() -> Self {
        Self {
            confident_probability: 0.6,
            likely_probability: 0.42,
            stop_probability: 0.35,
            min_likely_ms: 16,
            min_sound_ms: 20,
            min_likely_sound_ms: 48,
            hangover_ms: 100,
            model_lag_ms: 80,
            max_inaudible_ms: 1_000,
            max_lookback_ms: 200,
            sound_over_floor_db: 6.0,
            gate_dbfs: -62.0,
        }
    }
}

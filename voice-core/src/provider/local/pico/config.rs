//! How Pico speaks.

use std::time::Duration;

/// The languages there is a voice for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PicoLanguage {
    /// American English.
    #[default]
    EnUs,
    /// British English.
    EnGb,
    /// German.
    De,
    /// Spanish.
    Es,
    /// French.
    Fr,
    /// Italian.
    It,
}

impl PicoLanguage {
    /// The file of text analysis and the file of signal generation.
    pub(in crate::provider::local) fn file_names(self) -> (&'static str, &'static str) {
        match self {
            Self::EnUs => ("en-US_ta.bin", "en-US_lh0_sg.bin"),
            Self::EnGb => ("en-GB_ta.bin", "en-GB_kh0_sg.bin"),
            Self::De => ("de-DE_ta.bin", "de-DE_gl0_sg.bin"),
            Self::Es => ("es-ES_ta.bin", "es-ES_zl0_sg.bin"),
            Self::Fr => ("fr-FR_ta.bin", "fr-FR_nk0_sg.bin"),
            Self::It => ("it-IT_ta.bin", "it-IT_cm0_sg.bin"),
        }
    }
}

/// How Pico speaks. Percentages outside the ranges the engine takes are clamped to them.
#[derive(Clone, Debug)]
pub struct PicoConfig {
    /// Which voice.
    pub language: PicoLanguage,
    /// 20–500; 100 is the voice's own.
    pub speed_percent: u16,
    /// 50–200; 100 is the voice's own.
    pub pitch_percent: u16,
    /// 0–500; 100 is the voice's own.
    pub volume_percent: u16,
    /// Replies spoken in turn at a time; a further one waits until a piece of text (at most 200 bytes) is spoken.
    /// Each costs about 2 MB once used. Default 4.
    pub lanes: usize,
    /// A reply whose reader is further behind than this is not spoken on until it reads. Default 10 s.
    pub ahead: Duration,
}

impl Default for PicoConfig {
    fn default() -> Self {
        Self {
            language: PicoLanguage::default(),
            speed_percent: 100,
            pitch_percent: 100,
            volume_percent: 100,
            lanes: 4,
            ahead: Duration::from_secs(10),
        }
    }
}

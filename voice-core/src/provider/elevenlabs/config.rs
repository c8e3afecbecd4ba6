//! How ElevenLabs speaks.

use crate::audio::G711;
use crate::provider::ApiKey;
use crate::provider::contexts::{QueueLimits, WireEncoding};
use crate::stage::{Fault, StageError};
use crate::units::SampleRate;
use serde::Deserialize;
use std::time::Duration;

pub(super) const ENGINE: &str = "ElevenLabs";

/// How samples travel, and how many a second: the formats at rates that the engine speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum ElevenLabsFormat {
    /// 16 bits at 8 kHz.
    #[serde(rename = "pcm_8000")]
    Pcm8000,
    /// 16 bits at 16 kHz.
    #[serde(rename = "pcm_16000")]
    Pcm16000,
    /// 16 bits at 24 kHz.
    #[default]
    #[serde(rename = "pcm_24000")]
    Pcm24000,
    /// G.711 µ-law at 8 kHz.
    #[serde(rename = "ulaw_8000")]
    Ulaw8000,
    /// G.711 A-law at 8 kHz.
    #[serde(rename = "alaw_8000")]
    Alaw8000,
}

impl ElevenLabsFormat {
    pub(super) fn wire_name(self) -> &'static str {
        match self {
            Self::Pcm8000 => "pcm_8000",
            Self::Pcm16000 => "pcm_16000",
            Self::Pcm24000 => "pcm_24000",
            Self::Ulaw8000 => "ulaw_8000",
            Self::Alaw8000 => "alaw_8000",
        }
    }

    pub(super) fn rate(self) -> SampleRate {
        match self {
            Self::Pcm8000 | Self::Ulaw8000 | Self::Alaw8000 => SampleRate::Hz8000,
            Self::Pcm16000 => SampleRate::Hz16000,
            Self::Pcm24000 => SampleRate::Hz24000,
        }
    }

    pub(super) fn decoding(self) -> WireEncoding {
        match self {
            Self::Pcm8000 | Self::Pcm16000 | Self::Pcm24000 => WireEncoding::S16,
            Self::Ulaw8000 => WireEncoding::G711(G711::MuLaw),
            Self::Alaw8000 => WireEncoding::G711(G711::ALaw),
        }
    }
}

/// How ElevenLabs speaks and how long it is waited for.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElevenLabsConfig {
    /// The key; none for a server that asks for none.
    #[serde(skip)]
    pub key: Option<ApiKey>,
    /// The server: http, https, ws or wss.
    #[serde(skip)]
    pub url: String,
    /// The model.
    pub model: String,
    /// The voice's id; there is no default.
    pub voice: String,
    /// The language (ISO 639-1); the model's guess if not set.
    pub language: Option<String>,
    /// How samples travel.
    pub format: ElevenLabsFormat,
    /// 0–1; the voice's own if not set, as all of its manner.
    pub stability: Option<f32>,
    /// 0–1.
    pub similarity_boost: Option<f32>,
    /// 0–1.
    pub style: Option<f32>,
    /// 0.7–1.2.
    pub speed: Option<f32>,
    /// The socket must stand within this time.
    pub connect_ms: u64,
    /// The first audio must come within this time of the first clause.
    pub first_audio_ms: u64,
    /// Further audio must come within this time while clauses are not spoken.
    pub stall_ms: u64,
    /// After the last clause a reply is complete when ElevenLabs says so, or when nothing came for this long after the time
    /// of its last character.
    pub quiet_ms: u64,
    /// How long ElevenLabs is asked to keep a silent socket, 1–180 s.
    pub inactivity_timeout_s: u64,
    /// A sign of life is sent when nothing was for this long; less than `inactivity_timeout_s`.
    pub keep_alive_ms: u64,
    /// Unread audio of one reply beyond this fails that reply.
    pub max_unread_ms: u64,
}

impl Default for ElevenLabsConfig {
    fn default() -> Self {
        Self {
            key: None,
            url: "wss://api.elevenlabs.io".into(),
            model: "eleven_flash_v2_5".into(),
            voice: String::new(),
            language: None,
            format: ElevenLabsFormat::default(),
            stability: None,
            similarity_boost: None,
            style: None,
            speed: None,
            connect_ms: 4_000,
            first_audio_ms: 3_000,
            stall_ms: 3_000,
            quiet_ms: 1_500,
            inactivity_timeout_s: 180,
            keep_alive_ms: 10_000,
            max_unread_ms: 120_000,
        }
    }
}

impl ElevenLabsConfig {
    pub(super) fn limits(&self) -> QueueLimits {
        QueueLimits { engine: ENGINE, rate: self.format.rate(), audio: Duration::from_millis(self.max_unread_ms) }
    }

    /// Checks what can be checked without the vendor.
    pub(super) fn check(&self) -> Result<(), StageError> {
        for (name, value) in [("model", &self.model), ("voice", &self.voice)] {
            ensure(!value.trim().is_empty(), name, "it is empty")?;
        }
        let parts = [("stability", self.stability), ("similarity_boost", self.similarity_boost), ("style", self.style)];
        for (name, value) in parts {
            ensure(value.is_none_or(|value| (0.0..=1.0).contains(&value)), name, "it is 0–1")?;
        }
        ensure(self.speed.is_none_or(|speed| (0.7..=1.2).contains(&speed)), "speed", "it is 0.7–1.2")?;
        ensure((1..=180).contains(&self.inactivity_timeout_s), "inactivity_timeout_s", "it is 1–180")?;
        let kept = self.keep_alive_ms < self.inactivity_timeout_s * 1_000;
        ensure(kept, "keep_alive_ms", "it is less than the inactivity timeout")?;
        let waits = [
            ("connect_ms", self.connect_ms),
            ("first_audio_ms", self.first_audio_ms),
            ("stall_ms", self.stall_ms),
            ("quiet_ms", self.quiet_ms),
            ("keep_alive_ms", self.keep_alive_ms),
            ("max_unread_ms", self.max_unread_ms),
        ];
        waits.into_iter().try_for_each(|(name, value)| ensure(value > 0, name, "it is at least 1"))
    }
}

fn ensure(holds: bool, field: &str, rule: &str) -> Result<(), StageError> {
    let reason = format!("set `{field}` of its configuration right: {rule}");
    if holds { Ok(()) } else { Err(StageError::Open { engine: ENGINE, reason, fault: Fault::Configuration }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut ElevenLabsConfig);

    fn config() -> ElevenLabsConfig {
        ElevenLabsConfig { voice: "v".into(), ..ElevenLabsConfig::default() }
    }

    #[test]
    fn a_file_sets_what_it_names_and_nothing_else() {
        let config: ElevenLabsConfig =
            toml::from_str("voice = \"v\"\nformat = \"ulaw_8000\"\nspeed = 1.1").expect("a config");
        assert_eq!((config.url.as_str(), config.check()), ("wss://api.elevenlabs.io", Ok(())));
        assert_eq!((config.format, config.format.rate()), (ElevenLabsFormat::Ulaw8000, SampleRate::Hz8000));
        assert!(toml::from_str::<ElevenLabsConfig>("format = \"pcm_44100\"").is_err(), "no rate of the engine");
        assert!(toml::from_str::<ElevenLabsConfig>("key = \"sk\"").is_err(), "not from this file");
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let wrong: [(&str, Spoil); 8] = [
            ("voice", |config| config.voice = " ".into()),
            ("model", |config| config.model.clear()),
            ("stability", |config| config.stability = Some(1.1)),
            ("style", |config| config.style = Some(f32::NAN)),
            ("speed", |config| config.speed = Some(0.6)),
            ("inactivity_timeout_s", |config| config.inactivity_timeout_s = 181),
            ("keep_alive_ms", |config| config.inactivity_timeout_s = 10),
            ("quiet_ms", |config| config.quiet_ms = 0),
        ];
        for (field, spoil) in wrong {
            let mut config = config();
            assert_eq!(config.check(), Ok(()));
            spoil(&mut config);
            let error = config.check().expect_err(field);
            assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
            assert!(!error.is_retryable());
        }
    }
}

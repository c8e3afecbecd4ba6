//! How Cartesia speaks.

use crate::audio::G711;
use crate::provider::ApiKey;
use crate::provider::contexts::{QueueLimits, WireEncoding};
use crate::stage::{Fault, StageError};
use crate::units::SampleRate;
use serde::Deserialize;
use std::time::Duration;

pub(super) const ENGINE: &str = "Cartesia";

/// How samples travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CartesiaEncoding {
    /// 16 bits.
    #[default]
    PcmS16le,
    /// 32 bits, floating point.
    PcmF32le,
    /// G.711 µ-law.
    PcmMulaw,
    /// G.711 A-law.
    PcmAlaw,
}

impl CartesiaEncoding {
    pub(super) fn wire_name(self) -> &'static str {
        match self {
            Self::PcmS16le => "pcm_s16le",
            Self::PcmF32le => "pcm_f32le",
            Self::PcmMulaw => "pcm_mulaw",
            Self::PcmAlaw => "pcm_alaw",
        }
    }

    pub(super) fn decoding(self) -> WireEncoding {
        match self {
            Self::PcmS16le => WireEncoding::S16,
            Self::PcmF32le => WireEncoding::F32,
            Self::PcmMulaw => WireEncoding::G711(G711::MuLaw),
            Self::PcmAlaw => WireEncoding::G711(G711::ALaw),
        }
    }
}

/// How Cartesia speaks and how long it is waited for.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CartesiaConfig {
    /// The key; none for a server that asks for none.
    #[serde(skip)]
    pub key: Option<ApiKey>,
    /// The server: http, https, ws or wss.
    #[serde(skip)]
    pub url: String,
    /// The API's version, a date. It also decides how the voice is written.
    pub version: String,
    /// The model.
    pub model: String,
    /// The voice's id; there is no default.
    pub voice: String,
    /// The language (ISO 639-1).
    pub language: String,
    /// How samples travel.
    pub encoding: CartesiaEncoding,
    /// Samples per second: 8000, 16000, 24000 or 48000.
    pub sample_rate: u32,
    /// 0.6–1.5; the voice's own if not set.
    pub speed: Option<f32>,
    /// 0.5–2.0; the voice's own if not set.
    pub volume: Option<f32>,
    /// One of Cartesia's names of emotions.
    pub emotion: Option<String>,
    /// Whether to ask when each word sounds.
    pub add_timestamps: bool,
    /// How long Cartesia may wait for more text, 0–5000. Clauses come whole, so 0: speak at once.
    pub max_buffer_delay_ms: u32,
    /// The socket must stand within this time.
    pub connect_ms: u64,
    /// The first audio must come within this time of the first clause.
    pub first_audio_ms: u64,
    /// Further audio must come within this time while clauses are not spoken.
    pub stall_ms: u64,
    /// A context that had nothing to say for this long is taken for forgotten: the reply goes on in a new one. Cartesia
    /// forgets after 1000.
    pub context_idle_ms: u64,
    /// The socket is pinged when nothing was sent for this long; Cartesia closes it after 300000.
    pub keep_alive_ms: u64,
    /// Unread audio of one reply beyond this fails that reply.
    pub max_unread_ms: u64,
}

impl Default for CartesiaConfig {
    fn default() -> Self {
        Self {
            key: None,
            url: "wss://api.cartesia.ai".into(),
            version: "2026-08-14".into(),
            model: "sonic-3.5".into(),
            voice: String::new(),
            language: "en".into(),
            encoding: CartesiaEncoding::default(),
            sample_rate: 24_000,
            speed: None,
            volume: None,
            emotion: None,
            add_timestamps: true,
            max_buffer_delay_ms: 0,
            connect_ms: 4_000,
            first_audio_ms: 3_000,
            stall_ms: 3_000,
            context_idle_ms: 800,
            keep_alive_ms: 60_000,
            max_unread_ms: 120_000,
        }
    }
}

impl CartesiaConfig {
    /// The rate of its audio, if the engine speaks it.
    pub(super) fn rate(&self) -> Option<SampleRate> {
        SampleRate::from_hz(self.sample_rate)
    }

    pub(super) fn limits(&self, rate: SampleRate) -> QueueLimits {
        QueueLimits { engine: ENGINE, rate, audio: Duration::from_millis(self.max_unread_ms) }
    }

    /// Checks what can be checked without the vendor; gives the rate.
    pub(super) fn checked(&self) -> Result<SampleRate, StageError> {
        let texts = [("version", &self.version), ("model", &self.model), ("voice", &self.voice)];
        for (name, value) in texts {
            ensure(!value.trim().is_empty(), name, "it is empty")?;
        }
        ensure(is_date(&self.version), "version", "it is a date such as 2026-08-14")?;
        let within = |value: Option<f32>, least, most| value.is_none_or(|value| (least..=most).contains(&value));
        ensure(within(self.speed, 0.6, 1.5), "speed", "it is 0.6–1.5")?;
        ensure(within(self.volume, 0.5, 2.0), "volume", "it is 0.5–2.0")?;
        ensure(self.max_buffer_delay_ms <= 5_000, "max_buffer_delay_ms", "it is at most 5000")?;
        let waits = [
            ("connect_ms", self.connect_ms),
            ("first_audio_ms", self.first_audio_ms),
            ("stall_ms", self.stall_ms),
            ("keep_alive_ms", self.keep_alive_ms),
            ("max_unread_ms", self.max_unread_ms),
        ];
        for (name, value) in waits {
            ensure(value > 0, name, "it is at least 1")?;
        }
        self.rate().ok_or_else(|| wrong("sample_rate", "it is 8000, 16000, 24000 or 48000"))
    }
}

/// Ten characters with digits and dashes in the places of a date.
fn is_date(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(fits)
}

fn ensure(holds: bool, field: &str, rule: &str) -> Result<(), StageError> {
    if holds { Ok(()) } else { Err(wrong(field, rule)) }
}

fn wrong(field: &str, rule: &str) -> StageError {
    let reason = format!("set `{field}` of its configuration right: {rule}");
    StageError::Open { engine: ENGINE, reason, fault: Fault::Configuration }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut CartesiaConfig);

    fn config() -> CartesiaConfig {
        CartesiaConfig { voice: "v".into(), ..CartesiaConfig::default() }
    }

    #[test]
    fn a_file_sets_what_it_names_and_nothing_else() {
        let config: CartesiaConfig =
            toml::from_str("voice = \"v\"\nencoding = \"pcm_mulaw\"\nsample_rate = 8000").expect("a config");
        assert_eq!(config.url, "wss://api.cartesia.ai");
        assert_eq!((config.encoding, config.checked()), (CartesiaEncoding::PcmMulaw, Ok(SampleRate::Hz8000)));
        assert!(toml::from_str::<CartesiaConfig>("voise = \"v\"").is_err());
        assert!(toml::from_str::<CartesiaConfig>("url = \"ws://elsewhere\"").is_err(), "not from this file");
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let wrong: [(&str, Spoil); 9] = [
            ("voice", |config| config.voice = " ".into()),
            ("version", |config| config.version = "latest".into()),
            ("model", |config| config.model.clear()),
            ("sample_rate", |config| config.sample_rate = 22_050),
            ("speed", |config| config.speed = Some(1.6)),
            ("volume", |config| config.volume = Some(f32::NAN)),
            ("max_buffer_delay_ms", |config| config.max_buffer_delay_ms = 5_001),
            ("stall_ms", |config| config.stall_ms = 0),
            ("max_unread_ms", |config| config.max_unread_ms = 0),
        ];
        for (field, spoil) in wrong {
            let mut config = config();
            assert_eq!(config.checked(), Ok(SampleRate::Hz24000));
            spoil(&mut config);
            let error = config.checked().expect_err(field);
            assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
            assert!(!error.is_retryable());
        }
    }
}

//! How a voice is reached and asked.

use crate::provider::net::ApiKey;
use crate::stage::{Fault, StageError};
use crate::units::SampleRate;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What errors and bills call it.
pub(super) const ENGINE: &str = "OpenAI speech";
pub(super) const URL_SETTING: &str = "OPENAI_URL";
/// OpenAI's own address.
const URL: &str = "https://api.openai.com/v1";

/// The format the audio is asked for in. Either is understood whichever is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpeechFormat {
    /// Samples without a header.
    #[default]
    Pcm,
    /// For servers that do not have `pcm`.
    Wav,
}

/// How a voice is reached and asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeechConfig {
    /// The key. OpenAI needs one.
    #[serde(skip)]
    pub key: Option<ApiKey>,
    /// Where the server is, up to and with its `/v1`; empty for OpenAI's own.
    #[serde(skip)]
    pub url: String,
    /// The model that speaks, as the server calls it.
    pub model: String,
    /// The voice; one of your own by its id, which begins with `voice_`.
    pub voice: String,
    /// How to speak, in words. Not every model takes it.
    pub instructions: Option<String>,
    /// 0.25 to 4; 1 is the voice's own pace.
    pub speed: Option<f32>,
    /// What to ask for. Default `pcm`.
    pub format: SpeechFormat,
    /// Samples a second of the audio that comes: 8000, 16000, 24000 or 48000. OpenAI's is 24000; `pcm` does not tell.
    pub sample_rate_hz: u32,
    /// Further fields of the request, each with its value as JSON text.
    pub extra: BTreeMap<String, String>,
    /// The longest wait for a connection.
    pub connect_ms: u64,
    /// The longest wait for a clause's first audio, over all tries.
    pub first_audio_ms: u64,
    /// The longest wait between two pieces of audio.
    pub audio_ms: u64,
    /// How often a clause is asked for again before its first audio.
    pub retries: u32,
}

impl Default for SpeechConfig {
    fn default() -> Self {
        Self {
            key: None,
            url: String::new(),
            model: String::new(),
            voice: String::new(),
            instructions: None,
            speed: None,
            format: SpeechFormat::default(),
            sample_rate_hz: 24_000,
            extra: BTreeMap::new(),
            connect_ms: 2_000,
            first_audio_ms: 5_000,
            audio_ms: 4_000,
            retries: 1,
        }
    }
}

/// An hour: a longer wait is no deadline.
const DEADLINES_MS: RangeInclusive<u64> = 1..=3_600_000;
/// More tries than this only make an overload worse.
const MAX_RETRIES: u32 = 5;

impl SpeechConfig {
    /// `voice` of `model` at OpenAI.
    pub fn new(key: ApiKey, model: impl Into<String>, voice: impl Into<String>) -> Self {
        Self { key: Some(key), model: model.into(), voice: voice.into(), ..Self::default() }
    }

    /// `voice` of `model` at the server of this address, up to and with its `/v1`.
    pub fn at(url: impl Into<String>, model: impl Into<String>, voice: impl Into<String>) -> Self {
        Self { url: url.into(), model: model.into(), voice: voice.into(), ..Self::default() }
    }

    pub(super) fn base_url(&self) -> &str {
        let url = if self.url.trim().is_empty() { URL } else { self.url.trim() };
        url.trim_end_matches('/')
    }

    /// The rate of the audio, once [`check`](Self::check) has found no fault.
    pub(super) fn rate(&self) -> SampleRate {
        SampleRate::from_hz(self.sample_rate_hz).unwrap_or(SampleRate::Hz24000)
    }

    /// What is wrong with it, by the name of the field.
    pub(super) fn check(&self) -> Result<(), StageError> {
        self.fault().map(refused).map_or(Ok(()), Err)
    }

    fn fault(&self) -> Option<String> {
        if self.base_url() == URL && self.key.is_none() {
            return Some("it needs a key: put one in OPENAI_API_KEY".to_owned());
        }
        if !self.base_url().starts_with("http://") && !self.base_url().starts_with("https://") {
            return Some(format!("{URL_SETTING} is no http:// or https:// address"));
        }
        if self.model.trim().is_empty() {
            return Some("model is empty: say which of the server's models speaks".to_owned());
        }
        if self.voice.trim().is_empty() {
            return Some("voice is empty: say which of the model's voices speaks".to_owned());
        }
        if self.speed.is_some_and(|speed| !(0.25..=4.0).contains(&speed)) {
            return Some("speed is not between 0.25 and 4".to_owned());
        }
        if SampleRate::from_hz(self.sample_rate_hz).is_none() {
            return Some("sample_rate_hz is none of 8000, 16000, 24000 and 48000".to_owned());
        }
        if self.retries > MAX_RETRIES {
            return Some(format!("retries is above {MAX_RETRIES}"));
        }
        let deadlines =
            [("connect_ms", self.connect_ms), ("first_audio_ms", self.first_audio_ms), ("audio_ms", self.audio_ms)];
        let (name, _) = deadlines.into_iter().find(|(_, ms)| !DEADLINES_MS.contains(ms))?;
        Some(format!("{name} is not between 1 and {}", DEADLINES_MS.end()))
    }

    pub(super) fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    pub(super) fn first_audio(&self) -> Duration {
        Duration::from_millis(self.first_audio_ms)
    }

    pub(super) fn audio(&self) -> Duration {
        Duration::from_millis(self.audio_ms)
    }
}

/// An error that only another configuration mends.
pub(super) fn refused(reason: String) -> StageError {
    StageError::Open { engine: ENGINE, reason, fault: Fault::Configuration }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openai() -> SpeechConfig {
        SpeechConfig::new(ApiKey::new("sk-1", "OPENAI_API_KEY"), "gpt-voice", "coral")
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(openai().check(), Ok(()));
        assert_eq!(SpeechConfig::at("http://127.0.0.1:8880/v1/", "kokoro", "af_sky").check(), Ok(()));
        for (config, field) in [
            (SpeechConfig { key: None, ..openai() }, "OPENAI_API_KEY"),
            (SpeechConfig { url: "api.openai.com".to_owned(), ..openai() }, "OPENAI_URL"),
            (SpeechConfig { model: String::new(), ..openai() }, "model"),
            (SpeechConfig { voice: " ".to_owned(), ..openai() }, "voice"),
            (SpeechConfig { speed: Some(0.2), ..openai() }, "speed"),
            (SpeechConfig { sample_rate_hz: 22_050, ..openai() }, "sample_rate_hz"),
            (SpeechConfig { retries: 9, ..openai() }, "retries"),
            (SpeechConfig { connect_ms: 0, ..openai() }, "connect_ms"),
            (SpeechConfig { first_audio_ms: 0, ..openai() }, "first_audio_ms"),
            (SpeechConfig { audio_ms: u64::MAX, ..openai() }, "audio_ms"),
        ] {
            let error = config.check().unwrap_err();
            assert_eq!(error.fault(), Fault::Configuration);
            assert!(error.to_string().contains(field), "{error}");
        }
    }

    #[test]
    fn a_file_sets_all_but_the_key_and_the_address() {
        let config: SpeechConfig = serde_json::from_str(r#"{"model": "m", "voice": "v", "format": "wav"}"#).unwrap();
        assert_eq!((config.format, config.sample_rate_hz, config.base_url()), (SpeechFormat::Wav, 24_000, URL));
        assert!(serde_json::from_str::<SpeechConfig>(r#"{"url": "http://x"}"#).is_err());
    }
}

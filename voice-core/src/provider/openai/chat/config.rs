//! How a chat model is reached and asked.

use super::preset::{ChatPreset, KeyNeed};
use crate::provider::net::ApiKey;
use crate::stage::StageError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How a chat model is reached and asked. What is `None` is not sent, so that the server's default holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatConfig {
    /// The key. Groq and OpenAI need one.
    #[serde(skip)]
    pub key: Option<ApiKey>,
    /// Where the server is, up to and with its `/v1`; empty for the preset's own.
    #[serde(skip)]
    pub url: String,
    /// Which server it is.
    pub preset: ChatPreset,
    /// The model, as the server's list of models calls it.
    pub model: String,
    /// The longest answer, thinking included. Default none.
    pub max_tokens: Option<u32>,
    /// 0 to 2: how freely the model chooses its words.
    pub temperature: Option<f32>,
    /// Above 0, up to 1: of which share of the likely words it chooses.
    pub top_p: Option<f32>,
    /// How long it thinks (`low`, `none`, …). Models that do not think refuse the field.
    pub reasoning_effort: Option<String>,
    /// `hidden` spares sending the thinking, which is never spoken anyway. Groq only; not every model takes it.
    pub reasoning_format: Option<String>,
    /// The same seed and request give, as far as the server can, the same answer.
    pub seed: Option<i64>,
    /// Groq and OpenAI: which queue the request stands in.
    pub service_tier: Option<String>,
    /// Whether one answer may call several tools. Not sent to Ollama, which has no such field.
    pub parallel_tool_calls: Option<bool>,
    /// Further fields of the request, each with its value as JSON text: `top_k = "40"`, `user = "\"desk\""`.
    pub extra: BTreeMap<String, String>,
    /// The longest wait for a connection.
    pub connect_ms: u64,
    /// The longest wait for the first text or tool call, over all tries. Thinking and keep-alives are neither.
    pub first_token_ms: u64,
    /// The longest wait between two pieces of an answer.
    pub token_ms: u64,
    /// The longest answer.
    pub total_ms: u64,
    /// How often a request is tried again before its first token; never where the server wants to be left alone for more
    /// than half a second.
    pub retries: u32,
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            key: None,
            url: String::new(),
            preset: ChatPreset::default(),
            model: String::new(),
            max_tokens: None,
            temperature: None,
            top_p: None,
            reasoning_effort: None,
            reasoning_format: None,
            seed: None,
            service_tier: None,
            parallel_tool_calls: None,
            extra: BTreeMap::new(),
            connect_ms: 2_000,
            first_token_ms: 4_000,
            token_ms: 4_000,
            total_ms: 60_000,
            retries: 1,
        }
    }
}

/// An hour: a longer wait is no deadline.
const DEADLINES_MS: RangeInclusive<u64> = 1..=3_600_000;
/// More tries than this only make an overload worse.
const MAX_RETRIES: u32 = 5;

impl ChatConfig {
    /// `model` at Groq.
    pub fn groq(key: ApiKey, model: impl Into<String>) -> Self {
        Self { key: Some(key), ..Self::of(ChatPreset::Groq, model) }
    }

    /// `model` at OpenAI.
    pub fn openai(key: ApiKey, model: impl Into<String>) -> Self {
        Self { key: Some(key), ..Self::of(ChatPreset::OpenAi, model) }
    }

    /// `model` of a vLLM server on this machine.
    pub fn vllm(model: impl Into<String>) -> Self {
        Self::of(ChatPreset::Vllm, model)
    }

    /// `model` of an Ollama server on this machine.
    pub fn ollama(model: impl Into<String>) -> Self {
        Self::of(ChatPreset::Ollama, model)
    }

    /// The model of a llama.cpp server on this machine.
    pub fn llama_cpp(model: impl Into<String>) -> Self {
        Self::of(ChatPreset::LlamaCpp, model)
    }

    fn of(preset: ChatPreset, model: impl Into<String>) -> Self {
        Self { preset, model: model.into(), ..Self::default() }
    }

    /// The base address without a slash at its end.
    pub(super) fn base_url(&self) -> &str {
        let url = if self.url.trim().is_empty() { self.preset.url() } else { self.url.trim() };
        url.trim_end_matches('/')
    }

    /// What is wrong with it, by the name of the field.
    pub(super) fn check(&self) -> Result<(), StageError> {
        let fault = self.fault().map(|reason| self.refused(reason));
        fault.map_or(Ok(()), Err)
    }

    fn fault(&self) -> Option<String> {
        let preset = self.preset;
        if preset.key_need() == KeyNeed::Needed && self.key.is_none() {
            return Some(format!("it needs a key: put one in {}", preset.key_setting()));
        }
        if self.model.trim().is_empty() {
            return Some("model is empty: say which of the server's models answers".to_owned());
        }
        if !self.base_url().starts_with("http://") && !self.base_url().starts_with("https://") {
            return Some(format!("{} is no http:// or https:// address", preset.url_setting()));
        }
        if self.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Some("temperature is not between 0 and 2".to_owned());
        }
        if self.top_p.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            return Some("top_p is not above 0 and up to 1".to_owned());
        }
        if self.max_tokens == Some(0) {
            return Some("max_tokens is 0: leave it out for no bound".to_owned());
        }
        if self.retries > MAX_RETRIES {
            return Some(format!("retries is above {MAX_RETRIES}"));
        }
        let deadlines = [
            ("connect_ms", self.connect_ms),
            ("first_token_ms", self.first_token_ms),
            ("token_ms", self.token_ms),
            ("total_ms", self.total_ms),
        ];
        let (name, _) = deadlines.into_iter().find(|(_, ms)| !DEADLINES_MS.contains(ms))?;
        Some(format!("{name} is not between 1 and {}", DEADLINES_MS.end()))
    }

    pub(super) fn first_token(&self) -> Duration {
        Duration::from_millis(self.first_token_ms)
    }

    pub(super) fn token(&self) -> Duration {
        Duration::from_millis(self.token_ms)
    }

    pub(super) fn total(&self) -> Duration {
        Duration::from_millis(self.total_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Fault;

    fn groq() -> ChatConfig {
        ChatConfig::groq(ApiKey::new("gsk-1", "GROQ_API_KEY"), "openai/gpt-oss-20b")
    }

    #[test]
    fn a_file_sets_all_but_the_key_and_the_address() {
        let text = r#"{"preset": "ollama", "model": "llama3.2", "temperature": 0.5, "extra": {"top_k": "40"}}"#;
        let config: ChatConfig = serde_json::from_str(text).unwrap();
        assert_eq!(
            (config.preset, config.model.as_str(), config.first_token_ms),
            (ChatPreset::Ollama, "llama3.2", 4_000)
        );
        assert_eq!(config.base_url(), "http://127.0.0.1:11434/v1");
        assert_eq!(config.check(), Ok(()));
        assert!(serde_json::from_str::<ChatConfig>(r#"{"modle": "x"}"#).is_err());
        assert!(serde_json::from_str::<ChatConfig>(r#"{"url": "http://x"}"#).is_err());
    }

    #[test]
    fn every_preset_has_its_name_in_a_file() {
        for (word, preset) in [
            ("groq", ChatPreset::Groq),
            ("openai", ChatPreset::OpenAi),
            ("vllm", ChatPreset::Vllm),
            ("ollama", ChatPreset::Ollama),
            ("llama_cpp", ChatPreset::LlamaCpp),
        ] {
            assert_eq!(serde_json::from_str::<ChatPreset>(&format!("\"{word}\"")).unwrap(), preset);
        }
    }

    #[test]
    fn an_address_needs_no_care_about_its_slash() {
        let config = ChatConfig { url: " http://127.0.0.1:9/v1/ ".to_owned(), ..groq() };
        assert_eq!(config.base_url(), "http://127.0.0.1:9/v1");
        assert_eq!(groq().base_url(), "https://api.groq.com/openai/v1");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (config, field) in [
            (ChatConfig { key: None, ..groq() }, "GROQ_API_KEY"),
            (ChatConfig { model: " ".to_owned(), ..groq() }, "model"),
            (ChatConfig { url: "api.groq.com".to_owned(), ..groq() }, "GROQ_URL"),
            (ChatConfig { temperature: Some(2.1), ..groq() }, "temperature"),
            (ChatConfig { temperature: Some(f32::NAN), ..groq() }, "temperature"),
            (ChatConfig { top_p: Some(0.0), ..groq() }, "top_p"),
            (ChatConfig { max_tokens: Some(0), ..groq() }, "max_tokens"),
            (ChatConfig { retries: 6, ..groq() }, "retries"),
            (ChatConfig { connect_ms: 0, ..groq() }, "connect_ms"),
            (ChatConfig { first_token_ms: 0, ..groq() }, "first_token_ms"),
            (ChatConfig { token_ms: 0, ..groq() }, "token_ms"),
            (ChatConfig { total_ms: u64::MAX, ..groq() }, "total_ms"),
        ] {
            let error = config.check().unwrap_err();
            assert_eq!(error.fault(), Fault::Configuration);
            assert!(error.to_string().contains(field), "{error}");
        }
    }

    #[test]
    fn a_server_on_this_machine_needs_no_key() {
        for config in [ChatConfig::vllm("m"), ChatConfig::ollama("m"), ChatConfig::llama_cpp("m")] {
            assert_eq!(config.check(), Ok(()));
        }
    }
}

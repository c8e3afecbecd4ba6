//! What the service says, as JSON. The key `channel` is an object in results and a list elsewhere.

use super::query::Settings;
use super::segments::{Kind, Results, Told};
use crate::provider::fakes::ear::{Word, joined};
use serde_json::{Map, Value, json};

const MODEL: &str = "00000000-0000-4000-8000-00000000000a";

/// What the results of a stream have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) request_id: String,
    /// Whether flags that are false are told.
    pub(super) tells_flags: bool,
    pub(super) tells_languages: bool,
}

impl Common {
    pub(super) fn new(request_id: &str, settings: &Settings, tells_flags: bool) -> Self {
        Self { request_id: request_id.to_owned(), tells_flags, tells_languages: settings.is_multilingual }
    }

    pub(super) fn told(&self, told: &Told) -> String {
        match told {
            Told::Results(results) => self.results(results),
            Told::SpeechStarted { at_ms } => {
                json!({ "type": "SpeechStarted", "channel": [0, 1], "timestamp": seconds(*at_ms) }).to_string()
            }
            Told::UtteranceEnd { last_word_end_ms } => {
                json!({ "type": "UtteranceEnd", "channel": [0, 1], "last_word_end": seconds(*last_word_end_ms) })
                    .to_string()
            }
        }
    }

    fn results(&self, results: &Results) -> String {
        let (start_ms, end_ms) = results.window_ms;
        let mut alternative = json!({
            "transcript": joined(&results.words),
            "confidence": if results.words.is_empty() { 0.0 } else { 0.988_281_25 },
            "words": results.words.iter().map(word).collect::<Vec<_>>(),
        });
        if self.tells_languages {
            alternative["languages"] = json!(["en"]);
        }
        let mut message = json!({
            "type": "Results",
            "channel_index": [0, 1],
            "start": seconds(start_ms),
            "duration": seconds(end_ms - start_ms),
            "channel": { "alternatives": [alternative] },
            "metadata": { "request_id": self.request_id, "model_info": model_info(), "model_uuid": MODEL },
        });
        let flags = [
            ("is_final", results.kind != Kind::Interim),
            ("speech_final", results.kind == Kind::SpeechFinal),
            ("from_finalize", results.kind == Kind::FromFinalize),
        ];
        for (name, is_set) in flags {
            if is_set || self.tells_flags {
                message[name] = json!(is_set);
            }
        }
        message.to_string()
    }

    /// The last message of a stream of `duration_ms` of audio.
    pub(super) fn metadata(&self, duration_ms: u64) -> String {
        let mut message = json!({
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": "incomplete",
            "created": "2026-11-23T09:15:02.114Z",
            "duration": seconds(duration_ms),
            "channels": 1,
        });
        if duration_ms > 0 {
            message["models"] = json!([MODEL]);
            message["model_info"] = Value::Object(Map::from_iter([(MODEL.to_owned(), model_info())]));
        }
        message.to_string()
    }

    pub(super) fn configured(&self, keyterms: Option<&[String]>) -> String {
        let mut message = json!({ "type": "ConfigureSuccess", "request_id": self.request_id });
        if let Some(keyterms) = keyterms {
            message["keyterms"] = json!(keyterms);
        }
        message.to_string()
    }

    pub(super) fn not_configured(&self, code: &str, description: &str) -> String {
        let failure = "ConfigureFailure";
        json!({ "type": failure, "request_id": self.request_id, "code": code, "description": description }).to_string()
    }
}

/// A message that is not understood.
pub(super) fn error(description: &str, message: &str) -> String {
    json!({ "type": "Error", "variant": "SchemaError", "description": description, "message": message }).to_string()
}

fn word(word: &Word) -> Value {
    let bare: String = word.text.chars().filter(|c| c.is_alphanumeric() || *c == '\'').collect();
    json!({
        "word": bare.to_lowercase(),
        "punctuated_word": word.text,
        "start": seconds(word.start_ms),
        "end": seconds(word.end_ms),
        "confidence": 0.992_187_5,
    })
}

fn model_info() -> Value {
    json!({ "name": "general-nova-3", "version": "2026-01-01.0", "arch": "nova-3" })
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

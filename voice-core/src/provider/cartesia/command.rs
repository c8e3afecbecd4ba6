//! What is said to Cartesia.
//!
//! Invariant: within one context every generation message says the same but for `transcript` and `continue`, as
//! Cartesia demands.

use super::config::CartesiaConfig;
use serde::Serialize;

/// The first version that takes a voice as its plain id.
const PLAIN_VOICE_SINCE: &str = "2026-08-14";

/// Whether more text follows in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    More,
    Nothing,
}

#[derive(Serialize)]
struct Generation<'a> {
    context_id: &'a str,
    model_id: &'a str,
    transcript: &'a str,
    voice: Voice<'a>,
    output_format: OutputFormat,
    language: &'a str,
    #[serde(skip_serializing_if = "GenerationConfig::is_empty")]
    generation_config: GenerationConfig<'a>,
    add_timestamps: bool,
    max_buffer_delay_ms: u32,
    r#continue: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Voice<'a> {
    Id(&'a str),
    Mode { mode: &'static str, id: &'a str },
}

#[derive(Serialize)]
struct OutputFormat {
    container: &'static str,
    encoding: &'static str,
    sample_rate: u32,
}

#[derive(Serialize)]
struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emotion: Option<&'a str>,
}

impl GenerationConfig<'_> {
    fn is_empty(&self) -> bool {
        self.speed.is_none() && self.volume.is_none() && self.emotion.is_none()
    }
}

#[derive(Serialize)]
struct Cancel<'a> {
    context_id: &'a str,
    cancel: bool,
}

/// Speaks `transcript`, verbatim and with its own spacing, after what the context was given before.
pub(super) fn generation(config: &CartesiaConfig, context: &str, transcript: &str, follows: Follows) -> String {
    encode(&Generation {
        context_id: context,
        model_id: &config.model,
        transcript,
        voice: voice(config),
        output_format: OutputFormat {
            container: "raw",
            encoding: config.encoding.wire_name(),
            sample_rate: config.sample_rate,
        },
        language: &config.language,
        generation_config: GenerationConfig {
            speed: config.speed,
            volume: config.volume,
            emotion: config.emotion.as_deref(),
        },
        add_timestamps: config.add_timestamps,
        max_buffer_delay_ms: config.max_buffer_delay_ms,
        r#continue: follows == Follows::More,
    })
}

/// Nothing more of `context` is wanted.
pub(super) fn cancel(context: &str) -> String {
    encode(&Cancel { context_id: context, cancel: true })
}

/// Versions are dates, so they sort as text.
fn voice(config: &CartesiaConfig) -> Voice<'_> {
    if config.version.as_str() >= PLAIN_VOICE_SINCE {
        Voice::Id(&config.voice)
    } else {
        Voice::Mode { mode: "id", id: &config.voice }
    }
}

/// Plain structs of text and numbers always encode.
fn encode(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::cartesia::CartesiaEncoding;
    use serde_json::{Value, json};

    fn config() -> CartesiaConfig {
        CartesiaConfig { voice: "6f1e2d3c".into(), ..CartesiaConfig::default() }
    }

    fn sent(config: &CartesiaConfig, transcript: &str, follows: Follows) -> Value {
        serde_json::from_str(&generation(config, "turn-17", transcript, follows)).expect("JSON")
    }

    #[test]
    fn a_clause_is_sent_verbatim_with_everything_the_context_needs() {
        let expected = json!({
            "context_id": "turn-17", "model_id": "sonic-3.5", "transcript": "Thanks for \"waiting\", ",
            "voice": "6f1e2d3c", "language": "en", "add_timestamps": true, "max_buffer_delay_ms": 0, "continue": true,
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000},
        });
        assert_eq!(sent(&config(), "Thanks for \"waiting\", ", Follows::More), expected);
    }

    #[test]
    fn the_end_of_a_context_says_the_same_with_no_text() {
        let mut expected = sent(&config(), "A.", Follows::More);
        expected["transcript"] = json!("");
        expected["continue"] = json!(false);
        assert_eq!(sent(&config(), "", Follows::Nothing), expected);
    }

    #[test]
    fn the_version_decides_how_the_voice_is_written() {
        for (version, voice) in [
            ("2025-04-16", json!({"mode": "id", "id": "6f1e2d3c"})),
            ("2026-03-01", json!({"mode": "id", "id": "6f1e2d3c"})),
            ("2026-08-14", json!("6f1e2d3c")),
            ("2027-01-01", json!("6f1e2d3c")),
        ] {
            let config = CartesiaConfig { version: version.into(), ..config() };
            assert_eq!(sent(&config, "A.", Follows::More)["voice"], voice, "{version}");
        }
    }

    #[test]
    fn manner_and_format_are_sent_where_they_are_set() {
        let config = CartesiaConfig {
            speed: Some(1.25),
            emotion: Some("calm".into()),
            encoding: CartesiaEncoding::PcmAlaw,
            sample_rate: 8_000,
            ..config()
        };
        let sent = sent(&config, "A.", Follows::More);
        assert_eq!(sent["generation_config"], json!({"speed": 1.25, "emotion": "calm"}));
        assert_eq!(sent["output_format"], json!({"container": "raw", "encoding": "pcm_alaw", "sample_rate": 8000}));
    }

    #[test]
    fn a_cancel_names_its_context_alone() {
        assert_eq!(cancel("turn-17"), r#"{"context_id":"turn-17","cancel":true}"#);
    }
}

//! What is said to ElevenLabs.
//!
//! Invariant: the settings of a voice go only with the message that opens a context; the key goes with none.

use super::config::ElevenLabsConfig;
use serde::Serialize;

/// A sign of life while no context is open.
pub(super) const KEEP_SOCKET: &str = r#"{"text":""}"#;
/// The last message: contexts are spoken to their ends, then ElevenLabs closes.
pub(super) const CLOSE_SOCKET: &str = r#"{"close_socket":true}"#;

#[derive(Serialize)]
struct Open<'a> {
    context_id: &'a str,
    text: &'static str,
    #[serde(skip_serializing_if = "VoiceSettings::is_empty")]
    voice_settings: VoiceSettings,
}

#[derive(Serialize)]
struct VoiceSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    stability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    similarity_boost: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    style: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f32>,
}

impl VoiceSettings {
    fn is_empty(&self) -> bool {
        [self.stability, self.similarity_boost, self.style, self.speed].iter().all(Option::is_none)
    }
}

#[derive(Serialize)]
struct Text<'a> {
    context_id: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    flush: Option<bool>,
}

#[derive(Serialize)]
struct Close<'a> {
    context_id: &'a str,
    close_context: bool,
}

/// Opens a context; the single space is demanded.
pub(super) fn open(config: &ElevenLabsConfig, context: &str) -> String {
    let voice_settings = VoiceSettings {
        stability: config.stability,
        similarity_boost: config.similarity_boost,
        style: config.style,
        speed: config.speed,
    };
    encode(&Open { context_id: context, text: " ", voice_settings })
}

/// Speaks `clause` at once, however short. It is to end with a space.
pub(super) fn speak(context: &str, clause: &str) -> String {
    let text = if clause.ends_with(char::is_whitespace) { clause.to_owned() } else { format!("{clause} ") };
    encode(&Text { context_id: context, text: &text, flush: Some(true) })
}

/// A sign of life of a context that is open.
pub(super) fn keep(context: &str) -> String {
    encode(&Text { context_id: context, text: "", flush: None })
}

/// No text follows, or none is wanted.
pub(super) fn close(context: &str) -> String {
    encode(&Close { context_id: context, close_context: true })
}

/// Plain structs of text and numbers always encode.
fn encode(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sent(message: &str) -> Value {
        serde_json::from_str(message).expect("JSON")
    }

    #[test]
    fn a_context_opens_with_its_settings_and_a_space() {
        let config = ElevenLabsConfig { stability: Some(0.5), speed: Some(1.0), ..ElevenLabsConfig::default() };
        let expected = json!({"context_id": "t5", "text": " ", "voice_settings": {"stability": 0.5, "speed": 1.0}});
        assert_eq!(sent(&open(&config, "t5")), expected);
        assert_eq!(sent(&open(&ElevenLabsConfig::default(), "t5")), json!({"context_id": "t5", "text": " "}));
    }

    #[test]
    fn a_clause_ends_with_a_space_and_is_spoken_at_once() {
        let expected = json!({"context_id": "t5", "text": "Say \"A\". ", "flush": true});
        assert_eq!((sent(&speak("t5", "Say \"A\". ")), sent(&speak("t5", "Say \"A\"."))), (expected.clone(), expected));
    }

    #[test]
    fn contexts_and_sockets_are_kept_and_closed() {
        assert_eq!(sent(&keep("t5")), json!({"context_id": "t5", "text": ""}));
        assert_eq!(sent(&close("t5")), json!({"context_id": "t5", "close_context": true}));
        assert_eq!((sent(KEEP_SOCKET), sent(CLOSE_SOCKET)), (json!({"text": ""}), json!({"close_socket": true})));
    }
}

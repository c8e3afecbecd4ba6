//! What is sent: the body of a request, and clauses cut to what one request takes.

use super::config::{SpeechConfig, SpeechFormat, refused};
use crate::provider::openai::extra::extra_fields;
use crate::stage::StageError;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;

/// The longest text of a request at OpenAI.
const MAX_INPUT_CHARS: usize = 4_096;
/// Fields that this engine writes.
const OWN_FIELDS: &[&str] = &["model", "voice", "input", "response_format", "stream_format"];

/// The fields that are the same for every request of a configuration.
///
/// # Errors
/// A configuration error that names a wrong `extra` field.
pub(super) fn settings(config: &SpeechConfig) -> Result<Map<String, Value>, StageError> {
    let voice = config.voice.trim();
    let voice = if voice.starts_with("voice_") { json!({"id": voice}) } else { json!(voice) };
    let format = match config.format {
        SpeechFormat::Pcm => "pcm",
        SpeechFormat::Wav => "wav",
    };
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    set("model", json!(config.model.trim()));
    set("voice", voice);
    set("response_format", json!(format));
    if let Some(instructions) = &config.instructions {
        set("instructions", json!(instructions));
    }
    if let Some(speed) = config.speed {
        set("speed", json!((f64::from(speed) * 1e4).round() / 1e4));
    }
    fields.extend(extra_fields(&config.extra, OWN_FIELDS).map_err(refused)?);
    Ok(fields)
}

/// The JSON of the request that speaks `text`.
pub(super) fn body(settings: &Map<String, Value>, text: &str) -> Vec<u8> {
    let mut fields = settings.clone();
    fields.insert("input".to_owned(), json!(text));
    Value::Object(fields).to_string().into_bytes()
}

/// What one request speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Nothing where there is nothing to say, and so nothing to ask for.
    pub(super) text: String,
    pub(super) ends_clause: bool,
}

/// The requests of a clause, cut at spaces where it is too long for one. There is at least one.
pub(super) fn pieces(clause: &str) -> VecDeque<Piece> {
    let (mut pieces, mut rest) = (VecDeque::new(), clause.trim());
    while let Some((hard_end, _)) = rest.char_indices().nth(MAX_INPUT_CHARS) {
        let fits = rest.get(..hard_end).unwrap_or_default();
        let end = fits.rfind(char::is_whitespace).filter(|end| *end > 0).unwrap_or(hard_end);
        pieces.push_back(piece(rest.get(..end).unwrap_or_default(), false));
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    pieces.push_back(piece(rest, true));
    pieces
}

/// Text without a letter or a digit is no speech, and servers refuse some of it.
fn piece(text: &str, ends_clause: bool) -> Piece {
    let text = if text.chars().any(char::is_alphanumeric) { text } else { "" };
    Piece { text: text.to_owned(), ends_clause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::net::ApiKey;
    use proptest::prelude::*;

    fn config() -> SpeechConfig {
        SpeechConfig::new(ApiKey::new("sk-1", "OPENAI_API_KEY"), "gpt-voice", "coral")
    }

    fn sent(config: &SpeechConfig, text: &str) -> Value {
        serde_json::from_slice(&body(&settings(config).unwrap(), text)).unwrap()
    }

    #[test]
    fn only_what_is_configured_is_sent() {
        assert_eq!(
            sent(&config(), "Hello \"you\"."),
            json!({"model": "gpt-voice", "voice": "coral", "response_format": "pcm", "input": "Hello \"you\"."})
        );
        let all = SpeechConfig {
            voice: "voice_77".to_owned(),
            instructions: Some("Calmly.".to_owned()),
            speed: Some(1.1),
            format: SpeechFormat::Wav,
            extra: [("lang_code".to_owned(), "\"e\"".to_owned())].into(),
            ..config()
        };
        assert_eq!(
            sent(&all, "Hi"),
            json!({"model": "gpt-voice", "voice": {"id": "voice_77"}, "response_format": "wav", "input": "Hi",
                "instructions": "Calmly.", "speed": 1.1, "lang_code": "e"})
        );
    }

    #[test]
    fn a_field_of_our_own_cannot_be_set_besides() {
        let config = SpeechConfig { extra: [("input".to_owned(), "\"x\"".to_owned())].into(), ..config() };
        assert!(settings(&config).unwrap_err().to_string().contains("extra.input"));
    }

    #[test]
    fn a_clause_is_one_request_unless_it_is_too_long() {
        let one = |text: &str| VecDeque::from([Piece { text: text.to_owned(), ends_clause: true }]);
        assert_eq!(pieces(" Good evening. "), one("Good evening."));
        assert_eq!(pieces(" … "), one(""));
        assert_eq!(pieces(""), one(""));
        let words = "fünf ".repeat(2_000);
        let cut = pieces(&words);
        assert_eq!(cut.len(), 3);
        assert!(cut.iter().all(|piece| piece.text.starts_with("fünf") && piece.text.ends_with("fünf")));
        assert_eq!(cut.iter().filter(|piece| piece.ends_clause).count(), 1);
    }

    proptest! {
        #[test]
        fn no_letter_is_lost_and_no_piece_is_too_long(clause in "([a-zäß🙂]{1,3000} {0,2}){0,6}") {
            let cut = pieces(&clause);
            prop_assert!(cut.iter().all(|piece| piece.text.chars().count() <= MAX_INPUT_CHARS));
            let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            let spoken: String = cut.iter().map(|piece| letters(&piece.text)).collect();
            prop_assert_eq!(spoken, letters(&clause));
            prop_assert!(cut.back().is_some_and(|piece| piece.ends_clause));
        }
    }
}

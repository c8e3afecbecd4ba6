//! The messages of both sides.

use super::config::{Alignments, Spelling};
use crate::provider::fakes::encoding::{Encoding, Format};
use crate::provider::fakes::voice::SpokenWord;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A message of the client.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ClientMessage {
    pub(super) context: Option<String>,
    pub(super) text: Option<String>,
    pub(super) is_flush: bool,
    pub(super) closes_context: bool,
    pub(super) closes_socket: bool,
    pub(super) key: Option<String>,
    pub(super) schedule: Option<Vec<usize>>,
}

/// Reads a message of the client; else what is wrong with it.
pub(super) fn parse(text: &str) -> Result<ClientMessage, String> {
    let body: Value = serde_json::from_str(text).map_err(|error| format!("invalid JSON: {error}"))?;
    if !body.is_object() {
        return Err("a message is a JSON object".into());
    }
    let text_of = |name: &str| body[name].as_str().map(String::from);
    let flag = |name: &str| body[name].as_bool().unwrap_or(false);
    let schedule = match &body["generation_config"]["chunk_length_schedule"] {
        Value::Array(items) => Some(items.iter().map(schedule_item).collect::<Result<_, _>>()?),
        _ => None,
    };
    let speed = body["voice_settings"]["speed"].as_f64();
    if speed.is_some_and(|speed| !(0.7..=1.2).contains(&speed)) {
        return Err("voice_settings.speed must be from 0.7 to 1.2".into());
    }
    let bearer = text_of("authorization").map(|value| value.trim_start_matches("Bearer ").to_owned());
    Ok(ClientMessage {
        context: text_of("context_id"),
        text: text_of("text"),
        is_flush: flag("flush"),
        closes_context: flag("close_context"),
        closes_socket: flag("close_socket"),
        key: text_of("xi-api-key").or_else(|| text_of("xi_api_key")).or(bearer),
        schedule,
    })
}

fn schedule_item(item: &Value) -> Result<usize, String> {
    let fits = item.as_u64().filter(|length| (50..=500).contains(length));
    fits.map(|length| length as usize).ok_or_else(|| "chunk_length_schedule has items from 50 to 500".into())
}

/// The audio of an `output_format`, if this server speaks it.
pub(super) fn format_of(name: Option<&str>) -> Option<Format> {
    let format = |encoding, hz| Some(Format { encoding, hz });
    match name? {
        "pcm_8000" => format(Encoding::S16, 8_000),
        "pcm_16000" => format(Encoding::S16, 16_000),
        "pcm_22050" => format(Encoding::S16, 22_050),
        "pcm_24000" => format(Encoding::S16, 24_000),
        "pcm_44100" => format(Encoding::S16, 44_100),
        "ulaw_8000" => format(Encoding::MuLaw, 8_000),
        "alaw_8000" => format(Encoding::ALaw, 8_000),
        _ => None,
    }
}

/// Writes the server's messages in a spelling.
#[derive(Debug)]
pub(super) struct Speller {
    spelling: Spelling,
    alignments: Alignments,
    written: u32,
}

impl Speller {
    pub(super) fn new(spelling: Spelling, alignments: Alignments) -> Self {
        Self { spelling, alignments, written: 0 }
    }

    /// A piece of audio and the words in it, timed from its start.
    pub(super) fn audio(&mut self, context: &str, bytes: &[u8], words: &[SpokenWord]) -> String {
        let mut body = self.head(context);
        body.insert("audio".into(), json!(STANDARD.encode(bytes)));
        body.insert(self.name("isFinal", "is_final"), Value::Null);
        let alignment = match self.alignments {
            Alignments::Absent => return Value::Object(body).to_string(),
            Alignments::Given if !words.is_empty() => self.alignment(words),
            Alignments::Given | Alignments::Null => Value::Null,
        };
        body.insert(self.name("normalizedAlignment", "normalized_alignment"), alignment.clone());
        body.insert("alignment".into(), alignment);
        Value::Object(body).to_string()
    }

    /// The end of a context.
    pub(super) fn last(&mut self, context: &str) -> String {
        let mut body = self.head(context);
        body.insert(self.name("isFinal", "is_final"), json!(true));
        Value::Object(body).to_string()
    }

    fn head(&mut self, context: &str) -> Map<String, Value> {
        self.written += 1;
        Map::from_iter([(self.name("contextId", "context_id"), json!(context))])
    }

    fn name(&self, camel: &str, snake: &str) -> String {
        let is_snake = match self.spelling {
            Spelling::Camel => false,
            Spelling::Snake => true,
            Spelling::Mixed => self.written.is_multiple_of(2),
        };
        if is_snake { snake.into() } else { camel.into() }
    }

    fn alignment(&self, words: &[SpokenWord]) -> Value {
        let (mut chars, mut starts, mut durations) = (Vec::new(), Vec::new(), Vec::new());
        for word in words {
            let count = word.text.chars().count().max(1) as u32;
            let each = word.end.saturating_sub(word.start) / count;
            for (n, character) in (0u32..).zip(word.text.chars()) {
                chars.push(character.to_string());
                starts.push((word.start + each * n).as_millis() as u64);
                durations.push(each.as_millis() as u64);
            }
        }
        let third = self.spelling == Spelling::Mixed && self.written.is_multiple_of(3);
        let (starts_name, durations_name) = match third {
            true => ("charsStartTimesMs".to_owned(), "charsDurationsMs".to_owned()),
            false => (
                self.name("charStartTimesMs", "char_start_times_ms"),
                self.name("charDurationsMs", "char_durations_ms"),
            ),
        };
        Value::Object(Map::from_iter([
            ("chars".to_owned(), json!(chars)),
            (starts_name, json!(starts)),
            (durations_name, json!(durations)),
        ]))
    }
}

/// A word and the space behind it, as the vendor aligns it.
pub(super) fn spaced(word: &SpokenWord) -> SpokenWord {
    SpokenWord { text: format!("{} ", word.text), ..word.clone() }
}

/// A word with its times from `start` on.
pub(super) fn from(word: &SpokenWord, start: Duration) -> SpokenWord {
    SpokenWord { text: word.text.clone(), start: word.start.saturating_sub(start), end: word.end.saturating_sub(start) }
}

/// An error: the socket closes after it.
pub(super) fn error(name: &str, said: &str) -> String {
    json!({ "error": name, "code": 1008, "message": said }).to_string()
}

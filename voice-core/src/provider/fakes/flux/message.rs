//! What the service says, as JSON. The number of a message is its last key.

use super::query::Settings;
use super::turns::{Event, Trigger, TurnInfo};
use crate::provider::fakes::ear::Word;
use serde::Serialize;

/// What a message may hold or lack.
#[derive(Clone, Debug)]
pub(super) struct Optional {
    pub(super) trigger: bool,
    /// The languages to tell, on a multilingual stream.
    pub(super) languages: Option<Languages>,
    pub(super) word_times: bool,
}

/// The languages of a stream.
#[derive(Clone, Debug)]
pub(super) struct Languages {
    pub(super) hinted: Vec<String>,
}

/// Writes messages with their numbers.
pub(super) struct Writer {
    request_id: String,
    next: u64,
    /// How much the number grows from message to message; the vendor's is 1.
    step: u64,
}

#[derive(Serialize)]
struct Numbered<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(flatten)]
    content: T,
    sequence_id: u64,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct TurnJson {
    event: Event,
    turn_index: u32,
    audio_window_start: f32,
    audio_window_end: f32,
    transcript: String,
    words: Vec<WordJson>,
    end_of_turn_confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<Trigger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    languages: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    languages_hinted: Option<Vec<String>>,
}

#[derive(Serialize)]
struct WordJson {
    word: String,
    confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<f32>,
}

#[derive(Serialize)]
struct SettingsJson<'a> {
    thresholds: ThresholdsJson,
    keyterms: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    language_hints: &'a [String],
    profanity_filter: bool,
    numerals: bool,
}

#[derive(Serialize)]
struct ThresholdsJson {
    eot_threshold: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    eager_eot_threshold: Option<f64>,
    eot_timeout_ms: u64,
}

#[derive(Serialize)]
struct Coded<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl Writer {
    pub(super) fn new(request_id: &str, step: u64) -> Self {
        Self { request_id: request_id.to_owned(), next: 0, step }
    }

    pub(super) fn connected(&mut self) -> String {
        self.write("Connected", Empty {})
    }

    pub(super) fn turn_info(&mut self, info: &TurnInfo, optional: &Optional) -> String {
        let languages = optional.languages.as_ref();
        let spoken = |languages: &Languages| languages.hinted.first().cloned().unwrap_or_else(|| "en".into());
        let word = |word: &Word| WordJson {
            word: word.text.clone(),
            confidence: 0.9912,
            start: optional.word_times.then(|| seconds(word.start_ms)),
            end: optional.word_times.then(|| seconds(word.end_ms)),
        };
        let content = TurnJson {
            event: info.event,
            turn_index: info.turn,
            audio_window_start: seconds(info.window_ms.0),
            audio_window_end: seconds(info.window_ms.1),
            transcript: info.transcript(),
            words: info.words.iter().map(word).collect(),
            end_of_turn_confidence: info.confidence,
            trigger: info.trigger.filter(|_| optional.trigger),
            languages: languages.filter(|_| !info.words.is_empty()).map(|languages| vec![spoken(languages)]),
            languages_hinted: languages.map(|languages| languages.hinted.clone()),
        };
        self.write("TurnInfo", content)
    }

    pub(super) fn configured(&mut self, settings: &Settings) -> String {
        let thresholds = ThresholdsJson {
            eot_threshold: settings.thresholds.eot,
            eager_eot_threshold: settings.thresholds.eager,
            eot_timeout_ms: settings.thresholds.timeout_ms,
        };
        let content = SettingsJson {
            thresholds,
            keyterms: &settings.keyterms,
            language_hints: &settings.language_hints,
            profanity_filter: settings.profanity_filter,
            numerals: settings.numerals,
        };
        self.write("ConfigureSuccess", content)
    }

    /// A failure with or without its reason.
    pub(super) fn not_configured(&mut self, reason: Option<(&str, &str)>) -> String {
        let (code, description) = reason.unzip();
        self.write("ConfigureFailure", Coded { code, description })
    }

    pub(super) fn warning(&mut self, code: &str, description: &str) -> String {
        self.write("Warning", Coded { code: Some(code), description: Some(description) })
    }

    pub(super) fn error(&mut self, code: &str, description: &str) -> String {
        let content = Coded { code: Some(code), description: Some(description) };
        let request_id = std::mem::take(&mut self.request_id);
        let written = self.numbered("Error", None, content);
        self.request_id = request_id;
        written
    }

    fn write(&mut self, kind: &'static str, content: impl Serialize) -> String {
        let request_id = std::mem::take(&mut self.request_id);
        let written = self.numbered(kind, Some(&request_id), content);
        self.request_id = request_id;
        written
    }

    fn numbered(&mut self, kind: &'static str, request_id: Option<&str>, content: impl Serialize) -> String {
        let numbered = Numbered { kind, request_id, content, sequence_id: self.next };
        self.next += self.step;
        // Strings, numbers and lists of them: writing them cannot fail.
        serde_json::to_string(&numbered).unwrap_or_default()
    }
}

/// Seconds in single precision, every other step of 80 ms with the noise that the vendor's arithmetic leaves.
fn seconds(ms: u64) -> f32 {
    let seconds = ms as f32 / 1_000.0;
    if (ms / 80).is_multiple_of(2) { seconds } else { seconds.next_up() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn info() -> TurnInfo {
        TurnInfo {
            event: Event::EndOfTurn,
            turn: 2,
            window_ms: (0, 1_680),
            words: vec![Word { text: "Yes.".into(), start_ms: 800, end_ms: 1_040 }],
            confidence: 0.8314,
            trigger: Some(Trigger::Model),
        }
    }

    #[test]
    fn a_turn_has_the_vendors_fields_and_the_noise_of_single_precision() {
        let mut writer = Writer::new("id", 1);
        let optional = Optional { trigger: true, languages: Some(Languages { hinted: vec![] }), word_times: true };
        writer.connected();
        let text = writer.turn_info(&info(), &optional);
        assert!(text.contains("\"audio_window_end\":1.6800001"), "{text}");
        assert!(text.ends_with("\"sequence_id\":1}"), "{text}");
        let json: Value = serde_json::from_str(&text).unwrap();
        let expected = json!(["TurnInfo", "id", "EndOfTurn", 2, "Yes.", "model", ["en"], []]);
        let keys =
            ["type", "request_id", "event", "turn_index", "transcript", "trigger", "languages", "languages_hinted"];
        assert_eq!(Value::from_iter(keys.map(|key| json[key].clone())), expected);
    }

    #[test]
    fn what_is_optional_can_be_missing_and_numbers_can_jump() {
        let mut writer = Writer::new("id", 3);
        let optional = Optional { trigger: false, languages: None, word_times: false };
        let json: Value = serde_json::from_str(&writer.turn_info(&info(), &optional)).unwrap();
        for key in ["trigger", "languages", "languages_hinted"] {
            assert!(json.get(key).is_none(), "{key}");
        }
        assert_eq!(json["words"], json!([{"word": "Yes.", "confidence": 0.9912}]));
        let error: Value = serde_json::from_str(&writer.error("CODE", "text")).unwrap();
        assert_eq!(error, json!({"type": "Error", "code": "CODE", "description": "text", "sequence_id": 3}));
    }
}

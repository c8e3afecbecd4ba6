//! What is said to Flux: settings to text.

use crate::stage::SttHints;
use serde::Serialize;

/// Ends the turn that is under way. Where a deployment lacks it, it ends the stream.
pub(super) const FORCE_END_TURN: &str = r#"{"type":"ForceEndTurn"}"#;

/// Who may be told which languages to expect: only the model of several languages; another refuses the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Languages {
    One,
    Several,
}

#[derive(Serialize)]
struct Configure<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Thresholds::is_empty")]
    thresholds: Thresholds,
    #[serde(skip_serializing_if = "Option::is_none")]
    keyterms: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language_hints: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Thresholds {
    #[serde(skip_serializing_if = "Option::is_none")]
    eager_eot_threshold: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eot_threshold: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eot_timeout_ms: Option<u64>,
}

impl Thresholds {
    fn is_empty(&self) -> bool {
        self.eager_eot_threshold.is_none() && self.eot_threshold.is_none() && self.eot_timeout_ms.is_none()
    }
}

/// The message that changes the stream to `hints`; none where nothing of them is Flux's.
pub(super) fn configure(hints: &SttHints, languages: Languages) -> Option<String> {
    let message = Configure {
        kind: "Configure",
        thresholds: Thresholds {
            eager_eot_threshold: hints.eager_eot_threshold,
            eot_threshold: hints.eot_threshold,
            eot_timeout_ms: hints.eot_timeout_ms,
        },
        keyterms: hints.keyterms.as_deref(),
        language_hints: hints.languages.as_deref().filter(|_| languages == Languages::Several),
    };
    let says_nothing = message.thresholds.is_empty() && message.keyterms.is_none() && message.language_hints.is_none();
    if says_nothing { None } else { serde_json::to_string(&message).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_said() {
        let terms = |terms: &[&str]| Some(terms.iter().map(|term| (*term).to_owned()).collect::<Vec<_>>());
        let all = SttHints {
            keyterms: terms(&["Wexford", "order \"number\""]),
            languages: terms(&["en", "fr"]),
            eot_threshold: Some(0.75),
            eager_eot_threshold: Some(0.45),
            eot_timeout_ms: Some(4_500),
        };
        let thresholds = r#""thresholds":{"eager_eot_threshold":0.45,"eot_threshold":0.75,"eot_timeout_ms":4500}"#;
        let keyterms = r#""keyterms":["Wexford","order \"number\""]"#;
        let whole = format!(r#"{{"type":"Configure",{thresholds},{keyterms},"language_hints":["en","fr"]}}"#);
        assert_eq!(configure(&all, Languages::Several), Some(whole));
        let english = format!(r#"{{"type":"Configure",{thresholds},{keyterms}}}"#);
        assert_eq!(configure(&all, Languages::One), Some(english));
        let cleared = SttHints { keyterms: terms(&[]), ..SttHints::default() };
        assert_eq!(configure(&cleared, Languages::One).unwrap(), r#"{"type":"Configure","keyterms":[]}"#);
    }

    #[test]
    fn nothing_to_change_is_no_message() {
        assert_eq!(configure(&SttHints::default(), Languages::Several), None);
        let languages = SttHints { languages: Some(vec!["en".to_owned()]), ..SttHints::default() };
        assert_eq!(configure(&languages, Languages::One), None);
    }
}

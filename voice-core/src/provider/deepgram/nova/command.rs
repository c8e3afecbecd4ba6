//! What is said to Nova: settings to text.

use crate::stage::SttHints;
use serde::Serialize;

/// Makes the words so far final.
pub(super) const FINALIZE: &str = r#"{"type":"Finalize"}"#;
/// Keeps the stream open while no audio comes; Nova closes it after ten seconds.
pub(super) const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;

#[derive(Serialize)]
struct Configure<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    keyterms: &'a [String],
}

/// The message that changes the stream to `hints`; none where nothing of them is Nova's.
pub(super) fn configure(hints: &SttHints) -> Option<String> {
    let keyterms = hints.keyterms.as_deref()?;
    serde_json::to_string(&Configure { kind: "Configure", keyterms }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keyterms_are_changed() {
        let hints = SttHints { eot_timeout_ms: Some(900), languages: Some(Vec::new()), ..SttHints::default() };
        assert_eq!(configure(&hints), None);
        let hints = SttHints { keyterms: Some(vec!["Wexford".to_owned()]), ..hints };
        assert_eq!(configure(&hints).unwrap(), r#"{"type":"Configure","keyterms":["Wexford"]}"#);
        let cleared = SttHints { keyterms: Some(Vec::new()), ..SttHints::default() };
        assert_eq!(configure(&cleared).unwrap(), r#"{"type":"Configure","keyterms":[]}"#);
    }
}

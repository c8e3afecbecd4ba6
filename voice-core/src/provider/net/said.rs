//! What a vendor said of an error: out of its body, fit to be shown.
//!
//! Invariant: no key, no control character, no more than [`SAID_CHARS`] characters.

use super::ApiKey;
use serde_json::Value;

/// How much of a vendor's words is kept.
pub(super) const SAID_CHARS: usize = 300;

/// The message of an error out of the usual JSON bodies (`err_msg`, `description`, `error.message`, `error`, `message`,
/// `detail`), else the text as it is. A page of HTML says nothing: it is a proxy's, not the vendor's. It still needs
/// scrubbing, which [`Vendor`](super::Vendor) does.
pub(crate) fn said_in(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('<') {
        return String::new();
    }
    let message = serde_json::from_str::<Value>(text).ok().and_then(|body| message_in(&body));
    message.unwrap_or_else(|| text.to_owned())
}

/// The first of the usual fields that holds words.
fn message_in(body: &Value) -> Option<String> {
    match body {
        Value::String(words) if !words.trim().is_empty() => Some(words.clone()),
        Value::Array(all) => all.iter().find_map(message_in),
        Value::Object(fields) => {
            const FIELDS: [&str; 7] = ["err_msg", "description", "error", "message", "detail", "msg", "title"];
            FIELDS.iter().find_map(|field| message_in(fields.get(*field)?))
        }
        _ => None,
    }
}

/// `text` fit for an error: without the key, without control characters, cut.
pub(super) fn scrub(text: &str, key: Option<&ApiKey>) -> String {
    cut(&without_key(text, key), SAID_CHARS)
}

/// `text` on one line, with `[key]` wherever it holds the key.
pub(super) fn without_key(text: &str, key: Option<&ApiKey>) -> String {
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    match key.map(ApiKey::expose).filter(|secret| !secret.is_empty()) {
        Some(secret) => line.replace(secret, "[key]"),
        None => line,
    }
}

fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendors_body_gives_its_message() {
        for body in [
            r#"{"err_code":"INVALID","err_msg":"no such model","request_id":"1"}"#,
            r#"{"code":"INVALID_PARAMETER","description":"no such model"}"#,
            r#"{"error":{"message":"no such model","type":"invalid"}}"#,
            r#"{"error":"no such model"}"#,
            r#"{"title":"Not found","message":"no such model","error_code":null}"#,
            r#"{"detail":{"status":"x","message":"no such model"}}"#,
            r#"{"detail":[{"loc":["body"],"msg":"no such model"}]}"#,
            r#"{"detail":"no such model"}"#,
            "no such model\n",
        ] {
            assert_eq!(said_in(body.as_bytes()), "no such model", "{body}");
        }
    }

    #[test]
    fn html_says_nothing() {
        assert_eq!(said_in(b"\xef\xbb\xbf \n<!DOCTYPE html><h1>502</h1>"), "");
        assert_eq!(said_in(b"<html>"), "");
    }

    #[test]
    fn an_unknown_or_broken_body_is_shown_as_it_is() {
        assert_eq!(said_in(br#"{"code":7}"#), r#"{"code":7}"#);
        assert_eq!(said_in(br#"{"error":{"message":"cut"#), r#"{"error":{"message":"cut"#);
        assert_eq!(said_in(b""), "");
        assert_eq!(said_in(b"\xff\xfe"), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn what_is_shown_has_no_key_no_control_characters_and_an_end() {
        let key = ApiKey::new("sk-secret", "A_KEY");
        let said = scrub("bad\u{1b}[31m key\r\nsk-secret and sk-secretsk-secret", Some(&key));
        assert_eq!(said, "bad [31m key [key] and [key][key]");
        assert_eq!(scrub(&"ä".repeat(1000), Some(&key)).chars().count(), SAID_CHARS + 1);
    }

    #[test]
    fn a_key_at_the_cut_is_not_shown_in_half() {
        let key = ApiKey::new("sk-secret", "A_KEY");
        let said = scrub(&format!("{}sk-secret", "x".repeat(SAID_CHARS - 4)), Some(&key));
        assert!(!said.contains("sk-"), "{said}");
    }

    #[test]
    fn an_empty_key_scrubs_nothing() {
        assert_eq!(scrub("words", Some(&ApiKey::new(" ", "A_KEY"))), "words");
    }
}

//! What both protocols' messages have in common.

use serde::Deserialize;
use std::borrow::Cow;

/// A text that is not of the protocol: what is wrong with it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Garbled(String);

/// What a message is; empty where it does not say.
#[derive(Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Cow<'a, str>,
}

/// What a failure, a warning or an error says. The names of the fields differ between versions; none is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Notice {
    pub(super) code: Option<String>,
    variant: Option<String>,
    description: Option<String>,
}

impl Notice {
    /// One line of it.
    pub(super) fn said(&self) -> String {
        let named = [&self.variant, &self.code].into_iter().flatten().chain(&self.description);
        let parts: Vec<&str> = named.map(String::as_str).collect();
        if parts.is_empty() { "no reason given".to_owned() } else { parts.join(": ") }
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// Reads `text`, a JSON object, as a `T`; fields `T` does not know are passed over.
pub(super) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Garbled> {
    if !text.trim_start().starts_with('{') {
        return Err(Garbled("no JSON object".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| Garbled(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_tells_what_it_has() {
        let said = |text| read::<Notice>(text).unwrap().said();
        assert_eq!(said("{}"), "no reason given");
        assert_eq!(said(r#"{"code":null,"description":"eager above end"}"#), "eager above end");
        assert_eq!(
            said(r#"{"code":"INVALID_THRESHOLD","description":"eager above end"}"#),
            "INVALID_THRESHOLD: eager above end"
        );
        assert_eq!(
            said(r#"{"variant":"SchemaError","description":"unparsable","message":"{}"}"#),
            "SchemaError: unparsable"
        );
    }
}

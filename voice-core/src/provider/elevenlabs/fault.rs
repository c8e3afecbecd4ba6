//! What ElevenLabs' errors mean. Its codes are words and not all are documented, so words are looked for.

use super::message::VendorError;
use crate::provider::net::{Refusal, Vendor};
use crate::stage::{Fault, StageError};

enum Meaning {
    Overload,
    Key,
    Credit,
    Setting(&'static str),
}

/// Words of an error and what they mean; the first that fits counts.
const MEANINGS: [(&[&str], Meaning); 8] = [
    (&["too_many", "concurrent", "rate_limit", "busy", "429"], Meaning::Overload),
    (&["api_key", "api key", "unauthori", "authenticat", "permission", "401", "403"], Meaning::Key),
    (&["quota", "credit", "payment", "402"], Meaning::Credit),
    (&["voice"], Meaning::Setting("voice")),
    (&["model"], Meaning::Setting("model")),
    (&["output_format", "output format", "subscription"], Meaning::Setting("format")),
    (&["language"], Meaning::Setting("language")),
    (&["inactivity_timeout"], Meaning::Setting("inactivity_timeout_s")),
];

/// Words of errors that nobody's setting is to blame for, whatever else they say: a model that broke down, a socket that
/// was silent for too long.
const NOBODYS: [&str; 4] = ["input_timeout", "internal_error", "internal server error", "server_error"];

/// Says who can mend it and how.
pub(super) fn classify(vendor: &Vendor, error: &VendorError) -> StageError {
    let said = described(error);
    let words = said.to_lowercase();
    let is_nobodys = NOBODYS.iter().any(|word| words.contains(word));
    match meaning(&words).filter(|_| !is_nobodys) {
        Some(Meaning::Overload) => {
            vendor.failed(Fault::Overload, &format!("{said}; try later or raise the plan's limit"))
        }
        Some(Meaning::Key) => vendor.refused(Refusal { status: 401, request_id: None, said: &said }),
        Some(Meaning::Credit) => {
            vendor.failed(Fault::Configuration, &format!("{said}; the account has no credit left: add some"))
        }
        Some(Meaning::Setting(setting)) => {
            vendor.failed(Fault::Configuration, &format!("{said}; check `{setting}` of its configuration"))
        }
        None => vendor.failed(Fault::Engine, &said),
    }
}

fn meaning(words: &str) -> Option<&'static Meaning> {
    MEANINGS.iter().find(|(any, _)| any.iter().any(|word| words.contains(word))).map(|(_, meaning)| meaning)
}

/// What it said, with its codes.
fn described(error: &VendorError) -> String {
    let codes: Vec<&str> = error.codes.iter().map(String::as_str).filter(|code| *code != error.said).collect();
    let said = if error.said.is_empty() { "it reported an error" } else { error.said.as_str() };
    if codes.is_empty() { said.to_owned() } else { format!("{said} ({})", codes.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::ApiKey;

    #[test]
    fn errors_are_classed_and_name_what_mends_them() {
        let key = Some(ApiKey::new("sk-secret", "ELEVENLABS_API_KEY"));
        let vendor = Vendor { name: "ElevenLabs", key, url_setting: "ELEVENLABS_URL" };
        for (code, said, fault, names) in [
            ("too_many_concurrent_requests", "limit", Fault::Overload, "raise the plan's limit"),
            ("invalid_api_key", "bad key sk-secret", Fault::Configuration, "ELEVENLABS_API_KEY"),
            ("1008", "Invalid API key", Fault::Configuration, "ELEVENLABS_API_KEY"),
            ("quota_exceeded", "", Fault::Configuration, "credit"),
            ("voice_not_found", "", Fault::Configuration, "`voice`"),
            ("model_not_found", "", Fault::Configuration, "`model`"),
            ("output_format_not_allowed", "", Fault::Configuration, "`format`"),
            (
                "input_timeout_exceeded",
                "no input for 20 s",
                Fault::Engine,
                "no input for 20 s (input_timeout_exceeded)",
            ),
            ("internal_error", "oops", Fault::Engine, "oops"),
            ("internal_error", "the model failed", Fault::Engine, "the model failed"),
        ] {
            let classed = classify(&vendor, &VendorError { codes: vec![code.into()], said: said.into() });
            assert_eq!(classed.fault(), fault, "{classed}");
            assert!(classed.to_string().contains(names) && !classed.to_string().contains("sk-secret"), "{classed}");
        }
    }
}

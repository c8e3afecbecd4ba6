//! What Cartesia's errors mean.

use super::message::VendorError;
use crate::provider::net::{Refusal, Vendor};
use crate::stage::{Fault, StageError};

/// The settings an error may be about, and the words it then has.
const SETTINGS: [(&str, &[&str]); 5] = [
    ("model", &["model"]),
    ("voice", &["voice"]),
    ("language", &["language", "locale"]),
    ("sample_rate", &["sample_rate", "sample rate"]),
    ("version", &["version"]),
];

/// Says who can mend it and how.
pub(super) fn classify(vendor: &Vendor, error: &VendorError) -> StageError {
    let said = described(error);
    match (error.code.as_deref(), error.status) {
        (Some("concurrency_limited"), _) | (_, Some(429)) => {
            vendor.failed(Fault::Overload, &format!("{said}; try later or raise the plan's limit"))
        }
        (Some("quota_exceeded"), _) | (_, Some(402)) => {
            vendor.failed(Fault::Configuration, &format!("{said}; the account has no credit left: add some"))
        }
        (Some("model_not_found"), _) => misconfigured(vendor, &said, "model"),
        (_, Some(status @ (401 | 403))) => {
            vendor.refused(Refusal { status, request_id: error.request_id.as_deref(), said: &error.said })
        }
        (_, Some(408 | 409 | 424 | 425 | 499)) => vendor.failed(Fault::Engine, &said),
        (_, Some(400..=498)) => match setting_in(&error.said) {
            Some(setting) => misconfigured(vendor, &said, setting),
            None => vendor.failed(Fault::Configuration, &said),
        },
        _ => vendor.failed(Fault::Engine, &said),
    }
}

/// Whether the vendor may have forgotten a context that it knew before. It has no code for that: what had been accepted
/// is now refused, for no other known reason.
pub(super) fn may_be_forgotten(error: &VendorError) -> bool {
    let other_reason =
        matches!(error.code.as_deref(), Some("concurrency_limited" | "quota_exceeded" | "model_not_found"));
    let refused = match error.status {
        Some(status) => (400..500).contains(&status) && !matches!(status, 401 | 402 | 403 | 429),
        None => error.said.to_lowercase().contains("context"),
    };
    refused && !other_reason
}

fn misconfigured(vendor: &Vendor, said: &str, setting: &str) -> StageError {
    vendor.failed(Fault::Configuration, &format!("{said}; check `{setting}` of its configuration"))
}

fn setting_in(said: &str) -> Option<&'static str> {
    let said = said.to_lowercase();
    SETTINGS.iter().find(|(_, words)| words.iter().any(|word| said.contains(word))).map(|(setting, _)| *setting)
}

/// What it said, with its code and status.
fn described(error: &VendorError) -> String {
    let said = if error.said.is_empty() { "it reported an error" } else { error.said.as_str() };
    let marks = [error.code.clone(), error.status.map(|status| status.to_string())];
    let marks: Vec<String> = marks.into_iter().flatten().collect();
    if marks.is_empty() { said.to_owned() } else { format!("{said} ({})", marks.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::ApiKey;

    fn vendor() -> Vendor {
        let key = Some(ApiKey::new("sk-secret", "CARTESIA_API_KEY"));
        Vendor { name: "Cartesia", key, url_setting: "CARTESIA_URL" }
    }

    fn error(status: Option<u16>, code: Option<&str>, said: &str) -> VendorError {
        VendorError { status, code: code.map(str::to_owned), said: said.into(), request_id: None }
    }

    #[test]
    fn errors_are_classed_and_name_what_mends_them() {
        for (vendor_error, fault, names) in [
            (
                error(Some(429), Some("concurrency_limited"), "Too many: limit"),
                Fault::Overload,
                "raise the plan's limit",
            ),
            (error(None, Some("quota_exceeded"), "No credits"), Fault::Configuration, "credit"),
            (error(Some(402), None, ""), Fault::Configuration, "credit"),
            (error(Some(404), Some("model_not_found"), "Unknown"), Fault::Configuration, "`model`"),
            (error(Some(404), None, "Invalid voice: no such id"), Fault::Configuration, "`voice`"),
            (error(Some(400), None, "bad request"), Fault::Configuration, "bad request (400)"),
            (error(Some(401), None, "bad key sk-secret"), Fault::Configuration, "CARTESIA_API_KEY"),
            (error(Some(500), None, "the model crashed"), Fault::Engine, "the model crashed (500)"),
            (error(None, None, ""), Fault::Engine, "it reported an error"),
        ] {
            let classed = classify(&vendor(), &vendor_error);
            assert_eq!(classed.fault(), fault, "{classed}");
            assert!(classed.to_string().contains(names) && !classed.to_string().contains("sk-secret"), "{classed}");
        }
    }

    #[test]
    fn a_forgotten_context_is_told_from_other_refusals() {
        assert!(may_be_forgotten(&error(Some(400), None, "context expired")));
        assert!(may_be_forgotten(&error(Some(404), None, "not found")));
        assert!(may_be_forgotten(&error(None, None, "Unknown context")));
        for other in [
            error(Some(429), None, "limit"),
            error(Some(401), None, "key"),
            error(Some(500), None, "context"),
            error(Some(404), Some("model_not_found"), ""),
            error(None, None, "oops"),
        ] {
            assert!(!may_be_forgotten(&other), "{other:?}");
        }
    }
}

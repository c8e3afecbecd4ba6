//! What a stream is asked to be: the query, checked as the vendor checks it, and later changes.

use crate::provider::fakes::deepgram::{Decoder, flag, number};
use crate::provider::fakes::visit::Head;
use serde::Deserialize;

const MODELS: [&str; 2] = ["flux-general-en", "flux-general-multi"];
const RATES: [u32; 5] = [8_000, 16_000, 24_000, 44_100, 48_000];
const LANGUAGES: [&str; 10] = ["en", "es", "fr", "de", "hi", "ru", "pt", "ja", "it", "nl"];
const MAX_KEYTERMS: usize = 100;
const PARAMETERS: [&str; 13] = [
    "model",
    "encoding",
    "sample_rate",
    "eot_threshold",
    "eager_eot_threshold",
    "eot_timeout_ms",
    "keyterm",
    "language_hint",
    "profanity_filter",
    "numerals",
    "redact",
    "mip_opt_out",
    "tag",
];

/// When a turn is over. 1.0 as `eot` switches ends by confidence off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thresholds {
    pub(super) eot: f64,
    pub(super) eager: Option<f64>,
    pub(super) timeout_ms: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { eot: 0.7, eager: None, timeout_ms: 5_000 }
    }
}

impl Thresholds {
    fn check(self) -> Result<Self, String> {
        let within = |name: &str, value: f64, low: f64, high: f64| {
            let is_within = (low..=high).contains(&value);
            is_within.then_some(()).ok_or_else(|| format!("{name} must be from {low} to {high}, not {value}"))
        };
        within("eot_threshold", self.eot, 0.5, 1.0)?;
        within("eot_timeout_ms", self.timeout_ms as f64, 500.0, 60_000.0)?;
        if let Some(eager) = self.eager {
            within("eager_eot_threshold", eager, 0.3, 0.9)?;
            if eager > self.eot {
                return Err("eager_eot_threshold must not be above eot_threshold".into());
            }
        }
        Ok(self)
    }
}

/// What a stream is asked to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) is_multilingual: bool,
    pub(super) thresholds: Thresholds,
    pub(super) keyterms: Vec<String>,
    pub(super) language_hints: Vec<String>,
    pub(super) profanity_filter: bool,
    pub(super) numerals: bool,
}

/// Reads the query.
///
/// # Errors
/// What the vendor says about the first wrong parameter.
pub(super) fn read(head: &Head) -> Result<(Settings, Decoder), String> {
    if let Some(unknown) = head.query_names().find(|name| !PARAMETERS.contains(name)) {
        return Err(format!("parameter {unknown} is not known"));
    }
    let model = head.query("model").ok_or("model is required")?;
    if !MODELS.contains(&model) {
        return Err(format!("model {model} is not a Flux model"));
    }
    let decoder = Decoder::new(head, &RATES)?;
    let defaults = Thresholds::default();
    let thresholds = Thresholds {
        eot: number(head, "eot_threshold", 0.5..=1.0)?.unwrap_or(defaults.eot),
        eager: number(head, "eager_eot_threshold", 0.3..=0.9)?,
        timeout_ms: number(head, "eot_timeout_ms", 500.0..=60_000.0)?.map_or(defaults.timeout_ms, |ms| ms as u64),
    };
    flag(head, "mip_opt_out")?;
    let settings = Settings {
        is_multilingual: model == MODELS[1],
        thresholds: thresholds.check()?,
        keyterms: keyterms(head.query_all("keyterm").map(str::to_owned).collect())?,
        language_hints: head.query_all("language_hint").map(str::to_owned).collect(),
        profanity_filter: flag(head, "profanity_filter")?,
        numerals: flag(head, "numerals")?,
    };
    settings.check_languages()?;
    Ok((settings, decoder))
}

fn keyterms(terms: Vec<String>) -> Result<Vec<String>, String> {
    if terms.len() > MAX_KEYTERMS {
        return Err(format!("at most {MAX_KEYTERMS} keyterms"));
    }
    Ok(terms)
}

impl Settings {
    fn check_languages(&self) -> Result<(), String> {
        if !self.language_hints.is_empty() && !self.is_multilingual {
            return Err("language_hint is for flux-general-multi only".into());
        }
        let is_known = |hint: &&String| LANGUAGES.contains(&hint.split('-').next().unwrap_or_default());
        match self.language_hints.iter().find(|hint| !is_known(hint)) {
            Some(hint) => Err(format!("language_hint {hint:?} is not known")),
            None => Ok(()),
        }
    }

    /// These with the changes of a Configure.
    ///
    /// # Errors
    /// What the vendor says; the settings stay as they are.
    pub(super) fn with(&self, change: Configure) -> Result<Self, String> {
        let mut changed = self.clone();
        let Configure { thresholds, keyterms: terms, language_hints, profanity_filter, numerals, .. } = change;
        let thresholds = thresholds.unwrap_or_default();
        changed.thresholds.eot = thresholds.eot_threshold.unwrap_or(changed.thresholds.eot);
        changed.thresholds.eager = thresholds.eager_eot_threshold.or(changed.thresholds.eager);
        changed.thresholds.timeout_ms = thresholds.eot_timeout_ms.unwrap_or(changed.thresholds.timeout_ms);
        changed.thresholds.check()?;
        changed.keyterms = terms.map_or(Ok(changed.keyterms), keyterms)?;
        changed.language_hints = language_hints.unwrap_or(changed.language_hints);
        changed.check_languages()?;
        changed.profanity_filter = profanity_filter.unwrap_or(changed.profanity_filter);
        changed.numerals = numerals.unwrap_or(changed.numerals);
        Ok(changed)
    }
}

/// A Configure message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Configure {
    #[serde(rename = "type")]
    _type: String,
    thresholds: Option<ThresholdChange>,
    keyterms: Option<Vec<String>>,
    language_hints: Option<Vec<String>>,
    profanity_filter: Option<bool>,
    numerals: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdChange {
    eot_threshold: Option<f64>,
    eager_eot_threshold: Option<f64>,
    eot_timeout_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Settings, String> {
        let request = hyper::Request::builder().uri(format!("/v2/listen?{query}")).body(()).unwrap();
        read(&Head::new(&request.into_parts().0)).map(|(settings, _)| settings)
    }

    const RAW: &str = "encoding=linear16&sample_rate=16000";

    #[test]
    fn a_query_is_read_with_repeated_keys() {
        let query = "model=flux-general-multi&eager_eot_threshold=0.4&eot_timeout_ms=900&keyterm=order+number&keyterm=Wexford&language_hint=en-GB";
        let settings = asked(&format!("{query}&{RAW}")).unwrap();
        assert_eq!(settings.thresholds, Thresholds { eot: 0.7, eager: Some(0.4), timeout_ms: 900 });
        assert_eq!(settings.keyterms, ["order number", "Wexford"]);
    }

    #[test]
    fn each_wrong_parameter_is_refused_by_its_name() {
        let en = format!("model=flux-general-en&{RAW}");
        for (query, said) in [
            (RAW.to_owned(), "model is required"),
            (format!("model=nova-3&{RAW}"), "nova-3 is not a Flux model"),
            (format!("{en}&interim_results=true"), "interim_results is not known"),
            (format!("{en}&eot_threshold=0.4"), "eot_threshold must be"),
            (format!("{en}&eager_eot_threshold=0.8"), "must not be above"),
            (format!("{en}&eot_timeout_ms=100"), "eot_timeout_ms must be"),
            (format!("{en}&language_hint=en"), "flux-general-multi only"),
            (format!("{en}&numerals=1"), "numerals must be true or false"),
            ("model=flux-general-en&encoding=linear16".to_owned(), "sample_rate is required"),
            ("model=flux-general-en&encoding=linear16&sample_rate=16001".to_owned(), "sample_rate must be"),
            (format!("{en}{}", "&keyterm=a".repeat(101)), "at most 100"),
        ] {
            let refusal = asked(&query).unwrap_err();
            assert!(refusal.contains(said), "{query}: {refusal}");
        }
    }

    #[test]
    fn a_configure_changes_what_it_names_or_nothing() {
        let settings = asked(&format!("model=flux-general-en&keyterm=a&{RAW}")).unwrap();
        let change = |text: &str| settings.with(serde_json::from_str(text).unwrap());
        let changed = change(r#"{"type":"Configure","thresholds":{"eager_eot_threshold":0.5},"keyterms":[]}"#).unwrap();
        assert_eq!((changed.thresholds.eager, changed.thresholds.eot), (Some(0.5), 0.7));
        assert!(changed.keyterms.is_empty());
        assert!(change(r#"{"type":"Configure","thresholds":{"eager_eot_threshold":0.85}}"#).is_err());
        assert!(change(r#"{"type":"Configure","language_hints":["fr"]}"#).is_err());
    }
}

//! What a stream is asked to be: the query, checked as the vendor checks it.

use crate::provider::fakes::deepgram::{Decoder, flag, number};
use crate::provider::fakes::visit::Head;

const RATES: [u32; 7] = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/// The vendor counts 500 tokens; here a word is one.
pub(super) const MAX_KEYTERM_WORDS: usize = 500;
/// Endpointing where the query does not say.
const DEFAULT_ENDPOINTING_MS: u64 = 10;
const PARAMETERS: [&str; 30] = [
    "model",
    "version",
    "language",
    "language_hint",
    "encoding",
    "sample_rate",
    "channels",
    "multichannel",
    "interim_results",
    "endpointing",
    "utterance_end_ms",
    "vad_events",
    "punctuate",
    "smart_format",
    "numerals",
    "dictation",
    "profanity_filter",
    "detect_entities",
    "diarize",
    "diarize_model",
    "redact",
    "keyterm",
    "keywords",
    "search",
    "replace",
    "tag",
    "extra",
    "mip_opt_out",
    "no_delay",
    "filler_words",
];

/// What a stream is asked to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) is_nova3: bool,
    pub(super) is_multilingual: bool,
    pub(super) gives_interims: bool,
    pub(super) tells_speech_started: bool,
    /// Silence that ends an utterance; none if that is switched off.
    pub(super) endpointing_ms: Option<u64>,
    pub(super) utterance_end_ms: Option<u64>,
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
    let is_nova3 = model.starts_with("nova-3");
    if !is_nova3 && !model.starts_with("nova-2") {
        return Err(format!("there is no model {model}"));
    }
    if head.query("channels").unwrap_or("1") != "1" || flag(head, "multichannel")? {
        return Err("one channel only".into());
    }
    check_keyterms(head.query_all("keyterm"), is_nova3).map_err(|(_, said)| said)?;
    if is_nova3 && head.query("keywords").is_some() {
        return Err("keywords are not for Nova-3: use keyterm".into());
    }
    let gives_interims = flag(head, "interim_results")?;
    let utterance_end_ms = number(head, "utterance_end_ms", 1_000.0..=60_000.0)?.map(|ms| ms as u64);
    if utterance_end_ms.is_some() && !gives_interims {
        return Err("utterance_end_ms needs interim_results=true".into());
    }
    let endpointing_ms = match head.query("endpointing") {
        Some("false") => None,
        _ => Some(number(head, "endpointing", 0.0..=60_000.0)?.map_or(DEFAULT_ENDPOINTING_MS, |ms| ms as u64)),
    };
    let settings = Settings {
        is_nova3,
        is_multilingual: head.query("language") == Some("multi"),
        gives_interims,
        tells_speech_started: flag(head, "vad_events")?,
        endpointing_ms,
        utterance_end_ms,
    };
    Ok((settings, Decoder::new(head, &RATES)?))
}

/// Whether these terms may be expected.
///
/// # Errors
/// The vendor's code and what it says.
pub(super) fn check_keyterms<'a>(
    terms: impl Iterator<Item = &'a str>,
    is_nova3: bool,
) -> Result<(), (&'static str, String)> {
    let words: usize = terms.map(|term| term.split_whitespace().count().max(1)).sum();
    match words {
        0 => Ok(()),
        _ if !is_nova3 => Err(("CONFIGURE_KEYTERMS_NOT_SUPPORTED", "keyterm is for Nova-3 only".into())),
        words if words > MAX_KEYTERM_WORDS => {
            Err(("CONFIGURE_KEYTERM_LIMIT_EXCEEDED", format!("at most {MAX_KEYTERM_WORDS} tokens of keyterms")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Settings, String> {
        let query = format!("{query}&encoding=linear16&sample_rate=16000");
        let request = hyper::Request::builder().uri(format!("/v1/listen?{query}")).body(()).unwrap();
        read(&Head::new(&request.into_parts().0)).map(|(settings, _)| settings)
    }

    #[test]
    fn a_query_is_read() {
        let settings = asked("model=nova-3&interim_results=true&utterance_end_ms=1000&language=multi").unwrap();
        assert_eq!((settings.endpointing_ms, settings.utterance_end_ms), (Some(10), Some(1_000)));
        assert!(settings.is_multilingual && settings.is_nova3 && !settings.tells_speech_started);
        assert_eq!(asked("model=nova-2-phonecall&endpointing=false").unwrap().endpointing_ms, None);
    }

    #[test]
    fn each_wrong_parameter_is_refused_by_its_name() {
        for (query, said) in [
            ("language=en".to_owned(), "model is required"),
            ("model=flux-general-en".to_owned(), "no model flux-general-en"),
            ("model=nova-3&eot_threshold=0.7".to_owned(), "eot_threshold is not known"),
            ("model=nova-3&utterance_end_ms=1000".to_owned(), "needs interim_results"),
            ("model=nova-3&endpointing=true".to_owned(), "endpointing must be"),
            ("model=nova-3&keywords=a:1".to_owned(), "keywords"),
            ("model=nova-2&keyterm=a".to_owned(), "Nova-3 only"),
            (format!("model=nova-3{}", "&keyterm=a+b".repeat(251)), "at most 500"),
            ("model=nova-3&channels=2".to_owned(), "one channel"),
        ] {
            let refusal = asked(&query).unwrap_err();
            assert!(refusal.contains(said), "{query}: {refusal}");
        }
    }
}

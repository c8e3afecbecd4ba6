//! How a vendor is spoken of, and what its refusals mean.
//!
//! Invariant: every error made here is a sentence for an operator, names the setting that mends it where one does, and
//! holds no key whatever the vendor sent back.

use super::said::scrub;
use super::{ApiKey, said};
use crate::stage::{Fault, StageError};
use std::fmt::Display;
use std::time::Duration;

/// Who is spoken of.
#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    /// What to call it: `Deepgram Flux`.
    pub name: &'static str,
    /// The key, so that errors can name its setting and never show it.
    pub key: Option<ApiKey>,
    /// The setting that holds the address: `DEEPGRAM_URL`.
    pub url_setting: &'static str,
}

/// A vendor's no.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The vendor's name for the request, for its support.
    pub request_id: Option<&'a str>,
    /// Its message, already taken out of the body ([`said_in`](super::said_in)).
    pub said: &'a str,
}

impl Vendor {
    /// An opening or a request that was refused, classed by who can mend it. The sentence holds what the vendor said.
    pub(crate) fn refused(&self, refusal: Refusal<'_>) -> StageError {
        let (fault, meaning) = self.meaning(refusal.status);
        let said = match self.scrub(refusal.said) {
            said if said.is_empty() => String::new(),
            said => format!("; it said: {said}"),
        };
        let request = match refusal.request_id.map(|id| self.scrub(id)) {
            Some(id) if !id.is_empty() => format!(" [request {id}]"),
            _ => String::new(),
        };
        self.open(fault, format!("{meaning}{said}{request}"))
    }

    /// Who can mend a status, and what it means.
    fn meaning(&self, status: u16) -> (Fault, String) {
        let url = self.url_setting;
        match status {
            401 => (Fault::Configuration, self.key_refused()),
            403 => (Fault::Configuration, self.key_lacks_rights()),
            402 => (Fault::Configuration, "the account has no credit left (402): add some at the vendor's".to_owned()),
            404 => (Fault::Configuration, format!("it has no such thing (404): check the model, the voice and {url}")),
            408 | 409 | 424 | 425 | 498 | 499 | 500.. => (Fault::Engine, format!("it failed to answer ({status})")),
            429 => (Fault::Overload, "too much was asked of it (429): try later or raise the plan's limit".to_owned()),
            300..400 => {
                (Fault::Configuration, format!("it points elsewhere ({status}), which is not followed: check {url}"))
            }
            400..500 => (Fault::Configuration, format!("it refused the request ({status})")),
            _ => (Fault::Configuration, format!("it gave an answer of another kind ({status}): check {url}")),
        }
    }

    fn key_refused(&self) -> String {
        match &self.key {
            Some(key) => format!("the key was refused (401): put a valid one in {}", key.setting()),
            None => "it wants a key (401) and none is set".to_owned(),
        }
    }

    fn key_lacks_rights(&self) -> String {
        match &self.key {
            Some(key) => format!("the key may not do this (403): put one with the rights for it in {}", key.setting()),
            None => "it lets nobody in without a key (403) and none is set".to_owned(),
        }
    }

    /// A setting that cannot work, found before anything was sent.
    pub(crate) fn misconfigured(&self, what: impl Display) -> StageError {
        self.open(Fault::Configuration, self.scrub(&what.to_string()))
    }

    /// Nothing that answers was found.
    pub(crate) fn unreachable(&self, what: impl Display) -> StageError {
        let what = self.scrub(&what.to_string());
        self.open(Fault::Engine, format!("it cannot be reached: {what}; check the network and {}", self.url_setting))
    }

    /// What answers cannot prove who it is.
    pub(crate) fn untrusted(&self, why: impl Display) -> StageError {
        let why = self.scrub(&why.to_string());
        let url = self.url_setting;
        self.open(
            Fault::Configuration,
            format!("its certificate is not trusted: {why}; check {url}, this machine's clock and its certificates"),
        )
    }

    /// The vendor reported an error in its own words.
    pub(crate) fn failed(&self, fault: Fault, said: &str) -> StageError {
        let reason = match self.scrub(said) {
            said if said.is_empty() => "it gave no reason".to_owned(),
            said => said,
        };
        StageError::Stream { engine: self.name, reason, fault }
    }

    /// What came is not the protocol.
    pub(crate) fn garbled(&self, what: &str) -> StageError {
        self.failed(Fault::Engine, &format!("what came is not its protocol: {what}"))
    }

    /// Nothing came within a deadline.
    pub(crate) fn stalled(&self, waited: Duration) -> StageError {
        StageError::Stalled { engine: self.name, waited }
    }

    /// The stream is over.
    pub(crate) fn ended(&self) -> StageError {
        StageError::Ended { engine: self.name }
    }

    /// A bounded queue is full.
    pub(crate) fn full(&self) -> StageError {
        StageError::Full { engine: self.name }
    }

    /// `text` with the key taken out, on one line, however long.
    pub(crate) fn without_key(&self, text: &str) -> String {
        said::without_key(text, self.key.as_ref())
    }

    /// `text` fit to be shown: without the key, on one line, cut.
    pub(crate) fn scrub(&self, text: &str) -> String {
        scrub(text, self.key.as_ref())
    }

    fn open(&self, fault: Fault, reason: String) -> StageError {
        StageError::Open { engine: self.name, reason, fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk-very-secret";

    fn vendor() -> Vendor {
        Vendor {
            name: "Deepgram Flux",
            key: Some(ApiKey::new(SECRET, "DEEPGRAM_API_KEY")),
            url_setting: "DEEPGRAM_URL",
        }
    }

    fn refused(status: u16) -> StageError {
        vendor().refused(Refusal { status, request_id: None, said: "" })
    }

    #[test]
    fn refusals_are_classed_by_who_can_mend_them() {
        use Fault::{Configuration, Engine, Overload};
        for (fault, statuses) in [
            (Configuration, &[200, 204, 301, 307, 400, 401, 402, 403, 404, 405, 413, 415, 422, 451][..]),
            (Engine, &[408, 409, 424, 425, 498, 499, 500, 502, 503, 504, 529, 599, 999]),
            (Overload, &[429]),
        ] {
            for status in statuses {
                let error = refused(*status);
                assert_eq!(error.fault(), fault, "{status}");
                assert!(matches!(error, StageError::Open { .. }) && error.to_string().contains(&status.to_string()));
            }
        }
    }

    #[test]
    fn what_mends_it_is_named() {
        assert_eq!(
            refused(401).to_string(),
            "Deepgram Flux cannot be opened: the key was refused (401): put a valid one in DEEPGRAM_API_KEY"
        );
        assert!(refused(403).to_string().contains("DEEPGRAM_API_KEY"));
        assert!(refused(404).to_string().contains("DEEPGRAM_URL"));
        assert!(vendor().unreachable("no route").to_string().contains("DEEPGRAM_URL"));
        let keyless = Vendor { key: None, ..vendor() };
        let wants_one = keyless.refused(Refusal { status: 401, request_id: None, said: "" });
        assert!(wants_one.to_string().contains("none is set"), "{wants_one}");
    }

    #[test]
    fn what_it_said_and_the_request_are_in_the_sentence() {
        let error = vendor().refused(Refusal { status: 400, request_id: Some("abc-1"), said: "no such model" });
        assert_eq!(
            error.to_string(),
            "Deepgram Flux cannot be opened: it refused the request (400); it said: no such model [request abc-1]"
        );
    }

    #[test]
    fn no_error_shows_the_key_that_a_vendor_echoes() {
        let said = format!("Incorrect API key provided: {SECRET}. Header: Token {SECRET}");
        let vendor = vendor();
        for error in [
            vendor.refused(Refusal { status: 401, request_id: Some(SECRET), said: &said }),
            vendor.unreachable(&said),
            vendor.misconfigured(&said),
            vendor.failed(Fault::Engine, &said),
            vendor.garbled(&said),
        ] {
            assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
            assert!(error.to_string().contains("[key]"), "{error}");
        }
        assert!(!format!("{vendor:?}").contains(SECRET));
    }

    #[test]
    fn a_failure_without_words_is_still_a_sentence() {
        assert_eq!(vendor().failed(Fault::Engine, " \n").to_string(), "Deepgram Flux failed: it gave no reason");
    }
}

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

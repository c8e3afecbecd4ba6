//! How Flux listens.

use super::super::address::Query;
use super::super::limits::{deadlines, sending, text, texts, within};
use super::command::Languages;
use crate::provider::ApiKey;
use serde::{Deserialize, Deserializer};

/// How Flux listens. Ranges are Deepgram's own of November 2026; [`FluxStt::new`](super::FluxStt::new) checks them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FluxConfig {
    /// The key; without one none is sent.
    #[serde(skip)]
    pub key: Option<ApiKey>,
    /// The server. Default `https://api.deepgram.com`.
    #[serde(skip)]
    pub url: String,
    /// `flux-general-en` (default), or `flux-general-multi` for several languages.
    pub model: String,
    /// How certain the end of a turn must be, 0.5–1; 1 leaves it to silence alone. Default 0.7, Flux's own.
    pub eot_threshold: f32,
    /// How certain it must be that a turn may be over, 0.3–0.9 and at most `eot_threshold`; none (`"off"`) for no such
    /// guess. Default 0.5, so that an answer can be thought of before the end is certain.
    #[serde(deserialize_with = "number_or_off")]
    pub eager_eot_threshold: Option<f32>,
    /// Silence that ends a turn however uncertain, 500–60 000. Default 5 000, Flux's own.
    pub eot_timeout_ms: u64,
    /// Words and names that are likely, at most 100.
    pub keyterms: Vec<String>,
    /// Languages that are likely (`en`, `de`), for the model of several languages only.
    pub language_hints: Vec<String>,
    /// Whether numbers are written in digits.
    pub numerals: bool,
    /// Whether swear words are masked.
    pub profanity_filter: bool,
    /// Whether Deepgram may not learn from the audio; it then costs more.
    pub mip_opt_out: bool,
    /// Labels in Deepgram's accounts, of at most 128 characters each.
    pub tags: Vec<String>,
    /// Whether Flux is told of turns that the session ended. Default off: not every deployment understands it.
    pub force_end_turn: ForceEndTurn,
    /// Audio in one message, 20–250. Default 80, which Deepgram recommends.
    pub chunk_ms: u64,
    /// How fast audio is sent that is older than the present, in percent of real time; 0 is at once. Default 125, which
    /// Deepgram allows.
    pub catch_up_percent: u32,
    /// Audio that may wait to be sent; more is refused. Default 20 000.
    pub backlog_ms: u64,
    /// To connect within. Default 5 000.
    pub connect_ms: u64,
    /// To be greeted within, once connected. Default 5 000.
    pub connected_ms: u64,
    /// A stream that says nothing for this long though audio is sent has failed. Default 5 000: Flux says something for
    /// each quarter of a second of audio.
    pub stall_ms: u64,
    /// Pings after this long without audio. Default 30 000.
    pub ping_ms: u64,
    /// To close within. Default 3 000.
    pub close_ms: u64,
}

/// Whether Flux is told of turns that the session ended without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForceEndTurn {
    /// It finds each end itself.
    #[default]
    Off,
    /// It is told. A deployment that does not understand it breaks the stream off once, and is not told again.
    On,
}

impl Default for FluxConfig {
    fn default() -> Self {
        Self {
            key: None,
            url: "https://api.deepgram.com".to_owned(),
            model: "flux-general-en".to_owned(),
            eot_threshold: 0.7,
            eager_eot_threshold: Some(0.5),
            eot_timeout_ms: 5_000,
            keyterms: Vec::new(),
            language_hints: Vec::new(),
            numerals: false,
            profanity_filter: false,
            mip_opt_out: false,
            tags: Vec::new(),
            force_end_turn: ForceEndTurn::Off,
            chunk_ms: 80,
            catch_up_percent: 125,
            backlog_ms: 20_000,
            connect_ms: 5_000,
            connected_ms: 5_000,
            stall_ms: 5_000,
            ping_ms: 30_000,
            close_ms: 3_000,
        }
    }
}

impl FluxConfig {
    /// What is wrong with it, in a sentence that names the field.
    pub(super) fn checked(&self) -> Result<(), String> {
        text("model", &self.model, 128)?;
        within("eot_threshold", self.eot_threshold, &(0.5..=1.0))?;
        if let Some(eager) = self.eager_eot_threshold {
            within("eager_eot_threshold", eager, &(0.3..=self.eot_threshold.min(0.9)))?;
        }
        within("eot_timeout_ms", self.eot_timeout_ms, &(500..=60_000))?;
        texts("keyterms", &self.keyterms, 100, 1_000)?;
        texts("language_hints", &self.language_hints, 100, 35)?;
        if !self.language_hints.is_empty() && self.languages() == Languages::One {
            return Err(format!("language_hints are not for {}: it hears one language", self.model));
        }
        texts("tags", &self.tags, 100, 128)?;
        sending(self.chunk_ms, self.catch_up_percent, self.backlog_ms)?;
        deadlines(&[
            ("connect_ms", self.connect_ms),
            ("connected_ms", self.connected_ms),
            ("stall_ms", self.stall_ms),
            ("ping_ms", self.ping_ms),
            ("close_ms", self.close_ms),
        ])
    }

    /// Whether the model hears several languages.
    pub(super) fn languages(&self) -> Languages {
        if self.model.ends_with("-multi") { Languages::Several } else { Languages::One }
    }

    /// The settings of a stream. What is Flux's default is said all the same, so that it stays as it is here.
    pub(super) fn query(&self) -> Query {
        let query = Query::of_audio().with("model", &self.model).with("eot_threshold", self.eot_threshold);
        let query = match self.eager_eot_threshold {
            Some(eager) => query.with("eager_eot_threshold", eager),
            None => query,
        };
        let query = query
            .with("eot_timeout_ms", self.eot_timeout_ms)
            .with_each("keyterm", &self.keyterms)
            .with_each("language_hint", &self.language_hints)
            .with_each("tag", &self.tags);
        let switches = [
            ("numerals", self.numerals),
            ("profanity_filter", self.profanity_filter),
            ("mip_opt_out", self.mip_opt_out),
        ];
        switches.into_iter().filter(|(_, on)| *on).fold(query, |query, (name, on)| query.with(name, on))
    }
}

/// A number, or `"off"` where a format has no word for none.
fn number_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Off,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Number(f32),
        Word(Word),
    }
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => Some(number),
        Value::Word(Word::Off) => None,
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

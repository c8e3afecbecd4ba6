//! How Nova listens.

use super::super::address::Query;
use super::super::limits::{deadlines, sending, text, texts, within};
use crate::provider::ApiKey;
use serde::Deserialize;

/// How Nova listens. [`NovaStt::new`](super::NovaStt::new) checks it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NovaConfig {
    /// The key; without one none is sent.
    #[serde(skip)]
    pub key: Option<ApiKey>,
    /// The server. Default `https://api.deepgram.com`.
    #[serde(skip)]
    pub url: String,
    /// Default `nova-3`.
    pub model: String,
    /// BCP 47, or `multi` for several. Default `en`.
    pub language: String,
    /// Words and names that are likely, for Nova-3 only. Deepgram takes 500 tokens of them in all.
    pub keyterms: Vec<String>,
    /// Whether sentences have points and capitals. Default on: they show where one is complete.
    pub punctuate: bool,
    /// Whether dates, amounts and the like are written as one would.
    pub smart_format: bool,
    /// Whether numbers are written in digits.
    pub numerals: bool,
    /// Whether swear words are masked.
    pub profanity_filter: bool,
    /// Silence after which words become final without being asked for; 0 for never. Default 300. The session asks
    /// sooner, when its own VAD hears the caller stop.
    pub endpointing_ms: u64,
    /// Time without a word after which words that noise kept open are asked for, at least 1 000; 0 for never.
    /// Default 1 000.
    pub utterance_end_ms: u64,
    /// Whether Deepgram may not learn from the audio; it then costs more.
    pub mip_opt_out: bool,
    /// Labels in Deepgram's accounts, of at most 128 characters each.
    pub tags: Vec<String>,
    /// Audio in one message, 20–250. Default 80.
    pub chunk_ms: u64,
    /// How fast audio is sent that is older than the present, in percent of real time; 0 is at once. Default 125, which
    /// Deepgram allows.
    pub catch_up_percent: u32,
    /// Audio that may wait to be sent; more is refused. Default 20 000.
    pub backlog_ms: u64,
    /// To connect within. Default 5 000.
    pub connect_ms: u64,
    /// A stream that says nothing for this long though audio is sent has failed. Default 5 000: Nova says something for
    /// each second of audio.
    pub stall_ms: u64,
    /// A sign of life after this long without audio. Default 4 000; Nova hangs up after 10 000.
    pub keep_alive_ms: u64,
    /// To close within. Default 3 000.
    pub close_ms: u64,
}

impl Default for NovaConfig {
    fn default() -> Self {
        Self {
            key: None,
            url: "https://api.deepgram.com".to_owned(),
            model: "nova-3".to_owned(),
            language: "en".to_owned(),
            keyterms: Vec::new(),
            punctuate: true,
            smart_format: false,
            numerals: false,
            profanity_filter: false,
            endpointing_ms: 300,
            utterance_end_ms: 1_000,
            mip_opt_out: false,
            tags: Vec::new(),
            chunk_ms: 80,
            catch_up_percent: 125,
            backlog_ms: 20_000,
            connect_ms: 5_000,
            stall_ms: 5_000,
            keep_alive_ms: 4_000,
            close_ms: 3_000,
        }
    }
}

impl NovaConfig {
    /// What is wrong with it, in a sentence that names the field.
    pub(super) fn checked(&self) -> Result<(), String> {
        text("model", &self.model, 128)?;
        text("language", &self.language, 35)?;
        texts("keyterms", &self.keyterms, 500, 1_000)?;
        if !self.keyterms.is_empty() && !self.model.starts_with("nova-3") {
            return Err(format!("keyterms are not for {}: only Nova-3 takes them", self.model));
        }
        texts("tags", &self.tags, 100, 128)?;
        within("endpointing_ms", self.endpointing_ms, &(0..=60_000))?;
        if self.utterance_end_ms != 0 {
            within("utterance_end_ms", self.utterance_end_ms, &(1_000..=60_000))?;
        }
        sending(self.chunk_ms, self.catch_up_percent, self.backlog_ms)?;
        within("keep_alive_ms", self.keep_alive_ms, &(1..=9_000))?;
        deadlines(&[("connect_ms", self.connect_ms), ("stall_ms", self.stall_ms), ("close_ms", self.close_ms)])
    }

    /// The settings of a stream.
    pub(super) fn query(&self) -> Query {
        let endpointing = if self.endpointing_ms == 0 { "false".to_owned() } else { self.endpointing_ms.to_string() };
        let query = Query::of_audio()
            .with("model", &self.model)
            .with("language", &self.language)
            .with("interim_results", true)
            .with("endpointing", endpointing);
        let query = match self.utterance_end_ms {
            0 => query,
            silence_ms => query.with("utterance_end_ms", silence_ms),
        };
        let query = query.with_each("keyterm", &self.keyterms).with_each("tag", &self.tags);
        let switches = [
            ("punctuate", self.punctuate),
            ("smart_format", self.smart_format),
            ("numerals", self.numerals),
            ("profanity_filter", self.profanity_filter),
            ("mip_opt_out", self.mip_opt_out),
        ];
        switches.into_iter().filter(|(_, on)| *on).fold(query, |query, (name, on)| query.with(name, on))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::address::listen;
    use super::super::super::link::vendor;
    use super::*;

    fn url(config: &NovaConfig) -> String {
        listen(&vendor("Deepgram Nova", None), &config.url, "v1", &config.query()).unwrap()
    }

    #[test]
    fn the_defaults_are_valid_and_said() {
        let config = NovaConfig::default();
        assert_eq!(config.checked(), Ok(()));
        let audio = "encoding=linear16&sample_rate=16000&model=nova-3&language=en";
        let ends = "interim_results=true&endpointing=300&utterance_end_ms=1000&punctuate=true";
        assert_eq!(url(&config), format!("https://api.deepgram.com/v1/listen?{audio}&{ends}"));
    }

    #[test]
    fn every_setting_is_said() {
        let config = NovaConfig {
            language: "multi".to_owned(),
            endpointing_ms: 0,
            utterance_end_ms: 0,
            keyterms: vec!["Wexford".to_owned()],
            tags: vec!["night".to_owned()],
            punctuate: false,
            smart_format: true,
            numerals: true,
            profanity_filter: true,
            mip_opt_out: true,
            ..NovaConfig::default()
        };
        assert_eq!(config.checked(), Ok(()));
        let settings = "interim_results=true&endpointing=false&keyterm=Wexford&tag=night&smart_format=true";
        let switches = "numerals=true&profanity_filter=true&mip_opt_out=true";
        assert!(url(&config).ends_with(&format!("language=multi&{settings}&{switches}")), "{}", url(&config));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let base = NovaConfig::default;
        let terms = vec!["Wexford".to_owned()];
        let table = [
            ("model", NovaConfig { model: " ".to_owned(), ..base() }),
            ("language", NovaConfig { language: String::new(), ..base() }),
            ("keyterms", NovaConfig { model: "nova-2".to_owned(), keyterms: terms, ..base() }),
            ("utterance_end_ms", NovaConfig { utterance_end_ms: 999, ..base() }),
            ("tags", NovaConfig { tags: vec!["x".repeat(129)], ..base() }),
            ("chunk_ms", NovaConfig { chunk_ms: 251, ..base() }),
            ("catch_up_percent", NovaConfig { catch_up_percent: 1, ..base() }),
            ("keep_alive_ms", NovaConfig { keep_alive_ms: 10_000, ..base() }),
            ("stall_ms", NovaConfig { stall_ms: 0, ..base() }),
        ];
        for (field, config) in table {
            let refusal = config.checked().unwrap_err();
            assert!(refusal.starts_with(&format!("{field} ")), "{field}: {refusal}");
        }
    }

    #[test]
    fn it_is_read_from_a_file_without_key_and_address() {
        let config: NovaConfig = toml::from_str("language = \"de\"\nendpointing_ms = 100").unwrap();
        assert_eq!((config.language.as_str(), config.endpointing_ms, config.chunk_ms), ("de", 100, 80));
        for wrong in ["url = \"https://h\"", "key = \"secret\"", "speed = 1"] {
            assert!(toml::from_str::<NovaConfig>(wrong).is_err(), "{wrong}");
        }
    }
}

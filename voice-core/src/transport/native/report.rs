//! The longer messages of the server: overlaps, turns and costs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One overlap of caller and agent, decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BargeInReport {
    /// The turn of the reply that was talked over.
    pub turn: u32,
    /// That reply.
    pub reply: u32,
    /// The caller's first sample, since the start of the caller's audio.
    pub onset_position: u64,
    /// When that sample was received.
    pub onset_ms: f64,
    /// When speech was noticed.
    pub noticed_ms: f64,
    /// When the playout was paused.
    pub paused_ms: f64,
    /// When it was decided.
    pub decided_ms: f64,
    /// `committed` or `resumed`.
    pub decision: String,
    /// `start_of_turn`, `words`, `duration`, `policy`, `command`; for a resume `not_a_bid`.
    pub cause: String,
    /// Samples of the reply sent when it was decided.
    pub sent_samples: u64,
    /// What was heard of the reply.
    pub heard_text: String,
}

/// The timeline of one turn; times are absent where it did not happen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnReport {
    /// Which turn; what the agent says unasked, as a greeting, is a turn of its own.
    pub turn: u32,
    /// The reply that ended with it.
    pub reply: u32,
    /// The caller's words.
    pub caller_text: String,
    /// Just after the caller's last sample of speech, since the start of the caller's audio.
    pub speech_end_position: Option<u64>,
    /// When that sample was received.
    pub speech_end_ms: Option<f64>,
    /// When the end of turn was decided.
    pub eot_ms: Option<f64>,
    /// `silence`, `model`, `stt`, `timeout`, `dtmf` or `call_ended`.
    pub eot_source: Option<String>,
    /// Whether the reply was started before the end of turn was certain.
    pub speculative: bool,
    /// When the model was asked.
    pub reply_started_ms: Option<f64>,
    /// The model's first token.
    pub first_token_ms: Option<f64>,
    /// The first clause handed to the TTS.
    pub first_clause_ms: Option<f64>,
    /// The first audio from the TTS.
    pub tts_first_audio_ms: Option<f64>,
    /// Silence cut from its start.
    pub trimmed_silence_ms: f64,
    /// When held audio was let go.
    pub released_ms: Option<f64>,
    /// The first audio handed to the line.
    pub first_audio_ms: Option<f64>,
    /// What of the wait the engine itself caused.
    pub engine_ms: Option<f64>,
    /// The reply's text.
    pub reply_text: String,
    /// What of it was heard.
    pub heard_text: String,
    /// `completed`, `barged_in`, `failed`, `call_ended` or `superseded`.
    pub outcome: String,
}

/// What a call used of its engines, and what that cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostReport {
    /// What the amounts are in, as in `USD`; absent where the server knows no price.
    pub currency: Option<String>,
    /// All amounts together: a decimal number as text, so that nobody rounds it. Absent where the server knows no price.
    pub total: Option<String>,
    /// One entry an engine that served.
    pub engines: Vec<EngineCost>,
}

/// What a call used of one engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineCost {
    /// `stt`, `llm` or `tts`.
    pub stage: String,
    /// Its name: vendor and model.
    pub engine: String,
    /// All it was used for.
    pub used: Usage,
    /// What of that was for speculative replies that were never heard.
    pub discarded: Usage,
    /// Generations the model gave no figures for, such as those that were cut off.
    pub unreported_generations: u64,
    /// Pieces of text it gave in those; about one a token.
    pub unreported_deltas: u64,
    /// Pieces of text it gave for `discarded`, reported or not.
    pub discarded_deltas: u64,
    /// What `used` cost, as in [`CostReport::total`]; generations the model gave no figures for are not in it. Absent
    /// where the server knows no price of this engine.
    pub amount: Option<String>,
    /// What of it `discarded` cost.
    pub discarded_amount: Option<String>,
}

/// What vendors count. What does not concern the stage is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Audio listened to, in milliseconds.
    pub audio_ms: u64,
    /// How often the model was asked.
    pub generations: u64,
    /// Tokens read by the model, cached ones too.
    pub input_tokens: u64,
    /// Of those, read from its cache.
    pub cached_tokens: u64,
    /// Tokens written by the model.
    pub output_tokens: u64,
    /// Characters spoken.
    pub characters: u64,
}

/// One line: `llm NAME: 3 generations, 812 tokens in (600 cached), 95 out, amount 0.0012; of it discarded: …`.
impl fmt::Display for EngineCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.stage, self.engine, self.used)?;
        if let Some(amount) = &self.amount {
            write!(f, ", amount {amount}")?;
        }
        if self.unreported_generations > 0 {
            let (generations, deltas) = (self.unreported_generations, self.unreported_deltas);
            write!(f, "; {generations} generations without figures, {deltas} pieces of text")?;
        }
        if self.discarded != Usage::default() || self.discarded_deltas > 0 {
            write!(f, "; of it discarded: {}, {} pieces of text", self.discarded, self.discarded_deltas)?;
        }
        match &self.discarded_amount {
            Some(amount) if self.discarded != Usage::default() => write!(f, ", amount {amount}"),
            _ => Ok(()),
        }
    }
}

/// What is not zero; `nothing` if all is.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let mut part = |count: u64, text: String| parts.extend((count > 0).then_some(text));
        part(self.audio_ms, format!("{:.1} s of audio", self.audio_ms as f64 / 1_000.0));
        part(self.generations, format!("{} generations", self.generations));
        let cached = if self.cached_tokens > 0 { format!(" ({} cached)", self.cached_tokens) } else { String::new() };
        part(self.input_tokens, format!("{} tokens in{cached}", self.input_tokens));
        part(self.output_tokens, format!("{} tokens out", self.output_tokens));
        part(self.characters, format!("{} characters", self.characters));
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

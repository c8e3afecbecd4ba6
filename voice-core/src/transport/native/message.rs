//! The control messages. Times are milliseconds on the server's clock since it sent `ready`.

use super::token::AuthToken;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The version spoken here.
pub const PROTOCOL_VERSION: u32 = 1;

/// How audio is encoded in binary messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Mono PCM16, little-endian.
    #[default]
    Pcm16,
    /// G.711 µ-law, 8 kHz only.
    Mulaw,
    /// One Opus packet a message.
    Opus,
}

/// The audio of both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFormat {
    /// The encoding.
    pub encoding: Encoding,
    /// Samples per second: 8000, 16000, 24000 or 48000.
    pub rate: u32,
}

impl Default for AudioFormat {
    fn default() -> Self {
        Self { encoding: Encoding::Pcm16, rate: 16_000 }
    }
}

/// What a client sends. `hello` comes first, or `auth` and then `hello`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientMessage {
    /// Says who it is: before `hello` where nothing else said so, and during the call before that runs out.
    Auth {
        /// At most 8 KiB.
        token: AuthToken,
    },
    /// Opens the call.
    Hello {
        /// [`PROTOCOL_VERSION`].
        protocol: u32,
        /// What it will send and wants to receive.
        #[serde(default)]
        audio: AudioFormat,
        /// Whether it will send `played`.
        #[serde(default)]
        played_reports: bool,
    },
    /// It has played this reply up to here.
    Played {
        /// Which reply.
        reply: u32,
        /// Samples of that reply.
        samples: u64,
    },
    /// The agent shall say this.
    Say {
        /// At most 4,000 characters.
        text: String,
    },
    /// The agent shall stop speaking.
    Interrupt,
    /// The microphone is off or on.
    Mute {
        /// Off is `true`.
        on: bool,
    },
    /// A key.
    Dtmf {
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// Ends the call.
    Bye,
}

/// Who made a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The caller.
    Caller,
    /// The agent.
    Agent,
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerMessage {
    /// Answers `hello`: the call is up.
    Ready {
        /// [`PROTOCOL_VERSION`].
        protocol: u32,
        /// The call.
        call_id: String,
        /// What both sides now use.
        audio: AudioFormat,
    },
    /// Somebody began or stopped to speak.
    Speaking {
        /// Who.
        who: Speaker,
        /// Whether they speak now.
        on: bool,
        /// When it was noticed.
        at_ms: f64,
        /// The caller's first or last sample, in samples since the start of the caller's audio.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
    },
    /// The caller's words.
    Transcript {
        /// Which turn.
        turn: u32,
        /// All words of the turn so far.
        text: String,
        /// Whether the turn is over.
        r#final: bool,
    },
    /// The agent's words.
    AgentText {
        /// Which turn.
        turn: u32,
        /// Which reply.
        reply: u32,
        /// The reply's text so far.
        text: String,
        /// The part that was heard: a prefix of `text`.
        heard: String,
        /// Set once the reply is over: `completed`, `barged_in`, `failed`, `call_ended` or `superseded`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<String>,
    },
    /// Stop playing this reply and hold the rest.
    Pause {
        /// Which reply.
        reply: u32,
        /// How much of it was sent.
        sent_samples: u64,
    },
    /// Go on from the sample where it stopped.
    Resume {
        /// Which reply.
        reply: u32,
    },
    /// Drop what is left of this reply.
    Clear {
        /// Which reply.
        reply: u32,
    },
    /// All audio of this reply has been sent.
    AudioEnd {
        /// Which reply.
        reply: u32,
        /// Its length.
        total_samples: u64,
    },
    /// The caller talked over the agent; sent once it is decided what that was.
    BargeIn(BargeInReport),
    /// The timeline of a turn whose reply has ended.
    Turn(Box<TurnReport>),
    /// A tool ran.
    Tool {
        /// Its name.
        name: String,
        /// `started`, `done`, `failed` or `cancelled`.
        state: String,
    },
    /// What says who the client is runs out: unless it is renewed with `auth`, the call ends some time after.
    AuthExpiring {
        /// When.
        in_ms: u64,
    },
    /// Answers an `auth` during the call: it was renewed.
    AuthRenewed {
        /// When it runs out now.
        in_ms: u64,
    },
    /// Something was wrong. The call goes on unless `bye` follows.
    Error {
        /// What kind.
        code: ErrorCode,
        /// What is wrong and what to do.
        message: String,
    },
    /// What the call used of its engines, and what that cost. At the end, before `bye`.
    Cost(Box<CostReport>),
    /// The call is over; the socket closes.
    Bye {
        /// Why, in snake_case: `caller_hung_up`, `max_duration`, …
        reason: String,
    },
}

/// Kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The message is not JSON or not of the protocol's form.
    MalformedMessage,
    /// The message's type is unknown.
    UnknownType,
    /// A value is out of its range.
    InvalidValue,
    /// A binary message is not audio of the agreed form.
    MalformedAudio,
    /// Audio comes faster than real time; some of it was dropped.
    TooFast,
    /// The client reads too slowly: messages about the call were dropped.
    TooSlow,
    /// No `hello` came in time, or its version or format is not spoken here.
    Handshake,
    /// The connection broke, was silent for too long, or carried a message over the size limit or too many wrong ones;
    /// `bye` follows.
    Connection,
    /// A stage failed; the call goes on as well as it can.
    Stage,
    /// The server has no room or is shutting down.
    Unavailable,
    /// What says who the client is is missing, wrong or of no use here.
    Unauthorized,
    /// The client's plan allows no further call now.
    OverLimit,
    /// What is said cannot be stored for now: it is not told as final.
    Storage,
}

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
    /// `silence`, `model`, `stt`, `timeout` or `dtmf`.
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

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;

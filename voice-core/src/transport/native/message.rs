//! The control messages. Times are milliseconds on the server's clock since it sent `ready`.

use super::report::{BargeInReport, CostReport, TurnReport};
use super::resume::{ResumeOffer, ResumeRequest};
use super::token::AuthToken;
use serde::{Deserialize, Serialize};

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
    /// Opens the call, or takes it up again.
    Hello(Hello),
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
    /// Wants a `pong`.
    Ping {
        /// Comes back with it.
        n: u32,
    },
    /// Ends the call.
    Bye,
}

/// How a call is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`].
    pub protocol: u32,
    /// What the client will send and wants to receive.
    #[serde(default)]
    pub audio: AudioFormat,
    /// Whether it will send `played`.
    #[serde(default)]
    pub played_reports: bool,
    /// Whether it can take the call up again on another socket; of use with `played_reports` only.
    #[serde(default)]
    pub resumable: bool,
    /// Where it stands in the call that it takes up again; the request has named that call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<ResumeRequest>,
}

impl Default for Hello {
    fn default() -> Self {
        let audio = AudioFormat::default();
        Self { protocol: PROTOCOL_VERSION, audio, played_reports: false, resumable: false, resume: None }
    }
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
        /// How the call is taken up again if the socket breaks; absent where that is not possible.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<ResumeOffer>,
    },
    /// Answers a `hello` with `resume`: the call goes on. What the client has not got follows.
    Resumed {
        /// Text messages of the client that came since its first `hello`.
        received: u64,
        /// How long the call had no socket.
        away_ms: f64,
    },
    /// Answers `ping`.
    Pong {
        /// From the `ping`.
        n: u32,
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

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;

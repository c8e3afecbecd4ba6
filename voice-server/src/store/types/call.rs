//! Calls and what was said in them.

use crate::principal::{CallUuid, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whether a call is over. Never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It runs.
    Active,
    /// It is over.
    Ended,
}

/// Calls that are not over and that no server holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphans {
    /// Those of this server that were answered before it began to hold any: its last run held them, or they are older than any call.
    LeftBy {
        /// This server.
        server: Uuid,
        /// When it was started, or later where no call that it holds is so old. An attempt that is carried out late ends no
        /// call that is held.
        begun_before: OffsetDateTime,
    },
    /// Those of any other server that were answered longer ago than a call lasts: theirs may be gone for good.
    OfOthers {
        /// This server, which knows what it holds.
        this: Uuid,
        /// So long ago.
        begun_before: OffsetDateTime,
    },
}

impl Orphans {
    /// Whose alone.
    pub(in crate::store) fn server(self) -> Option<Uuid> {
        if let Self::LeftBy { server, .. } = self { Some(server) } else { None }
    }

    /// Whose not.
    pub(in crate::store) fn not_of(self) -> Option<Uuid> {
        if let Self::OfOthers { this, .. } = self { Some(this) } else { None }
    }

    pub(in crate::store) fn begun_before(self) -> OffsetDateTime {
        let (Self::LeftBy { begun_before, .. } | Self::OfOthers { begun_before, .. }) = self;
        begun_before
    }
}

/// A call as a line of a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallSummary {
    /// Its id.
    pub id: CallUuid,
    /// Who placed it.
    pub user_id: UserId,
    /// For which campaign's lead, if for one.
    pub lead_id: Option<Uuid>,
    /// Whether it is over.
    pub status: CallStatus,
    /// Why it ended: the `reason` of the protocol's `bye`, `server_lost` where the server died, or `server_fault` where the
    /// call's own stage broke off.
    pub end_reason: Option<String>,
    /// When it was answered.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// From answer to end.
    pub duration_ms: Option<i64>,
    /// Replies of the agent.
    pub turns: i32,
    /// Replies that the caller took the turn from.
    pub barge_ins: i32,
    /// Replies that were paused and went on.
    pub resumes: i32,
    /// The median of the turns' voice-to-voice times.
    pub voice_to_voice_p50_ms: Option<f64>,
    /// What its engines cost, in millionths of `currency`; absent where no price is known.
    pub cost_micros: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
}

/// A call with all that was said.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallDetail {
    /// The call.
    #[serde(flatten)]
    pub call: CallSummary,
    /// Use and cost of each engine, as the protocol's `cost` message tells it.
    #[schema(value_type = Option<Object>)]
    pub cost: Option<serde_json::Value>,
    /// What was said, in order.
    pub utterances: Vec<Utterance>,
    /// Whether there is a recording.
    pub recorded: bool,
}

/// Whose an utterance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A finished turn of the caller.
    Caller,
    /// A reply of the agent; its text is what was heard.
    Agent,
    /// A tool that ran; its text is the tool's name.
    Tool,
    /// Nobody: the connection was lost, and what was said meanwhile was not heard.
    Line,
}

impl Who {
    /// As it is written in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Line => "line",
        }
    }

    /// What the database wrote; `None` for a word that is none of them.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Caller, Self::Agent, Self::Tool, Self::Line].into_iter().find(|who| who.as_str() == word)
    }
}

/// Where the time of a reply went, in milliseconds since the call was answered or as durations; `None` where it did not
/// happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct UtteranceTimes {
    /// From the caller's last sample to the agent's first audio.
    pub voice_to_voice_ms: Option<f64>,
    /// From the caller's last sample to the end of turn.
    pub eot_wait_ms: Option<f64>,
    /// From asking the model to its first token.
    pub first_token_ms: Option<f64>,
    /// From the first clause to the TTS's first audio.
    pub tts_first_audio_ms: Option<f64>,
    /// What of the wait the engine itself caused.
    pub engine_ms: Option<f64>,
    /// A barge-in: from the caller's onset to the pause.
    pub barge_in_pause_ms: Option<f64>,
}

/// One thing that was said or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Utterance {
    /// Its place in the call: counts up from 0 without a hole.
    pub seq: i32,
    /// The turn it belongs to.
    pub turn: i64,
    /// The reply, for the agent's.
    pub reply: Option<i64>,
    /// Whose it is.
    pub who: Who,
    /// What was said; of the agent, what was heard.
    pub text: String,
    /// Of the agent, what was to be said.
    pub full_text: Option<String>,
    /// When it began, in milliseconds since the call was answered.
    pub start_ms: i64,
    /// When it ended.
    pub end_ms: i64,
    /// How a reply ended (`completed`, `barged_in` …), how a tool did; of a caller's turn, what decided that it was over.
    pub outcome: String,
    /// Why the caller got the turn, where they took it.
    pub barge_in_cause: Option<String>,
    /// How often the reply was paused and went on.
    pub resumes: i32,
    /// Where the time went.
    pub times: UtteranceTimes,
    /// The whole timeline, as the protocol's `turn` message tells it.
    #[schema(value_type = Option<Object>)]
    pub timeline: Option<serde_json::Value>,
}

/// Which calls are wanted; `None` means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only those that are over, or that run.
    pub status: Option<CallStatus>,
    /// Only those answered at or after this.
    pub from: Option<OffsetDateTime>,
    /// Only those answered before this.
    pub to: Option<OffsetDateTime>,
    /// Only those for this lead.
    pub lead_id: Option<Uuid>,
    /// Only those that ended so.
    pub end_reason: Option<String>,
}

/// A stereo recording of a call: the caller left, the agent right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Recording {
    /// Its id.
    pub id: Uuid,
    /// Of which call.
    pub call_id: CallUuid,
    /// Where the object store keeps it; never shown.
    #[serde(skip)]
    pub object_key: String,
    /// Its media type: `audio/ogg; codecs=opus`.
    pub media_type: String,
    /// Its length in bytes.
    pub size_bytes: i64,
    /// Its length in time.
    pub duration_ms: i64,
    /// When it was finished.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

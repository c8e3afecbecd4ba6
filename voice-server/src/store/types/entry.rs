//! What a call leaves behind, as it is written: one entry at a time, in order, each of them idempotent.
//!
//! Invariant: an entry can be written again, after any other of its call, and nothing changes. Ids and sequence numbers
//! are made before it is first written.

use super::call::Utterance;
use crate::principal::{CallUuid, TenantId, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// Which call an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The tenant.
    pub tenant: TenantId,
    /// The call.
    pub call: CallUuid,
    /// When the call was answered; its day is copied into every row.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
}

/// One thing to be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A call was answered.
    CallStart(CallStart),
    /// Something was said or done.
    Utterance(Box<UtteranceEntry>),
    /// The conversation as the model saw it.
    Conversation(ConversationEntry),
    /// A recording is in the object store.
    Recording(RecordingEntry),
    /// A log of a call's turn-taking is in the object store.
    TurnLog(TurnLogEntry),
    /// A call ended.
    CallEnd(Box<CallEnd>),
}

impl Entry {
    /// Which call it belongs to.
    pub fn header(&self) -> Header {
        match self {
            Self::CallStart(CallStart { header, .. })
            | Self::Conversation(ConversationEntry { header, .. })
            | Self::Recording(RecordingEntry { header, .. })
            | Self::TurnLog(TurnLogEntry { header, .. }) => *header,
            Self::Utterance(entry) => entry.header,
            Self::CallEnd(entry) => entry.header,
        }
    }
}

/// A call was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStart {
    /// Which.
    pub header: Header,
    /// Who placed it.
    pub user: UserId,
    /// For which lead, if for one.
    pub lead: Option<Uuid>,
    /// Which server holds it: calls that it leaves when it dies are ended at its next start.
    /// Journals have it as `run`, as earlier versions read and write it.
    #[serde(rename = "run", alias = "server")]
    pub server: Uuid,
}

/// Something was said or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UtteranceEntry {
    /// In which call.
    pub header: Header,
    /// What.
    pub utterance: Utterance,
}

/// The conversation as the model saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationEntry {
    /// Of which call.
    pub header: Header,
    /// The messages: a JSON array of objects with `role` and `text`, tool calls and their results included.
    pub messages: serde_json::Value,
}

/// A recording is in the object store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingEntry {
    /// Of which call.
    pub header: Header,
    /// Its id.
    pub id: Uuid,
    /// Where it is.
    pub object_key: String,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub size_bytes: i64,
    /// Its length in time.
    pub duration_ms: i64,
}

/// A log of a call's turn-taking is in the object store. It has no row of its own: the call leads to it, and an entry whose call
/// is gone tells that nothing does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLogEntry {
    /// Of which call.
    pub header: Header,
    /// Where it is.
    pub object_key: String,
}

/// A call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallEnd {
    /// Which.
    pub header: Header,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub ended_at: OffsetDateTime,
    /// From answer to end, by the monotonic clock.
    pub duration_ms: i64,
    /// Why: the `reason` of the protocol's `bye`.
    pub reason: String,
    /// Replies of the agent.
    pub turns: i32,
    /// Replies that the caller took the turn from.
    pub barge_ins: i32,
    /// Replies that were paused and went on.
    pub resumes: i32,
    /// The median of the turns' voice-to-voice times.
    pub voice_to_voice_p50_ms: Option<f64>,
    /// How many utterances the call has: their sequence numbers are 0 to one less.
    pub utterances: i32,
    /// What its engines cost, in millionths of `currency`.
    pub cost_micros: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Use and cost of each engine, as the protocol's `cost` message tells it.
    pub cost: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_journaled_as_earlier_versions_read_it_and_read_under_either_name() {
        let id = Uuid::from_u128(7);
        let header = Header { tenant: TenantId(id), call: CallUuid(id), started_at: OffsetDateTime::UNIX_EPOCH };
        let start = CallStart { header, user: UserId(id), lead: None, server: id };
        let mut written = serde_json::to_value(&start).unwrap();
        let run = written.as_object_mut().unwrap().remove("run").unwrap();
        assert_eq!(run, id.to_string());
        for name in ["run", "server"] {
            let mut read = written.clone();
            read.as_object_mut().unwrap().insert(name.into(), run.clone());
            assert_eq!(serde_json::from_value::<CallStart>(read).unwrap(), start);
        }
    }
}

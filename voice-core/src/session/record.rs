//! What is known of a call once it is over.

use super::Cost;
use crate::history::ModelMessage;
use crate::metrics::TurnTimeline;
use crate::turn::{CallerTurn, EndReason, ReplyOutcome};
use crate::units::{CallId, ReplyId, TurnId};

/// One reply and the caller's turn it answered.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnRecord {
    /// Which turn; what the agent says unasked is a turn of its own.
    pub turn: TurnId,
    /// The reply.
    pub reply: ReplyId,
    /// The caller's turn, unless the agent spoke unasked.
    pub caller: Option<CallerTurn>,
    /// The reply's text as far as it was handed to the TTS.
    pub reply_text: String,
    /// How many bytes of it were heard.
    pub heard_bytes: usize,
    /// How it ended.
    pub outcome: ReplyOutcome,
    /// How many samples of it were played.
    pub played_samples: u64,
    /// Where its time went.
    pub timeline: TurnTimeline,
}

impl TurnRecord {
    /// The part of the reply the caller heard.
    pub fn heard_text(&self) -> &str {
        self.reply_text.get(..self.heard_bytes).unwrap_or_default()
    }
}

/// A whole call.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// Which.
    pub call: CallId,
    /// Every caller turn, in order.
    pub caller_turns: Vec<CallerTurn>,
    /// Every reply of which anything could have been heard, in order.
    pub turns: Vec<TurnRecord>,
    /// The conversation as the model saw it, the whole of it and without the instructions: of replies what was heard, and
    /// tool calls with their results.
    pub conversation: Vec<ModelMessage>,
    /// Why it ended.
    pub reason: EndReason,
    /// Caller audio received, in samples at the line's rate.
    pub received_samples: u64,
    /// Agent audio handed to the line, in samples at its rate.
    pub sent_samples: u64,
    /// What it cost.
    pub cost: Cost,
}

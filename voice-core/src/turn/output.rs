//! What the machine wants done.

use super::Protection;
use crate::units::{Position, ReplyId, ToolRunId, TurnId};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// One thing to do. Outputs are performed in order and none is waited for. Exhaustive on purpose: whoever performs them
/// must know every one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Stop the playout of this reply at once; keep its audio. It may have none yet: then what comes is held.
    Pause(ReplyId),
    /// Go on from the very sample where it paused.
    Resume(ReplyId),
    /// Drop all audio of this reply, for good.
    Clear(ReplyId),
    /// The caller took the turn. Follows the `Clear` of its reply, ends that reply and commits its agent turn.
    BargeIn(BargeInSignal),
    /// Cancel the model and the TTS of this reply; its tools as their policy says.
    Cancel(ReplyId),
    /// Start a reply to the caller's turn.
    StartReply(ReplyStart),
    /// Start a reply that says a given text.
    StartSay {
        /// The new reply.
        reply: ReplyId,
        /// The turn it belongs to.
        turn: TurnId,
        /// What it says.
        text: String,
        /// Whether it may be interrupted.
        protection: Protection,
    },
    /// The turn is confirmed: play what was held and run its tools. Every reply is released before any of it is played.
    Release(ReplyId),
    /// The speculation failed; precedes the `Cancel` and ends the reply. Nothing of it was played.
    Discard(ReplyId),
    /// Speak the next clause.
    Speak {
        /// For which reply.
        reply: ReplyId,
        /// The clause.
        text: String,
    },
    /// No clause follows for this reply.
    FinishSpeech(ReplyId),
    /// Run this tool now.
    RunTool {
        /// For which reply.
        reply: ReplyId,
        /// Which run.
        run: ToolRunId,
    },
    /// Ask the STT for its final transcript.
    FinalizeStt,
    /// The caller's turn is over.
    CallerTurn(CallerTurn),
    /// The agent's turn is over, unless by barge-in (then [`Output::BargeIn`] says it all). Ends the reply. Follows a
    /// `Clear` where audio may be left; unless the reply was completed, its `Cancel` follows.
    AgentTurn(AgentTurn),
    /// A text that waited to be said is not going to be: too many waited, or the call ended.
    SayDropped {
        /// What was not said.
        text: String,
    },
    /// The caller has said nothing for the configured time.
    CallerIdle,
    /// End the call.
    EndCall(EndReason),
}

/// What a reply answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplyStart {
    /// The new reply.
    pub reply: ReplyId,
    /// The turn it answers.
    pub turn: TurnId,
    /// The caller's words as they are known now.
    pub caller_text: String,
    /// Whether it is a guess: its audio is held until [`Output::Release`].
    pub kind: ReplyKind,
}

/// Whether a reply is a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyKind {
    /// Held until the end of turn confirms the same words.
    Speculative,
    /// The turn is over; `Release` follows at once.
    Confirmed,
}

/// Which source decided the end of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EotSource {
    /// Silence past the limit.
    Silence,
    /// A turn model.
    Model,
    /// The STT's own end of turn.
    Stt,
    /// The longest turn.
    Timeout,
    /// Keys were pressed.
    Dtmf,
    /// The call ended before the turn did.
    CallEnded,
}

/// A caller's finished turn.
///
/// It may be committed again with other words, if the caller went on before any of the reply was heard or the STT's
/// final came late: then the later one replaces the earlier one of the same `turn`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallerTurn {
    /// Which.
    pub turn: TurnId,
    /// Its words.
    pub text: String,
    /// What ended it.
    pub source: EotSource,
    /// Its first sample.
    pub onset: Position,
    /// Just after its last sample of speech.
    pub end: Position,
}

/// Why caller speech took the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BargeInCause {
    /// The STT heard a turn begin.
    StartOfTurn,
    /// Words that are a bid for the turn.
    Words,
    /// Speech that lasted.
    Duration,
    /// The policy commits at once.
    Policy,
    /// The program or the client asked for it.
    Command,
}

/// The caller took the turn from the speaking agent. Announced once for each such reply; after it not one sample of
/// the reply reaches the line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BargeInSignal {
    /// The interrupted reply.
    pub reply: ReplyId,
    /// The turn that reply belonged to.
    pub turn: TurnId,
    /// Why.
    pub cause: BargeInCause,
    /// The first sample of the caller's speech, at the line's rate.
    pub onset: Position,
    /// When that speech was noticed.
    #[serde(skip)]
    pub noticed_at: Instant,
    /// When it was decided.
    #[serde(skip)]
    pub committed_at: Instant,
    /// How many samples of the reply were played.
    pub played_samples: u64,
    /// All text of the reply that was handed to the TTS.
    pub reply_text: String,
    /// How many bytes of `reply_text` were heard.
    pub heard_bytes: usize,
}

impl BargeInSignal {
    /// The part of the reply the caller heard.
    pub fn heard_text(&self) -> &str {
        self.reply_text.get(..self.heard_bytes).unwrap_or_default()
    }

    /// The part the caller never heard.
    pub fn discarded_text(&self) -> &str {
        self.reply_text.get(self.heard_bytes..).unwrap_or_default()
    }
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReplyOutcome {
    /// All of it was played.
    Completed,
    /// The caller took the turn.
    BargedIn,
    /// A stage failed or stalled.
    Failed,
    /// The call ended first.
    CallEnded,
    /// The caller had more to say before any of it was heard. Their words join the turn it was to answer, which is
    /// committed again; a text that was to be said is given up.
    Superseded,
}

/// An agent's finished turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentTurn {
    /// Its reply.
    pub reply: ReplyId,
    /// Which turn.
    pub turn: TurnId,
    /// How it ended.
    pub outcome: ReplyOutcome,
    /// How many samples were played.
    pub played_samples: u64,
    /// All text of the reply that was handed to the TTS.
    pub reply_text: String,
    /// How many bytes of `reply_text` were heard.
    pub heard_bytes: usize,
}

impl AgentTurn {
    /// The part of the reply the caller heard.
    pub fn heard_text(&self) -> &str {
        self.reply_text.get(..self.heard_bytes).unwrap_or_default()
    }
}

/// Why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// The caller hung up or closed the line.
    CallerHungUp,
    /// The line broke.
    LineLost,
    /// The agent or the embedding program ended it.
    AgentHungUp,
    /// The caller stayed idle through every prompt.
    CallerIdle,
    /// The call reached its longest duration.
    MaxDuration,
    /// A stage failed for good and nothing could replace it. For the embedding program to give: the session itself goes
    /// on without the stage.
    StageFailed,
    /// The server is shutting down.
    Shutdown,
    /// What said who the caller is has run out, or is now of somebody else. For the embedding program to give.
    Unauthorized,
}

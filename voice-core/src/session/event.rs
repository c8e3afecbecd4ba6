//! What a call tells those who watch it.

use super::cost::Cost;
use super::record::{CallRecord, TurnRecord};
use crate::metrics::BargeInTimeline;
use crate::stage::StageError;
use crate::turn::{BargeInSignal, CallerTurn, EndReason};
use crate::units::{Position, ReplyId, TurnId};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// One thing that happened in a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The call is up; the other instants count from this one.
    Started {
        /// When.
        at: Instant,
    },
    /// The caller began to speak.
    CallerSpeaking {
        /// When it was noticed.
        at: Instant,
        /// The first sample.
        onset: Position,
    },
    /// The caller stopped.
    CallerSilent {
        /// When it was noticed.
        at: Instant,
        /// Just after the last sample.
        end: Position,
    },
    /// The first audio of a reply was handed to the line.
    AgentSpeaking {
        /// When.
        at: Instant,
        /// Which reply.
        reply: ReplyId,
        /// Of which turn.
        turn: TurnId,
    },
    /// The agent's audio ended, or was cleared.
    AgentSilent {
        /// When.
        at: Instant,
        /// Which reply.
        reply: ReplyId,
    },
    /// The caller's words so far.
    Transcript {
        /// Which turn.
        turn: TurnId,
        /// All of the turn.
        text: String,
        /// Whether they may still change.
        finality: Finality,
    },
    /// The caller's turn is over.
    CallerTurn(CallerTurn),
    /// The agent's words so far, and how much of them was heard.
    AgentText {
        /// Which turn.
        turn: TurnId,
        /// Which reply.
        reply: ReplyId,
        /// The text so far.
        text: String,
        /// Bytes of it that were heard.
        heard_bytes: usize,
    },
    /// The agent's audio was paused because the caller spoke.
    Paused {
        /// When.
        at: Instant,
        /// Which reply.
        reply: ReplyId,
    },
    /// It was not a bid for the turn: the audio goes on.
    Resumed(BargeInTimeline),
    /// The caller took the turn.
    BargeIn {
        /// The signal.
        signal: BargeInSignal,
        /// When what happened.
        timeline: BargeInTimeline,
    },
    /// A reply has ended, and with it its turn.
    TurnEnded(Box<TurnRecord>),
    /// A tool ran.
    Tool {
        /// When.
        at: Instant,
        /// Its name.
        name: String,
        /// What happened.
        state: ToolState,
    },
    /// A text is not going to be said: too many waited or came too fast, or the call ended.
    SayDropped {
        /// What was not said.
        text: String,
    },
    /// The caller pressed a key.
    Dtmf(char),
    /// A key was not taken: they come faster than anybody presses them.
    KeyDropped(char),
    /// The caller has said nothing for the configured time.
    CallerIdle,
    /// A stage failed; the call goes on as well as it can. A refusal for good may fail one reply after the other and is
    /// told with the first.
    StageFailed {
        /// Which.
        stage: Stage,
        /// Why.
        error: StageError,
    },
    /// Another engine serves a stage from here on.
    StageSwitched {
        /// Which stage.
        stage: Stage,
        /// The engine that served until now: vendor and model.
        from: String,
        /// The one that serves now.
        to: String,
        /// How the one before failed; none where a better one is there again.
        why: Option<StageError>,
    },
    /// The caller sends faster than real time; this much audio was dropped so far.
    CallerTooFast {
        /// Samples at the line's rate.
        dropped_samples: u64,
    },
    /// The far end cannot be reached and may come back: what the caller says meanwhile is not heard, and the agent waits.
    LineAway {
        /// When.
        at: Instant,
    },
    /// The far end is there again.
    LineBack {
        /// When.
        at: Instant,
        /// When it went away.
        since: Instant,
    },
    /// The watcher was too slow: so many events before this one were dropped.
    EventsLost {
        /// How many.
        count: u64,
    },
    /// What the call used of its stages. Comes once, just before the end.
    Cost(Box<Cost>),
    /// The call is over. The last event.
    Ended {
        /// When.
        at: Instant,
        /// Why.
        reason: EndReason,
    },
}

/// Whether words may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// They may.
    Interim,
    /// They may not.
    Final,
}

/// A stage of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Speech-to-text.
    Stt,
    /// The language model.
    Llm,
    /// Text-to-speech.
    Tts,
}

/// What happened to a tool's run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolState {
    /// It runs.
    Started,
    /// It gave a result.
    Done,
    /// It gave none, and why.
    Failed(String),
    /// The caller took the turn first.
    Cancelled,
}

/// The events of a call, in order.
///
/// Holds [`SessionEvents::CAPACITY`] events. A watcher that falls behind loses interim transcripts and agent text first
/// and then whole events, counted by [`SessionEvent::EventsLost`]; the call never waits for it, and the call's record
/// has every turn whatever the watcher does.
pub struct SessionEvents {
    pub(super) receiver: mpsc::Receiver<SessionEvent>,
    pub(super) record: oneshot::Receiver<CallRecord>,
}

impl SessionEvents {
    /// How many unread events are kept.
    pub const CAPACITY: usize = 1_024;

    /// The next event, or `None` after the last. Cancellation safe.
    pub async fn next(&mut self) -> Option<SessionEvent> {
        self.receiver.recv().await
    }

    /// The record of the call when it is over, before its line is closed: what must be kept can be kept before the far
    /// end is let go. `None` if the call broke off without one. Events that were not read are gone.
    pub async fn into_record(self) -> Option<CallRecord> {
        drop(self.receiver);
        self.record.await.ok()
    }
}

impl futures::Stream for SessionEvents {
    type Item = SessionEvent;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<SessionEvent>> {
        self.receiver.poll_recv(cx)
    }
}

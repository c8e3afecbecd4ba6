//! A reply's life, from its start to the facts its end is told with.
//!
//! Invariant: a reply ends when all of it was played, or failed, or was taken away; until then it counts its text, its
//! audio and what was played of it. It knows nothing of the caller.

use super::{AgentTurn, BargeInCause, BargeInSignal, Protection, ReplyOutcome};
use crate::text::ReplyLedger;
use crate::units::{Position, ReplyId, SampleRate, ToolRunId, TurnId};
use std::time::Instant;

/// More tool runs than this in one reply are not kept track of; a speculative one is given up.
pub(super) const MAX_TOOL_RUNS: usize = 32;

/// An echo is of what was said last: about 20 seconds of English.
pub(super) const ECHO_BYTES: usize = 300;

/// Why the reply exists.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// To answer these words.
    Answer {
        /// The caller's words it was started with.
        caller_text: String,
    },
    /// To say a given text.
    Say,
}

/// Whether the reply may be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Held until the end of turn.
    Held,
    /// Being played.
    Released,
}

/// How far one of the two stages of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// More is to come.
    Running,
    /// It gave all there is.
    Done,
    /// It broke off.
    Failed,
}

/// A live reply.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: ReplyId,
    pub(super) turn: TurnId,
    pub(super) origin: Origin,
    pub(super) protection: Protection,
    pub(super) gate: Gate,
    pub(super) generation: Stage,
    pub(super) speech: Stage,
    pub(super) ledger: ReplyLedger,
    pub(super) played_samples: u64,
    pub(super) drained: bool,
    pub(super) progress_at: Instant,
    /// Asked for and not finished; run only once released.
    pub(super) tools: Vec<ToolRunId>,
}

impl Reply {
    pub(super) fn new(id: ReplyId, turn: TurnId, origin: Origin, rate: SampleRate, now: Instant) -> Self {
        Self {
            id,
            turn,
            origin,
            protection: Protection::Interruptible,
            gate: Gate::Held,
            generation: Stage::Running,
            speech: Stage::Running,
            ledger: ReplyLedger::new(rate),
            played_samples: 0,
            drained: false,
            progress_at: now,
            tools: Vec::new(),
        }
    }

    /// Whether there is audio to be heard or that was heard.
    pub(super) fn has_audio(&self) -> bool {
        self.ledger.audio_samples() > 0
    }

    /// Samples that are there and were not played.
    pub(super) fn unplayed_samples(&self) -> u64 {
        self.ledger.audio_samples().saturating_sub(self.played_samples)
    }

    /// The audio was played up to `samples`; never more than there is, never less than before.
    pub(super) fn played(&mut self, samples: u64) {
        if self.gate == Gate::Released {
            self.played_samples = samples.min(self.ledger.audio_samples()).max(self.played_samples);
        }
    }

    /// How it ended, if it did.
    pub(super) fn outcome(&self) -> Option<ReplyOutcome> {
        if self.gate == Gate::Held {
            return None;
        }
        let all_played = self.drained || self.unplayed_samples() == 0;
        match (self.generation, self.speech) {
            (_, Stage::Failed) if all_played => Some(ReplyOutcome::Failed),
            (Stage::Failed, Stage::Done) if all_played => Some(ReplyOutcome::Failed),
            (Stage::Failed, Stage::Running) if self.ledger.text().is_empty() => Some(ReplyOutcome::Failed),
            (Stage::Done, Stage::Done) if all_played => Some(ReplyOutcome::Completed),
            (_, Stage::Failed | Stage::Running | Stage::Done) => None,
        }
    }

    /// What was heard of it so far.
    pub(super) fn heard_bytes(&self) -> usize {
        self.ledger.heard_bytes(self.played_samples)
    }

    /// The words an echo could hold: the last of those heard, and those of the `margin_samples` after.
    pub(super) fn recent_text(&self, margin_samples: u64) -> &str {
        let text = self.ledger.text();
        let heard = self.ledger.heard_bytes(self.played_samples.saturating_add(margin_samples));
        let from = text.ceil_char_boundary(heard.saturating_sub(ECHO_BYTES));
        text.get(from..heard).unwrap_or_default()
    }

    /// Its end, told.
    pub(super) fn into_agent_turn(self, outcome: ReplyOutcome) -> AgentTurn {
        let heard_bytes = self.heard_bytes();
        AgentTurn {
            reply: self.id,
            turn: self.turn,
            outcome,
            played_samples: self.played_samples,
            reply_text: self.ledger.into_text(),
            heard_bytes,
        }
    }

    /// Its end by the caller, told. Allocates nothing.
    pub(super) fn into_signal(
        self,
        cause: BargeInCause,
        onset: Position,
        noticed_at: Instant,
        committed_at: Instant,
    ) -> BargeInSignal {
        let heard_bytes = self.heard_bytes();
        BargeInSignal {
            reply: self.id,
            turn: self.turn,
            cause,
            onset,
            noticed_at,
            committed_at,
            played_samples: self.played_samples,
            reply_text: self.ledger.into_text(),
            heard_bytes,
        }
    }
}

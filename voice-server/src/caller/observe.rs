//! What the server said about the call, kept for the report.
//!
//! Invariant: keeps what was said and judges nothing. The caller's clock starts when `ready` arrives and the server's
//! when it was sent; they differ by one delivery, which cannot be measured from one end, so server times are taken as
//! they are. Bounded: a call has room for so many turns and overlaps, and what comes after is left out.

use voice_core::transport::native::{BargeInReport, CostReport, ServerMessage, TurnReport};

/// The most turns, and the most overlaps, that are kept.
const MAX_KEPT: usize = 10_000;

/// What the server said about the call.
#[derive(Debug, Default)]
pub(super) struct Observation {
    turns: Vec<TurnReport>,
    barge_ins: Vec<BargeInReport>,
    cost: Option<CostReport>,
}

impl Observation {
    /// Keeps what a message says of turns, overlaps and cost.
    pub(super) fn message(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Turn(turn) if self.turns.len() < MAX_KEPT => self.turns.push(turn.as_ref().clone()),
            ServerMessage::BargeIn(barge_in) if self.barge_ins.len() < MAX_KEPT => {
                self.barge_ins.push(barge_in.clone());
            }
            ServerMessage::Cost(cost) => self.cost = Some(cost.as_ref().clone()),
            _ => {}
        }
    }

    pub(super) fn turns(&self) -> &[TurnReport] {
        &self.turns
    }

    pub(super) fn barge_ins(&self) -> &[BargeInReport] {
        &self.barge_ins
    }

    pub(super) fn cost(&self) -> Option<&CostReport> {
        self.cost.as_ref()
    }
}

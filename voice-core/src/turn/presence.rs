//! The far end may be out of reach for a while, and come back.
//!
//! Invariant: while it is away nothing is decided for want of a sound from it: no timer runs but the longest call. What it
//! had begun to say or to hear goes on when it is back.

use super::TurnMachine;
use super::machine::Phase;

/// Whether the far end can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    Away,
}

impl TurnMachine {
    pub(super) fn line_away(&mut self) {
        self.presence = Presence::Away;
    }

    /// Silence of the far end counts from here; silence that ends a turn does not: what was being said is over.
    pub(super) fn line_back(&mut self) {
        let (now, was) = (self.now, std::mem::replace(&mut self.presence, Presence::Here));
        if was == Presence::Here {
            return;
        }
        self.agenda.still_there(now);
        match &mut self.phase {
            Phase::Speculating(reply) | Phase::Replying(reply) | Phase::Paused(reply, _) => reply.progress_at = now,
            Phase::Ending { guess: Some(reply), .. } => reply.progress_at = now,
            Phase::Ending { guess: None, .. } | Phase::Listening | Phase::Over => {}
        }
    }
}

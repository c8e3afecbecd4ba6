//! What may be seen of the machine from outside: never needed to run it.

use super::TurnMachine;
use super::machine::Phase;
use super::reply::Reply;
use crate::units::{ReplyId, TurnId};

impl TurnMachine {
    /// The caller's turn in progress and all its words so far, if there are any.
    pub fn words_so_far(&self) -> Option<(TurnId, &str)> {
        if self.floor.words.is_empty() {
            return None;
        }
        let turn = self.floor.turn.as_ref().and_then(|turn| turn.id)?;
        Some((turn, self.floor.words.text()))
    }

    /// The text of a living reply so far, and how many bytes of it were heard.
    pub fn heard_so_far(&self, reply: ReplyId) -> Option<(&str, usize)> {
        let living = self.living().filter(|living| living.id == reply)?;
        Some((living.ledger.text(), living.ledger.heard_bytes(living.played_samples)))
    }

    /// Whether there is a reply that [`Command::Interrupt`](super::Command::Interrupt) would end.
    pub fn agent_has_floor(&self) -> bool {
        match self.phase {
            Phase::Replying(_) | Phase::Paused(..) => true,
            Phase::Listening | Phase::Speculating(_) | Phase::Ending { .. } | Phase::Over => false,
        }
    }

    fn living(&self) -> Option<&Reply> {
        match &self.phase {
            Phase::Speculating(reply) | Phase::Replying(reply) | Phase::Paused(reply, _) => Some(reply),
            Phase::Ending { guess, .. } => guess.as_ref(),
            Phase::Listening | Phase::Over => None,
        }
    }
}

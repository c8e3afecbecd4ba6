//! What the caller's words are, next to what the agent says: a bid, listening, the agent's own echo, or nothing.
//!
//! Invariant: nothing here allocates; the words of an echo never become a turn.

use super::TurnMachine;
use super::machine::Phase;
use super::reply::{ECHO_BYTES, Reply};
use crate::text::{Overlap, classify_overlap};
use crate::units::SampleRate;
use std::time::{Duration, Instant};

/// The words of an echo lag the audio, and what is played lags what was reported: so much more of the reply than was
/// reported counts as just said.
const ECHO_MARGIN_MS: u64 = 500;

/// An STT's words come up to so much later than the sound: a turn that opens within this time of the agent's last sample
/// may be an echo.
const ECHO_TAIL_MS: u64 = 1_500;

/// What the agent said last, for the echo that comes after it fell silent.
#[derive(Debug)]
pub(super) struct LastSaid {
    text: String,
    until: Option<Instant>,
}

impl LastSaid {
    pub(super) fn new() -> Self {
        Self { text: String::with_capacity(2 * ECHO_BYTES), until: None }
    }

    /// The agent has just said all of `reply` that was heard.
    pub(super) fn note(&mut self, reply: &Reply, now: Instant) {
        self.text.clear();
        self.text.push_str(reply.recent_text(0));
        self.until = Some(now);
    }

    fn is_echoed_by(&self, words: &str, opened_at: Instant) -> bool {
        let tail = Duration::from_millis(ECHO_TAIL_MS);
        self.until.is_some_and(|until| opened_at.saturating_duration_since(until) <= tail)
            && classify_overlap(words, &self.text) == Overlap::Echo
    }
}

impl TurnMachine {
    /// What the words over any released reply are.
    pub(super) fn overlap_with_agent(&self) -> Option<Overlap> {
        match &self.phase {
            Phase::Replying(reply) | Phase::Paused(reply, _) => {
                let said = reply.recent_text(margin_samples(self.rate));
                Some(classify_overlap(self.floor.words.text(), said))
            }
            Phase::Listening | Phase::Speculating(_) | Phase::Ending { .. } | Phase::Over => None,
        }
    }

    /// Whether the words said so far are the caller's and meant for the agent.
    pub(super) fn open_words_are_a_turn(&self) -> bool {
        match self.overlap_with_agent() {
            None => !self.is_late_echo(),
            Some(Overlap::Bid | Overlap::Backchannel) => true,
            Some(Overlap::Echo | Overlap::Nothing) => false,
        }
    }

    fn is_late_echo(&self) -> bool {
        let turn = self.floor.turn.as_ref();
        turn.is_some_and(|turn| self.last_said.is_echoed_by(self.floor.words.text(), turn.opened_at))
    }

    /// What the STT made of the agent's own voice, or of nothing, is no turn of the caller's.
    pub(super) fn drop_echo(&mut self) {
        if !self.open_words_are_a_turn() {
            self.floor.drop_turn();
        }
    }
}

fn margin_samples(rate: SampleRate) -> u64 {
    rate.samples_in_ms(ECHO_MARGIN_MS)
}

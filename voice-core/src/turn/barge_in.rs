//! Speech over the agent: pause at once, then decide.
//!
//! Invariant: silence comes first. A pause ends in exactly one way: the caller takes the floor, or the reply goes on from
//! the same sample, or the reply or the call ends. Nothing here allocates until the floor is taken.

use super::floor::Speech;
use super::machine::Phase;
use super::reply::{Origin, Reply, Stage};
use super::{BargeInCause, BargeInPolicy, EotSource, Output, Protection, ReplyOutcome, SttInput, TurnMachine};
use crate::text::{Overlap, has_stop_word, word_count};
use crate::units::Position;
use std::time::Instant;

/// With less than this left to play, "yes" is an answer to the agent and not a sign of listening.
const ANSWER_TAIL_MS: u64 = 500;

/// Why and since when a reply is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) paused_at: Instant,
    /// Since when the speech is over and its verdict awaited.
    pub(super) quiet_since: Option<Instant>,
    pub(super) heard: Heard,
}

/// Whether the caller had heard of the reply when they spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Its audio had not begun: their turn may not have been over.
    Nothing,
    /// Its audio had begun.
    Some,
}

impl Heard {
    fn of(reply: &Reply) -> Self {
        if reply.has_audio() { Self::Some } else { Self::Nothing }
    }
}

impl TurnMachine {
    fn is_interruptible(&self, reply: &Reply) -> bool {
        reply.protection == Protection::Interruptible && self.config.barge_in != BargeInPolicy::Never
    }

    /// The VAD noticed speech while a reply is live.
    pub(super) fn caller_spoke_up(&mut self) {
        match &mut self.phase {
            Phase::Paused(_, pause) => pause.quiet_since = None,
            Phase::Replying(_) => self.pause_or_commit(),
            Phase::Listening | Phase::Speculating(_) | Phase::Ending { .. } | Phase::Over => {}
        }
    }

    fn pause_or_commit(&mut self) {
        let Phase::Replying(reply) = &self.phase else { return };
        if !self.is_interruptible(reply) {
            return;
        }
        match self.config.barge_in {
            BargeInPolicy::Immediate if reply.has_audio() => self.take_floor(BargeInCause::Policy),
            BargeInPolicy::Immediate | BargeInPolicy::Confirmed | BargeInPolicy::MinWords(_) => self.pause(),
            BargeInPolicy::Never => {}
        }
    }

    fn pause(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Listening) {
            Phase::Replying(reply) => {
                self.emit(Output::Pause(reply.id));
                let pause = Pause { paused_at: self.now, quiet_since: None, heard: Heard::of(&reply) };
                self.phase = Phase::Paused(reply, pause);
            }
            other @ (Phase::Listening
            | Phase::Speculating(_)
            | Phase::Ending { .. }
            | Phase::Paused(..)
            | Phase::Over) => self.phase = other,
        }
    }

    /// The overlapping speech ended without a bid so far.
    pub(super) fn caller_fell_silent(&mut self) {
        self.ask_for_final();
        let decided = !self.floor.awaits_final();
        if let Phase::Paused(_, pause) = &mut self.phase {
            pause.quiet_since = Some(self.now);
        }
        if decided {
            self.resume();
        }
    }

    /// Words while a reply is live.
    pub(super) fn words_over_agent(&mut self, said: &SttInput) {
        let Some(overlap) = self.overlap() else { return self.words_over_protected(said) };
        let overlap = self.judged(overlap, said);
        if overlap == Overlap::Bid && self.enough_words() {
            let cause = match said {
                SttInput::StartOfTurn { .. } => BargeInCause::StartOfTurn,
                SttInput::Interim { .. }
                | SttInput::EagerEndOfTurn { .. }
                | SttInput::Final { .. }
                | SttInput::EndOfTurn { .. }
                | SttInput::TurnResumed
                | SttInput::Interrupted
                | SttInput::Failed => BargeInCause::Words,
            };
            self.take_floor(cause);
            return self.words_of_turn(said);
        }
        match said {
            SttInput::Final { .. } | SttInput::EndOfTurn { .. } => self.final_words_no_bid(overlap),
            SttInput::StartOfTurn { .. }
            | SttInput::Interim { .. }
            | SttInput::EagerEndOfTurn { .. }
            | SttInput::TurnResumed
            | SttInput::Interrupted
            | SttInput::Failed => {}
        }
    }

    /// What these words are, given how long the sound was: too short a one holds none that the STT can be sure of.
    fn judged(&self, overlap: Overlap, said: &SttInput) -> Overlap {
        match said {
            SttInput::Interim { .. } | SttInput::EagerEndOfTurn { .. } => self.unless_misheard(overlap, usize::MAX),
            SttInput::Final { .. } | SttInput::EndOfTurn { .. } => self.unless_misheard(overlap, 1),
            SttInput::StartOfTurn { .. } | SttInput::TurnResumed | SttInput::Interrupted | SttInput::Failed => overlap,
        }
    }

    /// Over a reply that is being heard, a bid of at most `words` words in a sound shorter than the limit is what an STT
    /// makes of a cough.
    fn unless_misheard(&self, overlap: Overlap, words: usize) -> Overlap {
        let text = self.floor.words.text();
        let limit = self.rate.samples_in_ms(self.config.bid_speech_ms);
        let is_short = self.floor.speech_so_far(self.rate, self.now).is_some_and(|samples| samples < limit);
        let over_speech = matches!(self.heard(), Heard::Some);
        if over_speech && overlap == Overlap::Bid && is_short && !has_stop_word(text) && word_count(text) <= words {
            Overlap::Backchannel
        } else {
            overlap
        }
    }

    /// The agent finishes first; the words wait.
    fn words_over_protected(&mut self, said: &SttInput) {
        if matches!(said, SttInput::EndOfTurn { .. }) {
            self.end_turn(EotSource::Stt);
        }
    }

    /// What the words over an interruptible reply are.
    fn overlap(&self) -> Option<Overlap> {
        let (Phase::Replying(reply) | Phase::Paused(reply, _)) = &self.phase else { return None };
        if self.is_interruptible(reply) { self.overlap_with_agent() } else { None }
    }

    fn enough_words(&self) -> bool {
        match (self.config.barge_in, self.heard()) {
            (BargeInPolicy::MinWords(count), Heard::Some) => {
                word_count(self.floor.words.text()) >= usize::try_from(count).unwrap_or(usize::MAX)
            }
            (BargeInPolicy::MinWords(_), Heard::Nothing)
            | (BargeInPolicy::Immediate | BargeInPolicy::Confirmed | BargeInPolicy::Never, _) => true,
        }
    }

    fn heard(&self) -> Heard {
        match &self.phase {
            Phase::Paused(_, pause) => pause.heard,
            Phase::Replying(reply) => Heard::of(reply),
            Phase::Listening | Phase::Speculating(_) | Phase::Ending { .. } | Phase::Over => Heard::Nothing,
        }
    }

    /// The words are final and no bid: the reply goes on, unless sound without words does.
    fn final_words_no_bid(&mut self, overlap: Overlap) {
        if overlap == Overlap::Nothing && self.floor.is_speaking() {
            return;
        }
        if matches!(self.phase, Phase::Paused(..)) && self.floor.awaits_final() {
            // Of a part of it only.
            return;
        }
        self.drop_unless_for_later(overlap);
        self.resume_playout();
    }

    /// The pause brought no bid: the reply goes on from the same sample.
    pub(super) fn resume(&mut self) {
        if let Some(overlap) = self.overlap() {
            self.drop_unless_for_later(self.unless_misheard(overlap, 1));
        }
        self.resume_playout();
    }

    fn resume_playout(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Listening) {
            Phase::Paused(mut reply, _) => {
                self.emit(Output::Resume(reply.id));
                reply.progress_at = self.now;
                self.phase = Phase::Replying(reply);
            }
            other @ (Phase::Listening
            | Phase::Speculating(_)
            | Phase::Ending { .. }
            | Phase::Replying(_)
            | Phase::Over) => self.phase = other,
        }
    }

    /// Words that are no bid are dropped, but those that may be an answer, or are too few for the policy, are the
    /// caller's next turn.
    fn drop_unless_for_later(&mut self, overlap: Overlap) {
        let keep = match overlap {
            Overlap::Bid => true,
            Overlap::Backchannel => self.is_nearly_over(),
            Overlap::Echo | Overlap::Nothing => false,
        };
        if !keep {
            self.floor.drop_turn();
        }
    }

    fn is_nearly_over(&self) -> bool {
        match &self.phase {
            Phase::Replying(reply) | Phase::Paused(reply, _) => {
                let left = reply.unplayed_samples();
                reply.speech == Stage::Done && left <= self.rate.samples_in_ms(ANSWER_TAIL_MS)
            }
            Phase::Listening | Phase::Speculating(_) | Phase::Ending { .. } | Phase::Over => false,
        }
    }

    /// The longest pause is over: speech that still goes on is a bid, anything else is not.
    pub(super) fn pause_too_long(&mut self) {
        match self.config.barge_in {
            BargeInPolicy::Immediate | BargeInPolicy::Confirmed if self.floor.is_speaking() => {
                self.take_floor(BargeInCause::Duration);
            }
            BargeInPolicy::Immediate | BargeInPolicy::Confirmed | BargeInPolicy::MinWords(_) | BargeInPolicy::Never => {
                self.resume()
            }
        }
    }

    /// Protection or policy changed: a reply that must now be finished goes on, one that need not is paused.
    pub(super) fn policy_changed(&mut self) {
        match &self.phase {
            Phase::Paused(reply, _) if !self.is_interruptible(reply) => self.resume_playout(),
            Phase::Replying(_) if self.floor.is_speaking() => self.pause_or_commit(),
            Phase::Listening
            | Phase::Speculating(_)
            | Phase::Ending { .. }
            | Phase::Replying(_)
            | Phase::Paused(..)
            | Phase::Over => {}
        }
    }

    pub(super) fn protect(&mut self, protection: Protection) {
        self.protection = protection;
        if let Some(reply) = self.reply_mut() {
            reply.protection = protection;
        }
        self.policy_changed();
    }

    /// Somebody pressed stop: the agent falls silent, protected or not.
    pub(super) fn interrupt(&mut self) {
        match self.phase {
            Phase::Replying(_) | Phase::Paused(..) => self.barge_in(BargeInCause::Command),
            Phase::Listening | Phase::Speculating(_) | Phase::Ending { .. } | Phase::Over => {}
        }
    }

    /// A key was pressed: as good as a bid, where the policy lets one count.
    pub(super) fn key_over_agent(&mut self) {
        if self.overlap().is_some() {
            self.take_floor(BargeInCause::Command);
        }
    }

    /// The caller has the floor. A reply of which nothing was heard was started too early: it goes, and the turn it was
    /// to answer goes on.
    pub(super) fn take_floor(&mut self, cause: BargeInCause) {
        match self.heard() {
            Heard::Some => self.barge_in(cause),
            Heard::Nothing => self.supersede(),
        }
    }

    fn barge_in(&mut self, cause: BargeInCause) {
        let (onset, noticed_at) = self.bid_began();
        let Some(reply) = self.take_reply() else { return };
        let id = reply.id;
        self.emit(Output::Clear(id));
        let signal = reply.into_signal(cause, onset, noticed_at, self.now);
        self.emit(Output::BargeIn(signal));
        self.emit(Output::Cancel(id));
        self.recent = None;
        self.agenda.caller_answered();
    }

    /// Where and when the speech began that takes the floor.
    fn bid_began(&self) -> (Position, Instant) {
        match (self.floor.speech, &self.floor.turn) {
            (Speech::Speaking { onset, noticed_at }, _) => (onset, noticed_at),
            (Speech::Silent, Some(turn)) => (turn.onset, turn.opened_at),
            (Speech::Silent, None) => (self.position_now(), self.now),
        }
    }

    /// Ends a reply of which nothing was heard and takes the turn back that it was to answer.
    pub(super) fn supersede(&mut self) {
        let Some(reply) = self.take_reply() else { return };
        let (id, turn) = (reply.id, reply.turn);
        let answers = matches!(reply.origin, Origin::Answer { .. });
        self.emit(Output::Clear(id));
        self.emit(Output::AgentTurn(reply.into_agent_turn(ReplyOutcome::Superseded)));
        self.emit(Output::Cancel(id));
        self.agenda.caller_answered();
        if answers {
            self.take_back_turn(turn);
        }
    }
}

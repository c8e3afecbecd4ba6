//! Words of a turn that was committed already: the STT's final came late, or the caller went on.
//!
//! Invariant: every word belongs to one turn. Late words are never taken for a bid, and never lost: if nothing of the
//! reply was heard they change what is answered, else they only correct the turn's text.

use super::floor::{Hearing, LATE_WORDS_MS, OpenTurn};
use super::machine::Phase;
use super::words::GivenWords;
use super::{CallerTurn, EotSource, Output, Protection, SttInput, TurnMachine};
use crate::text::{same_words, word_count};
use crate::units::{Position, TurnId};
use std::time::{Duration, Instant};

/// A turn this long is not taken back to be answered anew: five minutes of speech. What follows is the next turn.
const MAX_TAKEN_BACK_BYTES: usize = 4_096;

/// The turn that was committed last.
#[derive(Debug)]
pub(super) struct Recent {
    pub(super) turn: OpenTurn,
    pub(super) words: GivenWords,
    pub(super) source: EotSource,
    pub(super) final_outstanding: bool,
    pub(super) committed_at: Instant,
}

impl Recent {
    fn is_long(&self) -> bool {
        self.words.text.len() >= MAX_TAKEN_BACK_BYTES
    }
}

impl TurnMachine {
    /// Takes words that belong to the turn committed last; says whether they did.
    pub(super) fn takes_as_late(&mut self, said: &SttInput) -> bool {
        if !self.is_late_window_open() {
            return false;
        }
        match said {
            SttInput::StartOfTurn { .. } | SttInput::TurnResumed | SttInput::Interrupted | SttInput::Failed => {
                return false;
            }
            SttInput::Interim { text } | SttInput::EagerEndOfTurn { text } => self.late_interim(text),
            SttInput::Final { text, end } => self.late_final(text, *end),
            SttInput::EndOfTurn { text } => self.late_final(text, None),
        }
        true
    }

    fn is_late_window_open(&self) -> bool {
        let replying = matches!(self.phase, Phase::Replying(_));
        let window = Duration::from_millis(LATE_WORDS_MS);
        replying
            && self.floor.is_free()
            && self.recent.as_ref().is_some_and(|recent| {
                recent.final_outstanding && self.now.saturating_duration_since(recent.committed_at) <= window
            })
    }

    /// The segment grows though its turn was committed: if it holds more words, the turn was not over.
    fn late_interim(&mut self, text: &str) {
        let Some(recent) = &self.recent else { return };
        let grew = word_count(recent.words.own_part(text)) > word_count(recent.words.open());
        if grew && self.may_restart() {
            self.supersede_with(Hearing::Open, text);
            if let Some(turn) = &mut self.floor.turn {
                turn.silent_since = Some(self.now);
                turn.stable_since = Some(self.now);
            }
        }
    }

    fn late_final(&mut self, text: &str, end: Option<Position>) {
        let Some(recent) = &mut self.recent else { return };
        recent.final_outstanding = !self.floor.is_covered(recent.turn.end, end);
        let own = recent.words.own_part(text);
        let same = own.trim().is_empty() || same_words(own, recent.words.open());
        if same {
            recent.words.close_open();
            self.floor.close_as_is(self.now);
        } else if self.may_restart() {
            self.supersede_with(Hearing::Closed { end }, text);
        } else {
            self.correct_turn(text);
        }
    }

    fn may_restart(&self) -> bool {
        if self.recent.as_ref().is_some_and(Recent::is_long) {
            return false;
        }
        match &self.phase {
            Phase::Replying(reply) => reply.played_samples == 0 && reply.protection == Protection::Interruptible,
            Phase::Listening | Phase::Speculating(_) | Phase::Ending { .. } | Phase::Paused(..) | Phase::Over => false,
        }
    }

    /// The turn goes on with `text` in place of the segment it was committed with.
    fn supersede_with(&mut self, hearing: Hearing, text: &str) {
        let Some(recent) = &mut self.recent else { return };
        recent.words.drop_open();
        self.floor.words.unuse(&recent.words);
        self.supersede();
        let position = self.position_now();
        self.floor.hear(hearing, text, position, self.now);
    }

    /// The reply is being heard: only the turn's text is put right.
    fn correct_turn(&mut self, text: &str) {
        self.floor.close_as_is(self.now);
        let Some(recent) = &mut self.recent else { return };
        let Some(turn) = recent.turn.id else { return };
        recent.words.replace_open(text);
        recent.words.close_open();
        let text = recent.words.text.clone();
        let (onset, end) = (recent.turn.onset, recent.turn.end);
        let source = recent.source;
        self.emit(Output::CallerTurn(CallerTurn { turn, text, source, onset, end }));
    }

    /// The turn `id` was not over: its words are put before those heard since.
    pub(super) fn take_back_turn(&mut self, id: TurnId) {
        match self.recent.take() {
            Some(recent) if recent.turn.id == Some(id) && !recent.is_long() => {
                self.floor.take_back(recent.turn, recent.words.text.trim(), self.now)
            }
            other => self.recent = other,
        }
    }
}

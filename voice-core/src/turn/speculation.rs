//! Guesses: replies started before the end of the turn is certain.
//!
//! Invariant: a guess is held until the turn is committed with the same words; anything else discards it. It runs no
//! tool and is never heard.

use super::machine::Phase;
use super::reply::{Origin, Reply};
use super::{Output, ReplyKind, ReplyStart, Speculation, TurnMachine};
use crate::text::same_words;

impl TurnMachine {
    /// The words have not changed in this silence: ask the STT for its final, once, and guess.
    pub(super) fn words_are_stable(&mut self) {
        if let Some(turn) = &mut self.floor.turn {
            turn.stable_since = None;
        }
        self.ask_for_final();
        self.speculate();
    }

    pub(super) fn ask_for_final(&mut self) {
        let awaited = self.floor.awaits_final();
        if let Some(turn) = &mut self.floor.turn
            && awaited
            && !turn.asked_for_final
        {
            turn.asked_for_final = true;
            self.emit(Output::FinalizeStt);
        }
    }

    /// Starts a guess, if one pays and is allowed.
    pub(super) fn speculate(&mut self) {
        if !matches!(self.phase, Phase::Listening) || !self.may_speculate() {
            return;
        }
        let reply = self.start_answer(ReplyKind::Speculative);
        if let Some(turn) = &mut self.floor.turn {
            turn.speculations = turn.speculations.saturating_add(1);
        }
        self.phase = Phase::Speculating(reply);
    }

    fn may_speculate(&self) -> bool {
        let tries = self.floor.turn.as_ref().map_or(u32::MAX, |turn| turn.speculations);
        self.config.speculation == Speculation::On
            && tries < self.config.max_speculations
            && !self.floor.words.is_empty()
            && self.keys.is_empty()
            && self.open_words_are_a_turn()
    }

    /// Starts a reply to the words so far.
    pub(super) fn start_answer(&mut self, kind: ReplyKind) -> Reply {
        let turn = self.open_turn_id();
        let caller_text = self.floor.words.text().to_owned();
        let id = self.next_reply();
        let origin = Origin::Answer { caller_text: caller_text.clone() };
        self.emit(Output::StartReply(ReplyStart { reply: id, turn, caller_text, kind }));
        let mut reply = Reply::new(id, turn, origin, self.rate, self.now);
        reply.protection = self.protection;
        reply
    }

    /// Gives the guess up, if there is one, and listens on.
    pub(super) fn discard_guess(&mut self) {
        if let Some(guess) = self.take_reply() {
            self.emit(Output::Discard(guess.id));
            self.emit(Output::Cancel(guess.id));
        }
    }

    /// Whether the guess, if there is one, answers the words as they are now.
    pub(super) fn guess_fits(&self) -> bool {
        match &self.phase {
            Phase::Speculating(guess) | Phase::Ending { guess: Some(guess), .. } => match &guess.origin {
                Origin::Answer { caller_text } => same_words(caller_text, self.floor.words.text()),
                Origin::Say => false,
            },
            Phase::Listening
            | Phase::Ending { guess: None, .. }
            | Phase::Replying(_)
            | Phase::Paused(..)
            | Phase::Over => false,
        }
    }
}

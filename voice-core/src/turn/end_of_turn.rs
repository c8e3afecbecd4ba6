//! The end of the caller's turn: one rule for all sources, the wait for the final, the commit.
//!
//! Invariant: a turn is committed once its words are final or its wait is over; words heard before belong to it, words
//! heard after to the next.

use super::floor::{Ends, Hearing, Speech};
use super::late::Recent;
use super::machine::Phase;
use super::{CallerTurn, EotSource, Output, ReplyKind, SttInput, TurnMachine};
use crate::units::{Position, TurnId};

impl TurnMachine {
    /// A turn that the STT has found is its to end, until it has or another source did.
    pub(super) fn note_who_ends(&mut self, said: &SttInput) {
        match said {
            SttInput::StartOfTurn { .. } => self.floor.ends = Ends::ByStt,
            SttInput::EndOfTurn { .. } => self.floor.ends = Ends::BySilence,
            SttInput::Interim { .. }
            | SttInput::EagerEndOfTurn { .. }
            | SttInput::TurnResumed
            | SttInput::Final { .. }
            | SttInput::Interrupted
            | SttInput::Failed => {}
        }
    }

    /// The STT finds the turn only now that silence has ended it: its words are still to come.
    fn not_over_by_silence(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Listening) {
            Phase::Ending { source: EotSource::Silence, guess: Some(guess), .. } => {
                self.phase = Phase::Speculating(guess)
            }
            Phase::Ending { source: EotSource::Silence, guess: None, .. } => {}
            other @ (Phase::Listening
            | Phase::Speculating(_)
            | Phase::Ending { .. }
            | Phase::Replying(_)
            | Phase::Paused(..)
            | Phase::Over) => self.phase = other,
        }
    }

    /// Notes the words of any STT event.
    pub(super) fn hear(&mut self, said: &SttInput) {
        let position = self.position_now();
        if let Some(recent) = &mut self.recent
            && ends_segment(said).is_some_and(|end| self.floor.is_covered(recent.turn.end, end))
        {
            recent.final_outstanding = false;
        }
        match said {
            SttInput::StartOfTurn { text } | SttInput::Interim { text } | SttInput::EagerEndOfTurn { text } => {
                self.floor.hear(Hearing::Open, text, position, self.now);
            }
            // An end of turn may come without words of its own: it takes those there are.
            SttInput::EndOfTurn { text } if text.trim().is_empty() => self.floor.close_as_is(self.now),
            SttInput::Final { text, end } => {
                self.floor.hear(Hearing::Closed { end: *end }, text, position, self.now);
            }
            SttInput::EndOfTurn { text } => {
                self.floor.hear(Hearing::Closed { end: None }, text, position, self.now);
            }
            SttInput::TurnResumed | SttInput::Interrupted | SttInput::Failed => {}
        }
    }

    /// Words while the caller has the floor.
    pub(super) fn words_of_turn(&mut self, said: &SttInput) {
        if matches!(self.phase, Phase::Speculating(_)) && !self.guess_fits() {
            self.discard_guess();
        }
        match said {
            SttInput::EagerEndOfTurn { .. } => self.speculate(),
            SttInput::EndOfTurn { .. } => self.end_turn(EotSource::Stt),
            SttInput::Final { .. } => self.final_in_silence(),
            SttInput::StartOfTurn { .. }
            | SttInput::Interim { .. }
            | SttInput::TurnResumed
            | SttInput::Interrupted
            | SttInput::Failed => {}
        }
    }

    /// A final needs no further stability: it is guessed on as soon as the silence is long enough.
    fn final_in_silence(&mut self) {
        let Some(turn) = &mut self.floor.turn else { return };
        let Some(since) = turn.silent_since else { return };
        turn.stable_since = Some(since);
    }

    /// Words while the final is awaited.
    pub(super) fn words_of_ended_turn(&mut self, said: &SttInput) {
        let Phase::Ending { source, .. } = self.phase else { return };
        match said {
            // Silence was only the backstop: the STT ends the turn after all.
            SttInput::EndOfTurn { .. } if source == EotSource::Silence => self.commit_turn(EotSource::Stt),
            // The words of a part only: those of the rest are still to come.
            SttInput::Final { .. } if self.floor.awaits_final() => {}
            SttInput::Final { .. } | SttInput::EndOfTurn { .. } => self.commit_turn(source),
            SttInput::StartOfTurn { .. } => {
                self.not_over_by_silence();
                self.words_of_turn(said);
            }
            SttInput::Interim { .. }
            | SttInput::EagerEndOfTurn { .. }
            | SttInput::TurnResumed
            | SttInput::Interrupted
            | SttInput::Failed => {}
        }
    }

    /// The STT takes its end of turn back.
    pub(super) fn turn_resumed(&mut self) {
        match self.phase {
            Phase::Speculating(_) => self.discard_guess(),
            Phase::Ending { .. } => self.turn_goes_on(),
            Phase::Listening | Phase::Replying(_) | Phase::Paused(..) | Phase::Over => {}
        }
    }

    /// The end of turn was a mistake: the caller goes on.
    pub(super) fn turn_goes_on(&mut self) {
        if matches!(self.phase, Phase::Ending { guess: None, .. }) {
            self.phase = Phase::Listening;
        }
        self.discard_guess();
    }

    /// A source says the turn is over.
    pub(super) fn end_turn(&mut self, source: EotSource) {
        let Some(turn) = &mut self.floor.turn else { return };
        match self.phase {
            Phase::Listening | Phase::Speculating(_) => {}
            Phase::Replying(_) | Phase::Paused(..) => {
                turn.ended_by = Some(source);
                return;
            }
            Phase::Ending { .. } | Phase::Over => return,
        }
        if self.floor.awaits_final() && source != EotSource::Stt {
            self.ask_for_final();
            let guess = self.take_reply();
            self.phase = Phase::Ending { source, since: self.now, guess };
        } else {
            self.commit_turn(source);
        }
    }

    pub(super) fn final_did_not_come(&mut self) {
        if let Phase::Ending { source, .. } = self.phase {
            self.commit_turn(source);
        }
    }

    /// Commits the turn and answers it: with the guess, if that answers the same words.
    fn commit_turn(&mut self, source: EotSource) {
        self.floor.ends = Ends::BySilence;
        if self.floor.words.is_empty() {
            return self.commit_without_words();
        }
        if !self.open_words_are_a_turn() {
            return self.commit_echo();
        }
        let guess = if self.guess_fits() { self.take_reply() } else { None };
        if guess.is_none() {
            self.turn_goes_on();
        }
        let committed = self.caller_turn(source);
        self.emit(Output::CallerTurn(committed));
        let reply = guess.unwrap_or_else(|| self.start_answer(ReplyKind::Confirmed));
        self.forget_turn(source);
        self.agenda.caller_answered();
        self.release(reply);
    }

    /// The turn in progress as it is told.
    fn caller_turn(&mut self, source: EotSource) -> CallerTurn {
        let turn = self.open_turn_id();
        let end = self.end_of_speech();
        let onset = self.floor.turn.as_ref().map_or(end, |turn| turn.onset);
        let text = self.floor.words.text().to_owned();
        CallerTurn { turn, text, source, onset, end: end.max(onset) }
    }

    /// Just after the caller's last sample, or now where they still speak.
    fn end_of_speech(&self) -> Position {
        match (self.floor.speech, &self.floor.turn) {
            (Speech::Silent, Some(turn)) => turn.end,
            (Speech::Silent, None) | (Speech::Speaking { .. }, _) => self.position_now(),
        }
    }

    /// The next words are a new turn; this one is remembered in case it was not over.
    fn forget_turn(&mut self, source: EotSource) {
        let final_outstanding = self.floor.awaits_final();
        let words = self.floor.words.give();
        if let Some(turn) = self.floor.turn.take() {
            self.recent = Some(Recent { turn, words, source, final_outstanding, committed_at: self.now });
        }
    }

    /// The words are the agent's own: there is no turn.
    fn commit_echo(&mut self) {
        self.turn_goes_on();
        self.floor.drop_turn();
        self.floor.turn = None;
    }

    fn commit_without_words(&mut self) {
        self.turn_goes_on();
        let Some(turn) = self.floor.turn.take() else { return };
        let enough = self.rate.samples_in_ms(self.config.not_heard_speech_ms.min(u64::from(u32::MAX)));
        if turn.speech_samples >= enough {
            self.not_heard();
        }
    }

    /// The id of the turn in progress.
    pub(super) fn open_turn_id(&mut self) -> TurnId {
        if let Some(id) = self.floor.turn.as_ref().and_then(|turn| turn.id) {
            return id;
        }
        let id = self.next_turn();
        if let Some(turn) = &mut self.floor.turn {
            turn.id = Some(id);
        }
        id
    }

    /// Words that can be seen belong to a turn with an id: looking at them changes nothing.
    pub(super) fn name_open_turn(&mut self) {
        if self.floor.turn.is_some() && !self.floor.words.is_empty() {
            self.open_turn_id();
        }
    }

    /// The call ends: words that were said are committed as they are.
    pub(super) fn commit_open_words(&mut self) {
        self.keys_into_words();
        if self.floor.words.is_empty() || !self.open_words_are_a_turn() {
            return;
        }
        if matches!(self.phase, Phase::Speculating(_) | Phase::Ending { .. }) {
            self.turn_goes_on();
        }
        let committed = self.caller_turn(EotSource::CallEnded);
        self.emit(Output::CallerTurn(committed));
        self.forget_turn(EotSource::CallEnded);
    }
}

/// Where the words of what closes a segment end, as far as it says; none where it closes none.
fn ends_segment(said: &SttInput) -> Option<Option<Position>> {
    match said {
        SttInput::Final { end, .. } => Some(*end),
        SttInput::EndOfTurn { .. } => Some(None),
        SttInput::StartOfTurn { .. }
        | SttInput::Interim { .. }
        | SttInput::EagerEndOfTurn { .. }
        | SttInput::TurnResumed
        | SttInput::Interrupted
        | SttInput::Failed => None,
    }
}

//! The machine itself: its state, and which part takes which input.
//!
//! Invariant: after every [`TurnMachine::handle`] no timer is due and nothing that could be done at once is left undone.

use super::agenda::Agenda;
use super::barge_in::Pause;
use super::echo::LastSaid;
use super::floor::{Ends, Floor};
use super::keys::Keys;
use super::late::Recent;
use super::presence::Presence;
use super::reply::Reply;
use super::timer::TimerTable;
use super::{Command, EndReason, EotSource, Input, Muted, Output, Protection, SttInput, TurnConfig};
use crate::units::{Position, ReplyId, SampleRate, TurnId};
use std::collections::VecDeque;
use std::time::Instant;

/// More outputs than one input ever gives, so that the queue never grows while it is emptied after each.
const OUTPUT_CAPACITY: usize = 64;

/// More firings than one instant can need: each changes the state that its timer comes from.
const MAX_FIRINGS: usize = 32;

/// The state machine of one call.
#[derive(Debug)]
pub struct TurnMachine {
    pub(super) config: TurnConfig,
    pub(super) rate: SampleRate,
    pub(super) now: Instant,
    pub(super) started_at: Instant,
    pub(super) phase: Phase,
    pub(super) floor: Floor,
    pub(super) keys: Keys,
    pub(super) agenda: Agenda,
    pub(super) recent: Option<Recent>,
    pub(super) last_said: LastSaid,
    pub(super) protection: Protection,
    pub(super) presence: Presence,
    timers: TimerTable,
    outputs: VecDeque<Output>,
    last_turn: TurnId,
    last_reply: ReplyId,
}

/// Who has the floor. At most one reply lives at a time.
#[derive(Debug)]
pub(super) enum Phase {
    /// The caller's, or nobody's.
    Listening,
    /// The caller's still, but a guess of the answer is being prepared.
    Speculating(Reply),
    /// The turn is over; its final transcript is awaited.
    Ending {
        /// What ended it.
        source: EotSource,
        /// Since when.
        since: Instant,
        /// The guess, if there is one.
        guess: Option<Reply>,
    },
    /// The agent's.
    Replying(Reply),
    /// The agent's, but the caller speaks: the playout is stopped and it is not decided whose the floor is.
    Paused(Reply, Pause),
    /// Nobody's any more.
    Over,
}

impl TurnMachine {
    /// A call that begins now. `line_rate` is the rate of all positions and sample counts.
    pub fn new(config: TurnConfig, line_rate: SampleRate, now: Instant) -> Self {
        let mut machine = Self {
            config,
            rate: line_rate,
            now,
            started_at: now,
            phase: Phase::Listening,
            floor: Floor::new(line_rate),
            keys: Keys::default(),
            agenda: Agenda::default(),
            recent: None,
            last_said: LastSaid::new(),
            protection: Protection::Interruptible,
            presence: Presence::Here,
            timers: TimerTable::default(),
            outputs: VecDeque::with_capacity(OUTPUT_CAPACITY),
            last_turn: TurnId(0),
            last_reply: ReplyId(0),
        };
        machine.settle();
        machine
    }

    /// Takes one input at `now`; instants never go backwards (an earlier one counts as the latest).
    ///
    /// The input goes before the timers that are due at the same instant: what was heard counts before what was not.
    /// After [`Output::EndCall`] every input is ignored.
    pub fn handle(&mut self, input: Input, now: Instant) {
        self.now = self.now.max(now);
        if matches!(self.phase, Phase::Over) {
            return;
        }
        self.take(input);
        self.settle();
        for _ in 0..MAX_FIRINGS {
            let Some(timer) = self.timers.due(self.now) else { break };
            self.fire(timer);
            self.settle();
        }
        self.name_open_turn();
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::TimerFired`] at the latest; never, where there is no instant.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::SpeechStarted { onset, confidence: _ } => self.speech_started(onset),
            Input::SpeechEnded { end, silence_ms } => self.speech_ended(end, silence_ms),
            Input::Stt(SttInput::Interrupted) => self.floor.ends = Ends::BySilence,
            Input::Stt(SttInput::Failed) => self.floor.stt_failed(),
            Input::Stt(SttInput::TurnResumed) => self.turn_resumed(),
            Input::Stt(
                words @ (SttInput::StartOfTurn { .. }
                | SttInput::Interim { .. }
                | SttInput::EagerEndOfTurn { .. }
                | SttInput::Final { .. }
                | SttInput::EndOfTurn { .. }),
            ) => self.words(words),
            Input::TurnVerdict { complete } => self.verdict(complete),
            Input::Reply(reply, event) => self.reply_event(reply, event),
            Input::Command(command) => self.command(command),
            Input::LineAway => self.line_away(),
            Input::LineBack => self.line_back(),
            Input::TimerFired => {}
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Say { text, protection } => self.say(text, protection),
            Command::Interrupt => self.interrupt(),
            Command::Mute(muted) => self.mute(muted),
            Command::Dtmf(key) => self.key_pressed(key),
            Command::Protect(protection) => self.protect(protection),
            Command::Configure(config) => {
                self.config = *config;
                self.policy_changed();
            }
            Command::HangUp(reason) => self.hang_up(reason),
        }
    }

    fn speech_started(&mut self, onset: Position) {
        if self.floor.muted == Muted::On || !self.floor.speech_started(onset, self.now) {
            return;
        }
        match self.phase {
            Phase::Listening | Phase::Over => {}
            Phase::Speculating(_) => self.discard_guess(),
            Phase::Ending { .. } => self.turn_goes_on(),
            Phase::Replying(_) | Phase::Paused(..) => self.caller_spoke_up(),
        }
    }

    fn speech_ended(&mut self, end: Position, silence_ms: u64) {
        if !self.floor.speech_ended(end, silence_ms, self.now) {
            return;
        }
        match self.phase {
            Phase::Listening | Phase::Speculating(_) | Phase::Ending { .. } | Phase::Replying(_) | Phase::Over => {}
            Phase::Paused(..) => self.caller_fell_silent(),
        }
    }

    fn words(&mut self, said: SttInput) {
        self.note_who_ends(&said);
        if self.floor.muted == Muted::On && !self.is_last_word_before_mute(&said) {
            return;
        }
        if self.takes_as_late(&said) {
            return;
        }
        self.hear(&said);
        match self.phase {
            Phase::Listening | Phase::Speculating(_) => self.words_of_turn(&said),
            Phase::Ending { .. } => self.words_of_ended_turn(&said),
            Phase::Replying(_) | Phase::Paused(..) => self.words_over_agent(&said),
            Phase::Over => {}
        }
    }

    /// Words said before the caller muted may come after: the one final that was outstanding then.
    fn is_last_word_before_mute(&self, said: &SttInput) -> bool {
        let closes = matches!(said, SttInput::Final { .. } | SttInput::EndOfTurn { .. });
        closes && self.floor.awaits_final()
    }

    fn mute(&mut self, muted: Muted) {
        let position = self.position_now();
        self.floor.muted = muted;
        match muted {
            Muted::On => self.speech_ended(position, 0),
            Muted::Off => {}
        }
    }

    /// Ends the call: nothing that was said or heard is lost, nothing follows.
    pub(super) fn hang_up(&mut self, reason: EndReason) {
        self.commit_open_words();
        self.end_live_reply();
        self.drop_agenda();
        self.outputs.push_back(Output::EndCall(reason));
        self.phase = Phase::Over;
    }

    /// Does what can be done now, and sets the timers anew.
    fn settle(&mut self) {
        self.follow_agenda();
        if matches!(self.phase, Phase::Over) {
            self.timers.clear();
            return;
        }
        let mut timers = std::mem::take(&mut self.timers);
        self.set_timers(&mut timers);
        self.timers = timers;
    }

    pub(super) fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn next_turn(&mut self) -> TurnId {
        self.last_turn = TurnId(self.last_turn.0.saturating_add(1));
        self.last_turn
    }

    pub(super) fn next_reply(&mut self) -> ReplyId {
        self.last_reply = ReplyId(self.last_reply.0.saturating_add(1));
        self.last_reply
    }

    /// Where the caller's direction of the line is now, estimated from the time since the call began: for events that
    /// have no position of their own.
    pub(super) fn position_now(&self) -> Position {
        Position(self.rate.samples_in(self.now.saturating_duration_since(self.started_at)))
    }

    pub(super) fn reply_mut(&mut self) -> Option<&mut Reply> {
        match &mut self.phase {
            Phase::Speculating(reply) | Phase::Replying(reply) | Phase::Paused(reply, _) => Some(reply),
            Phase::Ending { guess, .. } => guess.as_mut(),
            Phase::Listening | Phase::Over => None,
        }
    }

    /// Takes the live reply away; the floor is the caller's or nobody's.
    pub(super) fn take_reply(&mut self) -> Option<Reply> {
        match std::mem::replace(&mut self.phase, Phase::Listening) {
            Phase::Speculating(reply) | Phase::Replying(reply) | Phase::Paused(reply, _) => Some(reply),
            Phase::Ending { guess, .. } => guess,
            Phase::Listening => None,
            Phase::Over => {
                self.phase = Phase::Over;
                None
            }
        }
    }
}

//! Which timer is armed when, and what it does.
//!
//! Invariant: a timer's instant follows from the state alone, and what it does changes that state, so that no timer is
//! due twice for one reason.

use super::barge_in::Pause;
use super::floor::{Ends, OpenTurn, Speech};
use super::machine::Phase;
use super::presence::Presence;
use super::reply::{Gate, Reply, Stage};
use super::timer::{Timer, TimerTable, after};
use super::{BargeInCause, BargeInPolicy, EndReason, EotSource, TurnMachine};
use crate::text::Completeness;
use std::time::Instant;

impl TurnMachine {
    pub(super) fn set_timers(&self, timers: &mut TimerTable) {
        timers.clear();
        timers.set(Timer::MaxCall, after(self.started_at, self.config.max_call_ms));
        if self.presence == Presence::Away {
            return;
        }
        timers.set(Timer::KeyGap, self.keys.last_at().and_then(|at| after(at, self.config.dtmf_gap_ms)));
        timers.set(Timer::CallerIdle, self.agenda.idle_since().and_then(|at| after(at, self.config.caller_idle_ms)));
        match &self.phase {
            Phase::Listening => self.set_turn_timers(timers),
            Phase::Speculating(guess) => {
                self.set_turn_timers(timers);
                timers.set(Timer::ReplyStall, self.stall_at(guess));
            }
            Phase::Ending { since, source: _, guess } => {
                timers.set(Timer::FinalWait, after(*since, self.config.final_wait_ms));
                timers.set(Timer::ReplyStall, guess.as_ref().and_then(|guess| self.stall_at(guess)));
            }
            Phase::Replying(reply) => {
                timers.set(Timer::ReplyStall, self.stall_at(reply));
                self.set_silence_timers(timers);
            }
            Phase::Paused(_, pause) => self.set_pause_timers(timers, pause),
            Phase::Over => {}
        }
    }

    /// While the caller has the floor.
    fn set_turn_timers(&self, timers: &mut TimerTable) {
        let Some(turn) = &self.floor.turn else { return };
        timers.set(Timer::MaxTurn, after(turn.opened_at, self.config.max_turn_ms));
        self.set_silence_timers(timers);
        if !self.keys.is_empty() {
            return;
        }
        let Some(since) = turn.silent_since else { return };
        timers.set(Timer::EotSilence, after(since, self.silence_limit_ms()));
        if turn.verdict.is_some_and(|complete| complete >= self.config.eot_model_probability) {
            timers.set(Timer::EotModel, after(since, self.config.eot_model_ms));
        }
    }

    /// In any silence: when the words so far are worth asking for and guessing on. The first guess waits for the silence
    /// only, so that an interim which comes late in it costs no further wait; after a guess that failed, the words must
    /// have stood still as long, or an STT that is far behind would use up the guesses. An STT that has found the turn
    /// says itself when it may be over.
    fn set_silence_timers(&self, timers: &mut TimerTable) {
        let since = self.floor.turn.as_ref().and_then(|turn| match turn.speculations {
            0 => turn.stable_since.and(turn.silent_since.or(turn.stable_since)),
            _ => turn.stable_since,
        });
        let since = since.filter(|_| self.floor.ends == Ends::BySilence);
        timers.set(Timer::Speculate, since.and_then(|at| after(at, self.config.speculate_ms)));
    }

    fn set_pause_timers(&self, timers: &mut TimerTable, pause: &Pause) {
        timers.set(Timer::MaxPause, after(pause.paused_at, self.config.max_pause_ms));
        match (self.floor.speech, pause.quiet_since) {
            (Speech::Silent, Some(since)) => timers.set(Timer::Verdict, after(since, self.config.verdict_wait_ms)),
            (Speech::Silent, None) => timers.set(Timer::Verdict, after(pause.paused_at, self.config.verdict_wait_ms)),
            (Speech::Speaking { noticed_at, .. }, _) => {
                let lasting = match self.config.barge_in {
                    BargeInPolicy::MinWords(_) => None,
                    BargeInPolicy::Immediate | BargeInPolicy::Confirmed | BargeInPolicy::Never => {
                        after(noticed_at, self.config.commit_speech_ms)
                    }
                };
                timers.set(Timer::CommitSpeech, lasting);
            }
        }
    }

    /// How long the silence must be that ends the turn: by how complete its words look, unless the STT is to end it.
    fn silence_limit_ms(&self) -> u64 {
        match (self.floor.ends, self.floor.looks()) {
            (Ends::ByStt, _) => self.config.eot_backstop_ms,
            (Ends::BySilence, Completeness::Complete) => self.config.eot_complete_ms,
            (Ends::BySilence, Completeness::Unclear) => self.config.eot_unclear_ms,
            (Ends::BySilence, Completeness::Incomplete) => self.config.eot_incomplete_ms,
        }
    }

    /// When a reply that makes no progress has stalled: not while a tool runs, nor while audio of it can still be
    /// playing, nor when only the playout or the end of turn is missing.
    fn stall_at(&self, reply: &Reply) -> Option<Instant> {
        let waits_for_stage = match (reply.gate, reply.generation, reply.speech) {
            (Gate::Held, _, Stage::Done | Stage::Failed) => false,
            (Gate::Held, _, Stage::Running) => reply.tools.is_empty(),
            (Gate::Released, _, _) => reply.tools.is_empty(),
        };
        let playing = match reply.gate {
            Gate::Held => 0,
            Gate::Released => reply.unplayed_samples(),
        };
        let playing_ends = reply.progress_at.checked_add(self.rate.duration_of(playing))?;
        if waits_for_stage { after(playing_ends, self.config.reply_stall_ms) } else { None }
    }

    pub(super) fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::MaxCall => self.hang_up(EndReason::MaxDuration),
            Timer::CommitSpeech => self.take_floor(BargeInCause::Duration),
            Timer::Verdict => self.resume(),
            Timer::MaxPause => self.pause_too_long(),
            Timer::ReplyStall => self.reply_stalled(),
            Timer::FinalWait => self.final_did_not_come(),
            Timer::KeyGap => self.keys_complete(),
            Timer::MaxTurn => self.end_turn(EotSource::Timeout),
            Timer::EotModel => self.end_turn(EotSource::Model),
            Timer::EotSilence => self.end_turn(EotSource::Silence),
            Timer::Speculate => self.words_are_stable(),
            Timer::CallerIdle => self.caller_is_idle(),
        }
    }

    pub(super) fn verdict(&mut self, complete: f32) {
        if let Some(OpenTurn { silent_since: Some(_), verdict, .. }) = &mut self.floor.turn {
            *verdict = Some(complete);
        }
    }
}

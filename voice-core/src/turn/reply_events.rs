//! What happens to the live reply.
//!
//! Invariant: events of any other reply are ignored; every reply that was started ends exactly once.

use super::machine::Phase;
use super::reply::{Gate, MAX_TOOL_RUNS, Reply, Stage};
use super::{Output, ReplyInput, ReplyOutcome, TurnMachine};
use crate::units::{ReplyId, ToolRunId};

impl TurnMachine {
    pub(super) fn reply_event(&mut self, id: ReplyId, event: ReplyInput) {
        let now = self.now;
        let Some(reply) = self.reply_mut().filter(|reply| reply.id == id) else { return };
        reply.progress_at = now;
        match event {
            ReplyInput::FirstToken => {}
            ReplyInput::Clause { text } => self.clause(text),
            ReplyInput::ToolRequested { run } => self.tool_requested(run),
            ReplyInput::ToolFinished { run } => reply.tools.retain(|asked| *asked != run),
            ReplyInput::GenerationDone => self.generation_over(Stage::Done),
            ReplyInput::GenerationFailed => self.generation_over(Stage::Failed),
            ReplyInput::Audio { samples } => {
                if reply.speech == Stage::Running {
                    reply.ledger.push_audio(samples);
                }
            }
            ReplyInput::Word { text, start_samples, end_samples } => {
                reply.ledger.push_word(&text, start_samples, end_samples);
            }
            ReplyInput::ClauseEnd { clauses } => reply.ledger.end_clause(clauses),
            ReplyInput::SpeechDone => self.speech_over(Stage::Done),
            ReplyInput::SpeechFailed => self.speech_over(Stage::Failed),
            ReplyInput::Played { samples } => self.played(samples),
            ReplyInput::Drained { samples } => self.drained(samples),
        }
        self.end_reply_if_over();
    }

    fn clause(&mut self, text: String) {
        let Some(reply) = self.reply_mut() else { return };
        if reply.generation != Stage::Running || reply.speech != Stage::Running {
            return;
        }
        reply.ledger.push_clause(&text);
        let reply = reply.id;
        self.emit(Output::Speak { reply, text });
    }

    fn generation_over(&mut self, stage: Stage) {
        let Some(reply) = self.reply_mut() else { return };
        if reply.generation != Stage::Running {
            return;
        }
        reply.generation = stage;
        let (id, speaking, speech) = (reply.id, !reply.ledger.text().is_empty(), reply.speech);
        if speech == Stage::Running && (speaking || stage == Stage::Done) {
            self.emit(Output::FinishSpeech(id));
        }
        self.discard_if_failed();
    }

    fn speech_over(&mut self, stage: Stage) {
        let Some(reply) = self.reply_mut() else { return };
        if reply.speech != Stage::Running {
            return;
        }
        reply.speech = stage;
        if stage == Stage::Done {
            reply.ledger.end_audio();
        }
        self.discard_if_failed();
    }

    /// A guess that failed is worth nothing: the end of turn starts anew.
    fn discard_if_failed(&mut self) {
        let failed = self.reply_mut().is_some_and(|reply| {
            reply.gate == Gate::Held && (reply.generation == Stage::Failed || reply.speech == Stage::Failed)
        });
        if failed {
            self.give_up_guess();
        }
    }

    /// Discards the guess; where the end of turn is decided already, that stands.
    fn give_up_guess(&mut self) {
        let ending = match &self.phase {
            Phase::Ending { source, since, .. } => Some((*source, *since)),
            Phase::Listening | Phase::Speculating(_) | Phase::Replying(_) | Phase::Paused(..) | Phase::Over => None,
        };
        self.discard_guess();
        if let Some((source, since)) = ending {
            self.phase = Phase::Ending { source, since, guess: None };
        }
    }

    fn played(&mut self, samples: u64) {
        let Some(reply) = self.reply_mut() else { return };
        reply.played(samples);
        if reply.heard_bytes() > 0 {
            self.agenda.reply_heard();
        }
    }

    fn drained(&mut self, samples: u64) {
        self.played(samples);
        if let Some(reply) = self.reply_mut()
            && reply.gate == Gate::Released
        {
            reply.drained = true;
        }
    }

    /// A tool runs only once its reply is released.
    fn tool_requested(&mut self, run: ToolRunId) {
        let Some(reply) = self.reply_mut() else { return };
        let (id, gate, full) = (reply.id, reply.gate, reply.tools.len() >= MAX_TOOL_RUNS);
        if reply.tools.contains(&run) {
            return;
        }
        match (gate, full) {
            (Gate::Held, true) => return self.give_up_guess(),
            (Gate::Released, true) => {}
            (Gate::Held | Gate::Released, false) => reply.tools.push(run),
        }
        if gate == Gate::Released {
            self.emit(Output::RunTool { reply: id, run });
        }
    }

    /// The reply may be heard from now on.
    pub(super) fn release(&mut self, mut reply: Reply) {
        reply.gate = Gate::Released;
        reply.progress_at = self.now;
        self.emit(Output::Release(reply.id));
        for run in &reply.tools {
            self.emit(Output::RunTool { reply: reply.id, run: *run });
        }
        self.phase = Phase::Replying(reply);
        self.end_reply_if_over();
    }

    fn end_reply_if_over(&mut self) {
        if let Some(outcome) = self.reply_mut().and_then(|reply| reply.outcome()) {
            self.end_reply(outcome);
        }
    }

    pub(super) fn reply_stalled(&mut self) {
        match self.phase {
            Phase::Speculating(_) | Phase::Ending { .. } => self.give_up_guess(),
            Phase::Replying(_) => self.end_reply(ReplyOutcome::Failed),
            Phase::Paused(..) | Phase::Listening | Phase::Over => {}
        }
    }

    /// Ends the released reply, and with it the wait of what the caller said meanwhile.
    fn end_reply(&mut self, outcome: ReplyOutcome) {
        self.drop_echo();
        let was_paused = matches!(self.phase, Phase::Paused(..));
        let Some(reply) = self.take_reply() else { return };
        let (id, heard) = (reply.id, reply.heard_bytes() > 0);
        self.last_said.note(&reply, self.now);
        // A far end that was told to pause waits for the one word or the other.
        if was_paused || (outcome == ReplyOutcome::Failed && reply.unplayed_samples() > 0) {
            self.emit(Output::Clear(id));
        }
        self.emit(Output::AgentTurn(reply.into_agent_turn(outcome)));
        if outcome != ReplyOutcome::Completed {
            self.emit(Output::Cancel(id));
        }
        if outcome == ReplyOutcome::Failed && !heard {
            self.apologise();
        }
        if let Some(source) = self.floor.turn.as_mut().and_then(|turn| turn.ended_by.take()) {
            self.end_turn(source);
        }
    }

    /// The call ends: what was heard of the live reply is told.
    pub(super) fn end_live_reply(&mut self) {
        match self.phase {
            Phase::Listening | Phase::Over => {}
            Phase::Speculating(_) | Phase::Ending { .. } => self.discard_guess(),
            Phase::Replying(_) | Phase::Paused(..) => {
                let Some(reply) = self.take_reply() else { return };
                let id = reply.id;
                self.emit(Output::Clear(id));
                self.emit(Output::AgentTurn(reply.into_agent_turn(ReplyOutcome::CallEnded)));
                self.emit(Output::Cancel(id));
            }
        }
    }
}

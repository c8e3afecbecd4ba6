//! Doing what the turn machine says.

use super::Finality;
use super::bill::{Bill, Kept};
use super::driver::Driver;
use super::event::{SessionEvent, ToolState};
use super::memory::Delivery;
use super::mouth::Voice;
use super::record::TurnRecord;
use super::reply::LiveReply;
use super::speech::SpeechIntake;
use crate::history::Arrival;
use crate::metrics::{BargeInTimeline, TurnTimeline};
use crate::stage::{LlmRequest, Message, Role, ToolError};
use crate::transport::{LineControl, LineError};
use crate::turn::{AgentTurn, BargeInSignal, CallerTurn, EotSource, Output, ReplyKind, ReplyOutcome, ReplyStart};
use crate::units::{Position, ReplyId, TurnId};
use std::time::Instant;

impl Driver {
    /// Does one thing. Nothing here waits.
    pub(super) fn perform(&mut self, output: Output, now: Instant) {
        match output {
            Output::Pause(reply) => self.pause(reply, now),
            Output::Resume(reply) => self.resume(reply, now),
            Output::Clear(reply) => self.clear(reply, now),
            Output::BargeIn(signal) => self.barge_in(signal, now),
            Output::Cancel(reply) => self.cancel(reply, now),
            Output::StartReply(start) => self.start_reply(start, now),
            Output::StartSay { reply, turn, text, .. } => self.start_say(reply, turn, &text, now),
            Output::Release(reply) => self.release(reply, now),
            Output::Discard(reply) => self.discard(reply),
            Output::Speak { reply, text } => self.speak(reply, text, now),
            Output::FinishSpeech(reply) => drop(self.replies.get(reply).map(LiveReply::finish_speech)),
            Output::RunTool { run, .. } => self.run_tool(run, now),
            Output::FinalizeStt => self.stt.finalize(self.listener.position()),
            Output::CallerTurn(turn) => self.caller_turn(turn, now),
            Output::AgentTurn(turn) => self.agent_turn(turn, now),
            Output::SayDropped { text } => self.watch.tell(SessionEvent::SayDropped { text }),
            Output::CallerIdle => self.watch.tell(SessionEvent::CallerIdle),
            Output::EndCall(reason) => self.ended = Some(reason),
        }
    }

    /// Tells the far end; one that takes no control message is lost.
    pub(super) fn control(&mut self, control: LineControl, now: Instant) {
        if let Err(error) = self.sink.send_control(control) {
            let error = if error == LineError::Full { LineError::Lost(error.to_string()) } else { error };
            self.line_refused(error, now);
        }
    }

    fn pause(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.replies.get(id) else { return };
        reply.track.pause(now);
        let (sent, turn) = (reply.track.sent(), reply.timeline.turn);
        self.control(LineControl::Pause { reply: id, sent_samples: sent }, now);
        self.overlap = Some(self.overlap_of(id, turn, (self.last_onset, self.last_noticed), now));
        self.watch.tell(SessionEvent::Paused { at: now, reply: id });
    }

    /// An overlap with speech that began at the first of `began` and was noticed at the second.
    fn overlap_of(
        &mut self,
        reply: ReplyId,
        turn: TurnId,
        began: (Position, Instant),
        now: Instant,
    ) -> BargeInTimeline {
        let (onset_position, noticed) = began;
        let reply_of = self.replies.get(reply);
        BargeInTimeline {
            turn,
            reply,
            onset_position,
            onset: self.listener.received_at_line(onset_position).unwrap_or(noticed),
            noticed,
            paused: now,
            decided: now,
            last_sample: reply_of.as_ref().and_then(|reply| reply.last_sent),
            sent_samples: reply_of.map_or(0, |reply| reply.track.sent()),
        }
    }

    fn resume(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.replies.get(id) else { return };
        reply.track.resume(now);
        let sent_samples = reply.track.sent();
        self.control(LineControl::Resume { reply: id }, now);
        if let Some(overlap) = self.overlap.take() {
            self.watch.tell(SessionEvent::Resumed(BargeInTimeline { decided: now, sent_samples, ..overlap }));
        }
    }

    fn clear(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.replies.get(id) else { return };
        reply.track.clear(now);
        self.control(LineControl::Clear { reply: id }, now);
        self.tell_silent(id, now);
    }

    /// Says that the audio of a reply is over, once, if it ever began.
    fn tell_silent(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.replies.get(id) else { return };
        if reply.timeline.first_audio.is_some() && !std::mem::replace(&mut reply.told_silent, true) {
            self.watch.tell(SessionEvent::AgentSilent { at: now, reply: id });
        }
    }

    fn barge_in(&mut self, signal: BargeInSignal, now: Instant) {
        let sent = self.replies.get(signal.reply).map_or(0, |reply| reply.track.sent());
        let overlap = match self.overlap.take().filter(|overlap| overlap.reply == signal.reply) {
            Some(overlap) => overlap,
            // Words that took the turn with no speech before them: the VAD's last onset is of something else.
            None => self.overlap_of(signal.reply, signal.turn, (signal.onset, signal.noticed_at), now),
        };
        let timeline = BargeInTimeline { decided: now, sent_samples: sent, ..overlap };
        self.watch.tell(SessionEvent::BargeIn { signal: signal.clone(), timeline });
        self.turn_over(AgentTurn {
            reply: signal.reply,
            turn: signal.turn,
            outcome: ReplyOutcome::BargedIn,
            played_samples: signal.played_samples,
            reply_text: signal.reply_text,
            heard_bytes: signal.heard_bytes,
        });
    }

    fn agent_turn(&mut self, turn: AgentTurn, now: Instant) {
        let ended_by_itself = turn.outcome == ReplyOutcome::Completed;
        let reply = turn.reply;
        // A TTS may say that it is done only when all it gave was played already.
        self.tell_end(reply, now);
        self.tell_silent(reply, now);
        self.turn_over(turn);
        if ended_by_itself {
            self.replies.remove(reply).into_iter().for_each(|reply| self.retire(reply));
        }
    }

    /// The history, the record and the watcher all get the same heard text.
    fn turn_over(&mut self, turn: AgentTurn) {
        let delivery = match turn.outcome {
            ReplyOutcome::Completed => Delivery::Whole,
            ReplyOutcome::BargedIn | ReplyOutcome::Failed | ReplyOutcome::CallEnded | ReplyOutcome::Superseded => {
                Delivery::Interrupted
            }
        };
        self.memory.agent_turn(turn.turn, turn.heard_text(), delivery);
        let timeline = self.replies.get(turn.reply).map_or_else(TurnTimeline::default, |reply| {
            let trimmed = reply.trimmed_samples();
            TurnTimeline { trimmed_silence: self.rate.duration_of(trimmed), ..reply.timeline.clone() }
        });
        let caller = self.caller_turns.iter().rev().find(|caller| caller.turn == turn.turn).cloned();
        let record = TurnRecord {
            turn: turn.turn,
            reply: turn.reply,
            caller,
            reply_text: turn.reply_text,
            heard_bytes: turn.heard_bytes,
            outcome: turn.outcome,
            played_samples: turn.played_samples,
            timeline,
        };
        self.watch.tell(SessionEvent::TurnEnded(Box::new(record.clone())));
        self.turns.push(record);
    }

    /// The reply is over: its stages stop and its cost is the call's.
    pub(super) fn retire(&mut self, mut reply: LiveReply) {
        reply.cancel();
        self.cost.add(reply.into_cost());
    }

    fn cancel(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.replies.remove(id) else { return };
        self.retire(reply);
        for call in self.tools.reply_died(id) {
            self.memory.tool_result(&call.call, &ToolError::Cancelled.to_string(), Arrival::InTime);
            self.watch.tell(SessionEvent::Tool { at: now, name: call.name, state: ToolState::Cancelled });
        }
    }

    fn discard(&mut self, id: ReplyId) {
        if let Some(reply) = self.replies.get(id) {
            reply.kept = Kept::Discarded;
        }
    }

    fn start_reply(&mut self, start: ReplyStart, now: Instant) {
        let request = LlmRequest { messages: self.messages(&start), tools: self.tools.specs() };
        let stream = self.agent.llm.generate(request.clone());
        let timeline = TurnTimeline {
            speculative: start.kind == ReplyKind::Speculative,
            ..self.timeline(start.reply, start.turn, now)
        };
        self.replies.add(LiveReply::generated(start.reply, timeline, self.pacing, self.bill(), request, stream));
    }

    fn start_say(&mut self, reply: ReplyId, turn: TurnId, text: &str, now: Instant) {
        let timeline = TurnTimeline { turn, reply, reply_started: Some(now), ..TurnTimeline::default() };
        self.replies.add(LiveReply::said(reply, timeline, self.pacing, self.bill(), text));
    }

    fn bill(&self) -> Bill {
        Bill::new(&self.engines)
    }

    fn timeline(&self, reply: ReplyId, turn: TurnId, now: Instant) -> TurnTimeline {
        let eot = self.caller_turn.as_ref().filter(|(caller, _)| caller.turn == turn).map(|(_, at)| *at);
        TurnTimeline {
            turn,
            reply,
            speech_end_position: self.speech_end.map(|(position, _)| position),
            speech_end: self.speech_end.map(|(_, at)| at),
            eot,
            reply_started: Some(now),
            ..TurnTimeline::default()
        }
    }

    /// The conversation as the model should see it, with the words the reply answers.
    fn messages(&self, start: &ReplyStart) -> Vec<Message> {
        let mut messages = self.memory.messages(start.turn);
        messages.push(Message::text(Role::Caller, start.caller_text.clone()));
        messages
    }

    fn release(&mut self, id: ReplyId, now: Instant) {
        let eot = self.caller_turn.as_ref().map(|(caller, at)| (caller.turn, *at));
        let speech_end = self.speech_end;
        let Some(reply) = self.replies.get(id) else { return };
        reply.timeline.released = Some(now);
        if let Some((_, at)) = eot.filter(|(turn, _)| *turn == reply.timeline.turn) {
            reply.timeline.eot = Some(at);
            if let Some((position, at)) = speech_end {
                (reply.timeline.speech_end_position, reply.timeline.speech_end) = (Some(position), Some(at));
            }
        }
        reply.track.release();
    }

    fn speak(&mut self, id: ReplyId, text: String, now: Instant) {
        let Some(reply) = self.replies.get(id) else { return };
        reply.timeline.first_clause_spoken.get_or_insert(now);
        let turn = reply.timeline.turn;
        reply.speak(text);
        self.tell_agent_text(id, turn);
    }

    /// The reply's text and how much of it was heard.
    pub(super) fn tell_agent_text(&mut self, reply: ReplyId, turn: TurnId) {
        if self.watch.is_watched()
            && let Some((text, heard_bytes)) = self.machine.heard_so_far(reply)
        {
            let text = text.to_owned();
            self.watch.tell(SessionEvent::AgentText { turn, reply, text, heard_bytes });
        }
    }

    fn run_tool(&mut self, run: crate::units::ToolRunId, now: Instant) {
        let Some(call) = self.tools.start(run, now) else { return };
        self.watch.tell(SessionEvent::Tool { at: now, name: call.name.clone(), state: ToolState::Started });
        self.memory.tool_call(call);
    }

    fn caller_turn(&mut self, turn: CallerTurn, now: Instant) {
        self.tell_stt_of_end(&turn);
        self.memory.caller_turn(turn.turn, &turn.text);
        self.watch.tell(SessionEvent::Transcript {
            turn: turn.turn,
            text: turn.text.clone(),
            finality: Finality::Final,
        });
        self.watch.tell(SessionEvent::CallerTurn(turn.clone()));
        self.caller_turns.retain(|earlier| earlier.turn != turn.turn);
        self.caller_turns.push(turn.clone());
        self.caller_turn = Some((turn, now));
    }

    /// The STT learns of an end that it did not say. One turn told again with other words has ended once.
    fn tell_stt_of_end(&mut self, turn: &CallerTurn) {
        let is_known = self
            .caller_turn
            .as_ref()
            .is_some_and(|(known, _)| (known.turn, known.end, known.source) == (turn.turn, turn.end, turn.source));
        match turn.source {
            EotSource::Stt | EotSource::CallEnded => {}
            _ if is_known => {}
            EotSource::Silence | EotSource::Model | EotSource::Timeout | EotSource::Dtmf => self.stt.turn_ended(),
        }
    }

    /// Gives the waiting replies a voice, if the TTS is open.
    pub(super) fn serve_voices(&mut self) {
        let (rate, config) = (self.rate, &self.agent.config.playout);
        let mut waiting = self.replies.voiceless().peekable();
        if waiting.peek().is_none() {
            self.tts.nobody_waits();
        }
        for reply in waiting {
            match self.tts.begin(reply.id) {
                Voice::Begun(voice, from) => reply.give_voice(voice, SpeechIntake::new(from, rate, config)),
                Voice::Wait => break,
                Voice::Failed(error) => reply.fail_voice(error),
            }
        }
    }
}

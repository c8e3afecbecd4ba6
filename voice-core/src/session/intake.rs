//! What the line, the embedding program and the STT bring, told to the turn machine.
//!
//! Invariant: the machine learns of an edge of speech before the STT and the watcher do: silence comes first.

use super::driver::Driver;
use super::event::SessionEvent;
use super::hearing::SttNews;
use super::listen::{Intake, SpeechEdge};
use super::{Finality, Stage};
use crate::pace::Admission;
use crate::stage::{LISTEN_RATE, SttEvent};
use crate::transport::{LineCommand, LineInput};
use crate::turn::{Command, EndReason, Input, Muted, Protection, SttInput};
use crate::units::Position;
use std::time::Instant;

impl Driver {
    pub(super) fn take_line(&mut self, input: LineInput, now: Instant) {
        match input {
            LineInput::Audio(frame) => self.take_audio(&frame, now),
            LineInput::Played { reply, samples } => {
                if let Some(live) = self.replies.get(reply) {
                    live.track.report(samples);
                }
            }
            LineInput::Command(command) => self.take_request(command, now),
            LineInput::Away => self.line_away(now),
            LineInput::Back => self.line_back(now),
        }
    }

    /// What the far end asks for; too much of what costs a reply is dropped, and what changes nothing is no event.
    fn take_request(&mut self, command: LineCommand, now: Instant) {
        match command {
            LineCommand::Say(text) if self.requests.reply(now) == Admission::TooFast => {
                self.watch.tell(SessionEvent::SayDropped { text });
            }
            LineCommand::Dtmf(key) if self.requests.reply(now) == Admission::TooFast => {
                self.watch.tell(SessionEvent::KeyDropped(key));
            }
            LineCommand::Mute => self.ask_microphone(Muted::On, now),
            LineCommand::Unmute => self.ask_microphone(Muted::Off, now),
            LineCommand::Say(text) => {
                self.take_command(Command::Say { text, protection: Protection::Interruptible }, now);
            }
            LineCommand::Interrupt => self.take_command(Command::Interrupt, now),
            LineCommand::Dtmf(key) => self.take_command(Command::Dtmf(key), now),
            LineCommand::HangUp => self.take_command(Command::HangUp(EndReason::CallerHungUp), now),
        }
    }

    fn ask_microphone(&mut self, muted: Muted, now: Instant) {
        self.requests.microphone(muted);
        self.change_microphone(now);
        self.listener.set_muted(!self.requests.hears());
    }

    /// Changes the microphone's state, where the far end's wish has waited long enough.
    pub(super) fn change_microphone(&mut self, now: Instant) {
        if let Some(muted) = self.requests.due_change(now) {
            self.handle(Input::Command(Command::Mute(muted)), now);
            self.listener.set_muted(!self.requests.hears());
        }
    }

    pub(super) fn take_audio(&mut self, frame: &crate::audio::Frame, now: Instant) {
        let mut edges = std::mem::take(&mut self.edges);
        let (stt, mut behind) = (&mut self.stt, None);
        let intake = self.listener.push(frame, now, &mut |edge| edges.push(edge), &mut |heard| {
            behind = stt.push(heard.samples, heard.position).or(behind.take());
        });
        self.take_edges(edges, now);
        if let Some(error) = behind {
            self.watch.tell(SessionEvent::StageFailed { stage: Stage::Stt, error });
        }
        let dropped = self.listener.dropped_samples();
        if intake == Intake::TooFast && dropped - self.told_dropped >= u64::from(self.rate.hz()) {
            self.told_dropped = dropped;
            self.watch.tell(SessionEvent::CallerTooFast { dropped_samples: dropped });
        }
    }

    pub(super) fn take_edges(&mut self, mut edges: Vec<SpeechEdge>, now: Instant) {
        for edge in edges.drain(..) {
            match edge {
                SpeechEdge::Started { listened, line, confidence } => {
                    (self.last_onset, self.last_noticed) = (line, now);
                    self.handle(Input::SpeechStarted { onset: line, confidence }, now);
                    self.stt.speech_started(listened);
                    self.warmth.begin(self.agent.llm.as_ref());
                    self.tts.warm();
                    self.watch.tell(SessionEvent::CallerSpeaking { at: now, onset: line });
                }
                SpeechEdge::Ended { listened, line, silence_ms } => {
                    let received = self.listener.received_at(listened).unwrap_or(now);
                    self.speech_end = Some((line, received));
                    self.stt.speech_ended(listened);
                    self.handle(Input::SpeechEnded { end: line, silence_ms }, now);
                    self.watch.tell(SessionEvent::CallerSilent { at: now, end: line });
                }
            }
        }
        self.edges = edges;
    }

    pub(super) fn take_command(&mut self, command: Command, now: Instant) {
        match &command {
            Command::Mute(muted) if !self.requests.command(*muted) => {
                // A wish of the far end that waited is overruled.
                return self.listener.set_muted(!self.requests.hears());
            }
            Command::Interrupt if !self.machine.agent_has_floor() => return,
            Command::Mute(muted) => self.listener.set_muted(*muted == Muted::On),
            Command::Dtmf(key) => self.watch.tell(SessionEvent::Dtmf(*key)),
            Command::Say { .. }
            | Command::Interrupt
            | Command::Protect(_)
            | Command::Configure(_)
            | Command::HangUp(_) => {}
        }
        self.handle(Input::Command(command), now);
    }

    /// What the STT was given since the last time is the cost of the one that serves.
    pub(super) fn count_stt_audio(&mut self) {
        let audio_ms = self.stt.take_fed_samples() * 1_000 / u64::from(LISTEN_RATE.hz());
        if audio_ms > 0 {
            self.cost.note(Stage::Stt, self.engines.name(Stage::Stt), |account| account.audio_ms += audio_ms);
        }
    }

    pub(super) fn take_stt(&mut self, news: SttNews, now: Instant) {
        match news {
            SttNews::Event(SttEvent::Serving(serving)) => self.serving(Stage::Stt, serving),
            SttNews::Event(event) => {
                let Some(input) = self.stt_input(event) else { return };
                self.handle(Input::Stt(input), now);
                if let Some((turn, text)) = self.machine.words_so_far() {
                    let text = text.to_owned();
                    self.watch.tell(SessionEvent::Transcript { turn, text, finality: Finality::Interim });
                }
            }
            SttNews::Broken(error) => {
                self.count_stt_audio();
                self.watch.tell(SessionEvent::StageFailed { stage: Stage::Stt, error });
                self.handle(Input::Stt(SttInput::Interrupted), now);
            }
            SttNews::Failed(error) => {
                self.count_stt_audio();
                self.watch.tell(SessionEvent::StageFailed { stage: Stage::Stt, error });
                self.handle(Input::Stt(SttInput::Failed), now);
            }
        }
    }

    fn stt_input(&self, event: SttEvent) -> Option<SttInput> {
        Some(match event {
            SttEvent::Serving(_) => return None,
            SttEvent::StartOfTurn { text } => SttInput::StartOfTurn { text },
            SttEvent::Interim { text } => SttInput::Interim { text },
            SttEvent::EagerEndOfTurn { text } => SttInput::EagerEndOfTurn { text },
            SttEvent::TurnResumed => SttInput::TurnResumed,
            SttEvent::Final { text, end } => {
                let end = (end > Position::ZERO).then(|| self.listener.line_at(end));
                SttInput::Final { text, end }
            }
            SttEvent::EndOfTurn { text, .. } => SttInput::EndOfTurn { text },
        })
    }
}

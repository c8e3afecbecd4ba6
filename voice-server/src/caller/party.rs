//! The caller as one state machine: what it says, hears and writes down, on one clock.
//!
//! Invariant: told the time as a position of the caller's clock and never asks for it; it is given messages and gives
//! frames. The shell around it moves both over a socket.

use super::observe::Observation;
use super::playback::{Playback, PlaybackConfig, TooFarAhead};
use super::recording::Recorder;
use super::report::{CallReport, Facts};
use super::script::{Patience, Progress, Script, Utterance};
use super::wire::AgentAudio;
use std::collections::BTreeMap;
use voice_core::audio::FRAME_MS;
use voice_core::transport::native::{AudioFormat, ServerMessage};
use voice_core::units::SampleRate;

/// Only so many replies can have sounded between two reports.
const RECENT_REPLIES: usize = 4;

/// What the caller does at the end of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    /// The position of the frame's first sample.
    pub(super) position: u64,
    /// The frame.
    pub(super) frame: Vec<i16>,
    /// Which file began in it.
    pub(super) began: Option<usize>,
}

/// The caller of one call.
pub(super) struct Party {
    call_id: String,
    format: AudioFormat,
    rate: SampleRate,
    playback: Playback,
    script: Script,
    observation: Observation,
    recorder: Option<Recorder>,
    sent: u64,
    /// How much of each reply the server was told was played.
    reported: BTreeMap<u32, u64>,
}

impl Party {
    /// A caller whose call has just begun.
    pub(super) fn new(
        call_id: String,
        (format, rate): (AudioFormat, SampleRate),
        (utterances, patience): (Vec<Utterance>, Patience),
        recorder: Option<Recorder>,
    ) -> Self {
        Self {
            call_id,
            format,
            rate,
            playback: Playback::new(rate, PlaybackConfig::default()),
            script: Script::new(utterances, patience, rate),
            observation: Observation::default(),
            recorder,
            sent: 0,
            reported: BTreeMap::new(),
        }
    }

    /// When the next frame is due: a microphone gives it once its last sample was spoken.
    pub(super) fn next_due(&self) -> u64 {
        self.sent + self.rate.samples_in_ms(FRAME_MS)
    }

    /// The frame that is due.
    ///
    /// # Errors
    /// Of the recording; the caller goes on without it.
    pub(super) fn tick(&mut self) -> (Tick, hound::Result<()>) {
        let (position, end) = (self.sent, self.next_due());
        self.playback.advance(end);
        let mut frame = vec![0; (end - position) as usize];
        let said = self.script.said().len();
        self.script.fill(position, &mut frame, &self.playback);
        self.sent = end;
        let heard = self.playback.take_output(frame.len()).unwrap_or_default();
        let written = self.recorder.as_mut().map_or(Ok(()), |recorder| recorder.push(&frame, &heard));
        if written.is_err() {
            self.recorder = None;
        }
        let began = (self.script.said().len() > said).then_some(said);
        (Tick { position, frame, began }, written)
    }

    /// Audio of the agent has arrived.
    ///
    /// # Errors
    /// [`TooFarAhead`].
    pub(super) fn audio(&mut self, at: u64, audio: AgentAudio<'_>) -> Result<(), TooFarAhead> {
        self.playback.audio(at, audio.reply, audio.position, audio.samples)
    }

    /// A control message has arrived.
    pub(super) fn message(&mut self, at: u64, message: &ServerMessage) {
        self.observation.message(message);
        match message {
            ServerMessage::Pause { reply, .. } => self.playback.pause(at, *reply),
            ServerMessage::Resume { reply } => self.playback.resume(at, *reply),
            ServerMessage::Clear { reply } => self.playback.clear(at, *reply),
            ServerMessage::AudioEnd { reply, total_samples } => self.playback.end(at, *reply, *total_samples),
            // The signal alone is enough: whatever of the reply comes after it is counted against the server.
            ServerMessage::BargeIn(barge_in) if barge_in.decision == "committed" => {
                self.playback.clear(at, barge_in.reply);
            }
            _ => {}
        }
    }

    /// What was played since the last time this was asked, as (reply, samples), oldest reply first.
    pub(super) fn played_reports(&mut self) -> Vec<(u32, u64)> {
        let recent = self.playback.tracks().rev().take(RECENT_REPLIES);
        let mut news: Vec<_> = recent.map(|track| (track.reply, track.played_samples)).collect();
        news.retain(|&(reply, played)| played > self.reported.get(&reply).copied().unwrap_or(0));
        news.reverse();
        self.reported.extend(news.iter().copied());
        news
    }

    /// Where the call is.
    pub(super) fn progress(&self) -> Progress {
        self.script.progress(self.sent, &self.playback)
    }

    /// Whether everything was said.
    pub(super) fn has_said_everything(&self) -> bool {
        self.script.has_said_everything(self.sent)
    }

    /// The file that comes next.
    pub(super) fn next_name(&self) -> Option<&str> {
        self.script.utterances().get(self.script.said().len()).map(|utterance| utterance.name.as_str())
    }

    /// The name of a file.
    pub(super) fn name_of(&self, index: usize) -> &str {
        self.script.utterances().get(index).map_or("", |utterance| utterance.name.as_str())
    }

    /// Whether the agent can be heard, and whether the caller is saying something.
    pub(super) fn sounding(&self) -> Sounding {
        Sounding { agent: self.playback.is_sounding(), caller: self.script.is_speaking(self.sent) }
    }

    /// How much caller audio was sent, in milliseconds.
    pub(super) fn now_ms(&self) -> f64 {
        self.sent as f64 * 1_000.0 / f64::from(self.rate.hz())
    }

    /// Ends the recording and gives the report.
    pub(super) fn finish(mut self) -> (CallReport, hound::Result<()>) {
        let written = self.recorder.take().map_or(Ok(()), Recorder::finish);
        let facts = Facts {
            call_id: &self.call_id,
            format: self.format,
            rate: self.rate,
            sent_samples: self.sent,
            observation: &self.observation,
            playback: &self.playback,
            said: self.script.said(),
        };
        (facts.report(), written)
    }
}

/// Who can be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sounding {
    pub(super) agent: bool,
    pub(super) caller: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::Hz8000;

    fn party() -> Party {
        let format = AudioFormat { rate: 8_000, ..AudioFormat::default() };
        Party::new("test".into(), (format, RATE), (Vec::new(), Patience::default()), None)
    }

    fn reply(party: &mut Party, at: u64, reply: u32, samples: usize) {
        party.audio(at, AgentAudio { reply, position: 0, samples: &vec![1_000; samples] }).unwrap();
        party.message(at, &ServerMessage::AudioEnd { reply, total_samples: samples as u64 });
    }

    #[test]
    fn a_reply_that_ended_between_two_reports_is_reported_to_its_end() {
        let mut party = party();
        reply(&mut party, 0, 1, 170);
        reply(&mut party, 0, 2, 400);
        party.tick().1.unwrap();
        assert_eq!(party.played_reports(), [(1, 160)]);
        party.tick().1.unwrap();
        assert_eq!(party.played_reports(), [(1, 170), (2, 150)]);
        assert_eq!(party.played_reports(), []);
    }

    #[test]
    fn the_signal_alone_silences_the_agent() {
        let mut party = party();
        reply(&mut party, 0, 1, 4_000);
        let report = r#"{"type":"barge_in","turn":1,"reply":1,"onset_position":0,"onset_ms":0,"noticed_ms":0,"paused_ms":0,
            "decided_ms":0,"decision":"committed","cause":"words","sent_samples":4000,"heard_text":""}"#;
        party.message(100, &serde_json::from_str(report).unwrap());
        party.tick().1.unwrap();
        assert_eq!(party.played_reports(), [(1, 100)]);
        party.audio(200, AgentAudio { reply: 1, position: 4_000, samples: &[1; 7] }).unwrap();
        let (report, recorded) = party.finish();
        recorded.unwrap();
        assert_eq!(report.barge_ins[0].samples_after_signal, 7);
    }

    #[test]
    fn frames_follow_each_other_without_a_hole() {
        let mut party = party();
        let positions: Vec<_> = (0..5).map(|_| party.tick().0).map(|t| (t.position, t.frame.len())).collect();
        assert_eq!(positions, [(0, 160), (160, 160), (320, 160), (480, 160), (640, 160)]);
        assert_eq!(party.next_due(), 960);
    }
}

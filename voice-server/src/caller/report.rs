//! The report of a call: its JSON form, and how it is made from what was observed.
//!
//! Invariant: a pure function of the observation, the loudspeaker and what was said. Every time is in milliseconds on
//! the caller's clock from the start of the call. What is said to be heard is read off the audio, never off messages.

use super::energy::Stretch;
use super::observe::Observation;
use super::playback::Playback;
use super::script::Said;
use super::track::Track;
use serde::{Deserialize, Serialize};
use voice_core::transport::native::{AudioFormat, BargeInReport, CostReport, Encoding, TurnReport};
use voice_core::units::SampleRate;

/// The version of the report's form.
pub const REPORT_VERSION: u32 = 1;

/// What a call was like, as its caller saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallReport {
    /// [`REPORT_VERSION`].
    pub report: u32,
    /// The server's name for the call.
    pub call_id: String,
    /// Encoding and rate of the line, as in `pcm16/16000`.
    pub format: String,
    /// From `ready` to the end.
    pub duration_ms: f64,
    /// Every reply to the caller, in order; what the agent said unasked, as a greeting, is not listed.
    pub turns: Vec<TurnLine>,
    /// Every time the caller talked over the agent, in order.
    pub barge_ins: Vec<BargeInLine>,
    /// The audio of both directions.
    pub audio: AudioLine,
    /// What the call used of the server's engines, and what that cost, as the server says at its end.
    #[serde(default)]
    pub cost: Option<CostReport>,
}

/// One reply. A time is `null` where it did not happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnLine {
    /// Which turn.
    pub turn: u32,
    /// The caller's words, as the server understood them.
    pub caller_text: String,
    /// The caller's last loud sample of the turn, read off the file.
    pub speech_end_ms: Option<f64>,
    /// When the server decided that the caller had finished.
    pub eot_ms: Option<f64>,
    /// What decided it.
    pub eot_source: Option<String>,
    /// Whether the reply was begun before that was certain.
    pub speculative: bool,
    /// The model's first token.
    pub first_token_ms: Option<f64>,
    /// The first clause given to the voice.
    pub first_clause_ms: Option<f64>,
    /// The voice's first audio.
    pub tts_first_audio_ms: Option<f64>,
    /// The first audio given to the line.
    pub first_audio_ms: Option<f64>,
    /// From the caller's last loud sample to the agent's first audible one as played.
    pub voice_to_voice_ms: Option<f64>,
    /// What of the wait the engine itself caused.
    pub engine_ms: Option<f64>,
    /// What the agent meant to say.
    pub reply_text: String,
    /// What of it the caller heard.
    pub heard_text: String,
    /// `completed`, `barged_in` or `failed`; `call_ended` if the caller hung up first.
    pub outcome: String,
}

/// One overlap of caller and agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BargeInLine {
    /// The turn that was talked over.
    pub turn: u32,
    /// The caller's first sample of speech.
    pub onset_ms: f64,
    /// When the server noticed.
    pub noticed_ms: f64,
    /// When the server paused the agent.
    pub paused_ms: f64,
    /// When it was decided.
    pub decided_ms: f64,
    /// `committed` or `resumed`.
    pub decision: String,
    /// Why.
    pub cause: String,
    /// When the last sample of the reply was played; for a resumed one the last before the pause.
    pub last_audio_ms: Option<f64>,
    /// Samples of the reply that came after the signal; anything but 0 is a fault of the server.
    pub samples_after_signal: u64,
    /// What of the reply the caller had heard.
    pub heard_text: String,
}

/// The audio of both directions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AudioLine {
    /// Caller audio sent.
    pub sent_ms: f64,
    /// Agent audio received.
    pub received_ms: f64,
    /// How often a reply ran dry in its middle.
    pub gaps: u64,
    /// Frames that came after their first sample was due.
    pub late_frames: u64,
    /// Lateness of frames against the earliest of their reply, median.
    pub jitter_p50_ms: f64,
    /// The same, 99th percentile.
    pub jitter_p99_ms: f64,
}

/// What a report is made of.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) call_id: &'a str,
    pub(super) format: AudioFormat,
    pub(super) rate: SampleRate,
    pub(super) sent_samples: u64,
    pub(super) observation: &'a Observation,
    pub(super) playback: &'a Playback,
    pub(super) said: &'a [Said],
}

impl Facts<'_> {
    /// The report.
    pub(super) fn report(&self) -> CallReport {
        let asked = self.observation.turns().iter().filter(|turn| is_answer(turn));
        CallReport {
            report: REPORT_VERSION,
            call_id: self.call_id.to_owned(),
            format: format_name(self.format),
            duration_ms: self.ms(self.playback.now()),
            turns: asked.map(|turn| self.turn(turn)).collect(),
            barge_ins: self.observation.barge_ins().iter().map(|barge_in| self.barge_in(barge_in)).collect(),
            audio: self.audio(),
            cost: self.observation.cost().cloned(),
        }
    }

    fn turn(&self, turn: &TurnReport) -> TurnLine {
        let audible_at = self.track(turn.reply).and_then(|track| track.audible_at);
        let speech_end = self.speech_end(turn.speech_end_position, audible_at);
        let wait = audible_at.zip(speech_end).map(|(audible, end)| rounded(self.ms(audible) - self.ms(end)));
        TurnLine {
            turn: turn.turn,
            caller_text: turn.caller_text.clone(),
            speech_end_ms: speech_end.map(|position| self.ms(position)),
            eot_ms: turn.eot_ms.map(rounded),
            eot_source: turn.eot_source.clone(),
            speculative: turn.speculative,
            first_token_ms: turn.first_token_ms.map(rounded),
            first_clause_ms: turn.first_clause_ms.map(rounded),
            tts_first_audio_ms: turn.tts_first_audio_ms.map(rounded),
            first_audio_ms: turn.first_audio_ms.map(rounded),
            voice_to_voice_ms: wait,
            engine_ms: turn.engine_ms.map(rounded),
            reply_text: turn.reply_text.clone(),
            heard_text: turn.heard_text.clone(),
            outcome: turn.outcome.clone(),
        }
    }

    /// The end of the stretch of speech that the turn ended with: nearest to where the server heard it end, else the
    /// last one begun before the answer sounded.
    fn speech_end(&self, heard_end: Option<u64>, audible_at: Option<u64>) -> Option<u64> {
        let stretches = self.said.iter().flat_map(|said| &said.speech);
        let mut ends = stretches.filter(|s| audible_at.is_none_or(|at| s.begin < at)).map(|&Stretch { end, .. }| end);
        match heard_end {
            Some(heard_end) => ends.min_by_key(|end| end.abs_diff(heard_end)),
            None => ends.next_back().filter(|_| audible_at.is_some()),
        }
    }

    fn barge_in(&self, barge_in: &BargeInReport) -> BargeInLine {
        let track = self.track(barge_in.reply);
        let last_audio = match (track, barge_in.decision.as_str()) {
            (Some(track), "resumed") => self.last_before_pause(track, barge_in.paused_ms),
            (track, _) => track.and_then(Track::last_played_at),
        };
        BargeInLine {
            turn: barge_in.turn,
            onset_ms: self.ms(barge_in.onset_position),
            noticed_ms: rounded(barge_in.noticed_ms),
            paused_ms: rounded(barge_in.paused_ms),
            decided_ms: rounded(barge_in.decided_ms),
            decision: barge_in.decision.clone(),
            cause: barge_in.cause.clone(),
            last_audio_ms: last_audio.map(|at| self.ms(at)),
            samples_after_signal: track.map_or(0, |track| track.stale_samples),
            heard_text: barge_in.heard_text.clone(),
        }
    }

    /// The break in the reply that is nearest to the pause.
    fn last_before_pause(&self, track: &Track, paused_ms: f64) -> Option<u64> {
        let distance = |at: u64| (self.ms(at) - paused_ms).abs();
        track.spans.iter().map(|span| span.end()).min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
    }

    fn audio(&self) -> AudioLine {
        AudioLine {
            sent_ms: self.ms(self.sent_samples),
            received_ms: self.ms(self.playback.received_samples()),
            gaps: self.playback.gaps(),
            late_frames: self.playback.late_frames(),
            jitter_p50_ms: rounded(self.playback.jitter().percentile_ms(50)),
            jitter_p99_ms: rounded(self.playback.jitter().percentile_ms(99)),
        }
    }

    fn track(&self, reply: u32) -> Option<&Track> {
        self.playback.tracks().find(|track| track.reply == reply)
    }

    fn ms(&self, samples: u64) -> f64 {
        rounded(samples as f64 * 1_000.0 / f64::from(self.rate.hz()))
    }
}

/// What the agent says unasked ends no turn of the caller.
fn is_answer(turn: &TurnReport) -> bool {
    turn.eot_source.is_some() || !turn.caller_text.is_empty()
}

/// To the microsecond: less is noise.
fn rounded(ms: f64) -> f64 {
    (ms * 1_000.0).round() / 1_000.0
}

fn format_name(format: AudioFormat) -> String {
    let encoding = match format.encoding {
        Encoding::Pcm16 => "pcm16",
        Encoding::Mulaw => "mulaw",
        Encoding::Opus => "opus",
    };
    format!("{encoding}/{}", format.rate)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;

//! Where the time of a turn went: instants of what happened, and the named parts between them.
//!
//! Invariant: plain values; whoever observes sets the instants, nothing here reads a clock.

use crate::units::{Position, ReplyId, TurnId};
use std::time::{Duration, Instant};

/// The instants of one turn and its reply; `None` where it did not happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnTimeline {
    /// Which turn; what the agent says unasked is a turn of its own.
    pub turn: TurnId,
    /// The reply.
    pub reply: ReplyId,
    /// Just after the caller's last sample of speech, at the line's rate.
    pub speech_end_position: Option<Position>,
    /// When that sample was received.
    pub speech_end: Option<Instant>,
    /// When the end of turn was decided.
    pub eot: Option<Instant>,
    /// Whether the reply was started before that.
    pub speculative: bool,
    /// When the model was asked.
    pub reply_started: Option<Instant>,
    /// The model's first token.
    pub first_token: Option<Instant>,
    /// When the token that completed the first clause came.
    pub first_clause: Option<Instant>,
    /// When that clause was handed to the TTS.
    pub first_clause_spoken: Option<Instant>,
    /// The first audio from the TTS, silence or not.
    pub tts_first_byte: Option<Instant>,
    /// The first audio from the TTS that is not leading silence.
    pub tts_first_speech: Option<Instant>,
    /// Leading silence cut from it.
    pub trimmed_silence: Duration,
    /// When the reply was allowed to be heard.
    pub released: Option<Instant>,
    /// When its first audio was handed to the line.
    pub first_audio: Option<Instant>,
}

impl TurnTimeline {
    /// From the caller's last sample to the decision that the turn is over.
    pub fn eot_wait(&self) -> Option<Duration> {
        between(self.speech_end, self.eot)
    }
    /// From asking the model to its first token.
    pub fn llm_first_token(&self) -> Option<Duration> {
        between(self.reply_started, self.first_token)
    }
    /// From the first token to the first speakable clause.
    pub fn clause_wait(&self) -> Option<Duration> {
        between(self.first_token, self.first_clause)
    }
    /// From the first clause to the TTS's first audio.
    pub fn tts_first_audio(&self) -> Option<Duration> {
        between(self.first_clause_spoken, self.tts_first_byte)
    }
    /// How long finished audio was held for the end of turn.
    pub fn hold(&self) -> Option<Duration> {
        between(self.tts_first_speech, self.released)
    }
    /// From audio that may be heard to the line.
    pub fn send(&self) -> Option<Duration> {
        between(self.tts_first_speech.max(self.released), self.first_audio)
    }
    /// From the caller's last sample to the agent's first audio at the line.
    pub fn voice_to_voice(&self) -> Option<Duration> {
        between(self.speech_end, self.first_audio)
    }
    /// Where all of [`Self::voice_to_voice`] went: the parts, in order, add up to it exactly. What ran beside something
    /// else counts only as far as it was waited for: a speculative reply's model costs what it took past the end of turn.
    pub fn parts(&self) -> Option<[(SilencePart, Duration); SilencePart::COUNT]> {
        let (start, end) = (self.speech_end?, self.first_audio?);
        let milestones = [
            (SilencePart::EndOfTurn, self.eot),
            (SilencePart::Model, self.first_token),
            (SilencePart::Clause, self.first_clause),
            (SilencePart::Voice, self.tts_first_byte),
            (SilencePart::LeadingSilence, self.tts_first_speech),
            (SilencePart::Hold, self.released),
            (SilencePart::Engine, Some(end)),
        ];
        let mut so_far = start;
        Some(milestones.map(|(part, at)| {
            let reached = at.unwrap_or(so_far).clamp(so_far, end.max(so_far));
            let took = reached.saturating_duration_since(so_far);
            so_far = reached;
            (part, took)
        }))
    }
    /// What of it the engine itself caused: handing the clause on, and sending audio that was there and allowed.
    pub fn engine(&self) -> Option<Duration> {
        Some(between(self.first_clause, self.first_clause_spoken)? + self.send()?)
    }
}

/// What the caller waited for between their last sample and the agent's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SilencePart {
    /// The decision that the turn is over: the policy's silence and the STT's final.
    EndOfTurn,
    /// The model's first token.
    Model,
    /// The rest of the first clause.
    Clause,
    /// The TTS's first audio.
    Voice,
    /// The silence the TTS opens with, as long as it took to arrive.
    LeadingSilence,
    /// Audio that was there and was not allowed yet.
    Hold,
    /// The engine: sending what was there and allowed.
    Engine,
}

impl SilencePart {
    /// How many parts there are.
    pub const COUNT: usize = 7;
}

/// The instants of one overlap of caller and agent.
#[derive(Clone, Debug, PartialEq)]
pub struct BargeInTimeline {
    /// The turn of the reply that was talked over.
    pub turn: TurnId,
    /// That reply.
    pub reply: ReplyId,
    /// The caller's first sample of speech, at the line's rate.
    pub onset_position: Position,
    /// When that sample was received.
    pub onset: Instant,
    /// When it was noticed.
    pub noticed: Instant,
    /// When the playout was paused.
    pub paused: Instant,
    /// When it was decided what it was.
    pub decided: Instant,
    /// When the last audio of the reply was handed to the line.
    pub last_sample: Option<Instant>,
    /// Samples of the reply that were handed to the line.
    pub sent_samples: u64,
}

fn between(from: Option<Instant>, to: Option<Instant>) -> Option<Duration> {
    Some(to?.saturating_duration_since(from?))
}

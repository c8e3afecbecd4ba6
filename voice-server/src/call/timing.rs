//! The times of a call, in milliseconds since it came up.

use super::names;
use std::time::{Duration, Instant};
use voice_core::metrics::TurnTimeline;
use voice_core::session::TurnRecord;
use voice_core::transport::native::TurnReport;

/// When the call came up; before that is known, every instant is its start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    origin: Option<Instant>,
}

impl Timing {
    pub(super) fn start(&mut self, at: Instant) {
        self.origin = Some(at);
    }

    pub(super) fn since(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.origin.unwrap_or(at))
    }

    pub(super) fn ms(&self, at: Instant) -> f64 {
        millis(self.since(at))
    }

    /// A turn and its reply, as the protocol tells it.
    pub(super) fn turn(&self, record: &TurnRecord) -> TurnReport {
        let (caller_text, eot_source) = match &record.caller {
            Some(caller) => (caller.text.clone(), Some(names::eot_source(caller.source).into())),
            None => (String::new(), None),
        };
        TurnReport {
            turn: record.turn.0,
            reply: record.reply.0,
            caller_text,
            eot_source,
            reply_text: record.reply_text.clone(),
            heard_text: record.heard_text().to_owned(),
            outcome: names::reply_outcome(record.outcome).into(),
            ..self.times(&record.timeline)
        }
    }

    fn times(&self, timeline: &TurnTimeline) -> TurnReport {
        let ms = |at: Option<Instant>| at.map(|at| self.ms(at));
        TurnReport {
            speech_end_position: timeline.speech_end_position.map(|position| position.0),
            speech_end_ms: ms(timeline.speech_end),
            eot_ms: ms(timeline.eot),
            speculative: timeline.speculative,
            reply_started_ms: ms(timeline.reply_started),
            first_token_ms: ms(timeline.first_token),
            first_clause_ms: ms(timeline.first_clause_spoken),
            tts_first_audio_ms: ms(timeline.tts_first_byte),
            trimmed_silence_ms: millis(timeline.trimmed_silence),
            released_ms: ms(timeline.released),
            first_audio_ms: ms(timeline.first_audio),
            engine_ms: timeline.engine().map(millis),
            ..TurnReport::default()
        }
    }
}

/// To the microsecond.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

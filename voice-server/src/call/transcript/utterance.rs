//! One row of a transcript.

use super::super::names;
use super::super::timing::{Timing, millis};
use super::conversation::storable;
use crate::store::{Utterance, UtteranceTimes, Who};
use serde_json::Value;
use std::time::{Duration, Instant};
use voice_core::metrics::TurnTimeline;
use voice_core::session::TurnRecord;
use voice_core::turn::CallerTurn;
use voice_core::units::{SampleRate, TurnId};

/// What happened to a reply while it was spoken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overlap {
    /// When its audio ended.
    pub(super) silent: Option<Instant>,
    /// How often it was paused and went on.
    pub(super) resumes: i32,
    /// Why the caller got the turn, and how many milliseconds after their onset it was paused.
    pub(super) barge_in: Option<(&'static str, f64)>,
}

pub(super) fn caller_row(turn: &CallerTurn, rate: SampleRate) -> Utterance {
    let ms = |samples| whole_ms(rate.duration_of(samples));
    Utterance {
        start_ms: ms(turn.onset.0),
        end_ms: ms(turn.end.0),
        ..row(turn.turn, Who::Caller, &turn.text, names::eot_source(turn.source))
    }
}

pub(super) fn reply_row(record: &TurnRecord, overlap: &Overlap, rate: SampleRate, timing: &Timing) -> Utterance {
    let began = record.timeline.first_audio.or(record.timeline.reply_started);
    let start = began.map(|at| timing.since(at)).unwrap_or_default();
    let played = start + rate.duration_of(record.played_samples);
    let end = overlap.silent.map_or(played, |at| timing.since(at));
    Utterance {
        reply: Some(record.reply.0.into()),
        full_text: Some(storable(&record.reply_text)),
        start_ms: whole_ms(start),
        end_ms: whole_ms(end.max(start)),
        barge_in_cause: overlap.barge_in.map(|(cause, _)| cause.into()),
        resumes: overlap.resumes,
        times: UtteranceTimes {
            barge_in_pause_ms: overlap.barge_in.map(|(_, pause)| pause),
            ..times(&record.timeline)
        },
        timeline: timeline(record, timing),
        ..row(record.turn, Who::Agent, record.heard_text(), names::reply_outcome(record.outcome))
    }
}

pub(super) fn tool_row(turn: TurnId, name: &str, outcome: &str, times: [Instant; 2], timing: &Timing) -> Utterance {
    let [start_ms, end_ms] = times.map(|at| whole_ms(timing.since(at)));
    Utterance { start_ms, end_ms, ..row(turn, Who::Tool, name, outcome) }
}

pub(super) fn away_row(turn: TurnId, since: Instant, at: Instant, timing: &Timing) -> Utterance {
    let text = format!("connection lost for {:.1} s", at.saturating_duration_since(since).as_secs_f64());
    let [start_ms, end_ms] = [since, at].map(|at| whole_ms(timing.since(at)));
    Utterance { start_ms, end_ms, ..row(turn, Who::Line, &text, "resumed") }
}

fn row(turn: TurnId, who: Who, text: &str, outcome: &str) -> Utterance {
    Utterance {
        seq: 0,
        turn: turn.0.into(),
        reply: None,
        who,
        text: storable(text),
        full_text: None,
        start_ms: 0,
        end_ms: 0,
        outcome: outcome.into(),
        barge_in_cause: None,
        resumes: 0,
        times: UtteranceTimes::default(),
        timeline: None,
    }
}

fn times(timeline: &TurnTimeline) -> UtteranceTimes {
    UtteranceTimes {
        voice_to_voice_ms: timeline.voice_to_voice().map(millis),
        eot_wait_ms: timeline.eot_wait().map(millis),
        first_token_ms: timeline.llm_first_token().map(millis),
        tts_first_audio_ms: timeline.tts_first_audio().map(millis),
        engine_ms: timeline.engine().map(millis),
        barge_in_pause_ms: None,
    }
}

/// Without the texts, which are the row's own.
fn timeline(record: &TurnRecord, timing: &Timing) -> Option<Value> {
    let mut timeline = serde_json::to_value(timing.turn(record)).ok()?;
    for text in ["caller_text", "reply_text", "heard_text"] {
        timeline.as_object_mut()?.remove(text);
    }
    Some(timeline)
}

fn whole_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

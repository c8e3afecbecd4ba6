//! Events of a session as messages of the protocol.
//!
//! Invariant: pure; instants become milliseconds since the call began.

use super::names;
use super::timing::Timing;
use crate::cost::Prices;
use std::time::Instant;
use voice_core::metrics::BargeInTimeline;
use voice_core::session::{SessionEvent, Stage, TurnRecord};
use voice_core::stage::StageError;
use voice_core::transport::native::{BargeInReport, ErrorCode, ServerMessage, Speaker};
use voice_core::turn::{BargeInSignal, CallerTurn};
use voice_core::units::{Position, ReplyId};

/// Turns the events of one call into messages.
#[derive(Debug)]
pub(crate) struct Reporter<'p> {
    prices: &'p Prices,
    timing: Timing,
    /// What was heard of the latest reply, for an overlap that came to nothing.
    heard: (ReplyId, String),
}

impl<'p> Reporter<'p> {
    pub(crate) fn new(prices: &'p Prices) -> Self {
        Self { prices, timing: Timing::default(), heard: (ReplyId::default(), String::new()) }
    }

    /// Appends what the client is told of an event; of some it is told nothing, the line having said it already.
    pub(crate) fn report(&mut self, event: SessionEvent, out: &mut Vec<ServerMessage>) {
        match event {
            SessionEvent::Started { at } => self.timing.start(at),
            SessionEvent::CallerSpeaking { at, onset } => {
                out.push(self.speaking(Speaker::Caller, true, at, Some(onset)))
            }
            SessionEvent::CallerSilent { at, end } => out.push(self.speaking(Speaker::Caller, false, at, Some(end))),
            SessionEvent::AgentSpeaking { at, .. } => out.push(self.speaking(Speaker::Agent, true, at, None)),
            SessionEvent::AgentSilent { at, .. } => out.push(self.speaking(Speaker::Agent, false, at, None)),
            SessionEvent::Transcript { turn, text, .. } => {
                out.push(ServerMessage::Transcript { turn: turn.0, text, r#final: false });
            }
            SessionEvent::CallerTurn(CallerTurn { turn, text, .. }) => {
                out.push(ServerMessage::Transcript { turn: turn.0, text, r#final: true });
            }
            SessionEvent::AgentText { turn, reply, text, heard_bytes } => {
                let heard = text.get(..heard_bytes).unwrap_or_default().to_owned();
                self.heard = (reply, heard.clone());
                out.push(ServerMessage::AgentText { turn: turn.0, reply: reply.0, text, heard, outcome: None });
            }
            SessionEvent::Resumed(timeline) => out.push(self.resumed(&timeline)),
            SessionEvent::BargeIn { signal, timeline } => out.push(self.barged_in(&signal, &timeline)),
            SessionEvent::TurnEnded(record) => self.turn_ended(*record, out),
            SessionEvent::Tool { name, state, .. } => {
                out.push(ServerMessage::Tool { name, state: names::tool_state(&state).into() });
            }
            SessionEvent::Cost(cost) => out.push(ServerMessage::Cost(Box::new(self.prices.bill(&cost)))),
            SessionEvent::Ended { reason, .. } => {
                out.push(ServerMessage::Bye { reason: names::end_reason(reason).into() });
            }
            event => out.extend(trouble(&event)),
        }
    }

    fn ms(&self, at: Instant) -> f64 {
        self.timing.ms(at)
    }

    fn speaking(&self, who: Speaker, on: bool, at: Instant, position: Option<Position>) -> ServerMessage {
        ServerMessage::Speaking { who, on, at_ms: self.ms(at), position: position.map(|position| position.0) }
    }

    fn resumed(&self, timeline: &BargeInTimeline) -> ServerMessage {
        let (reply, heard) = &self.heard;
        let heard = if *reply == timeline.reply { heard.clone() } else { String::new() };
        ServerMessage::BargeIn(self.overlap(timeline, "resumed", "not_a_bid", heard))
    }

    fn barged_in(&self, signal: &BargeInSignal, timeline: &BargeInTimeline) -> ServerMessage {
        let cause = names::barge_in_cause(signal.cause);
        ServerMessage::BargeIn(self.overlap(timeline, "committed", cause, signal.heard_text().into()))
    }

    fn overlap(&self, timeline: &BargeInTimeline, decision: &str, cause: &str, heard_text: String) -> BargeInReport {
        BargeInReport {
            turn: timeline.turn.0,
            reply: timeline.reply.0,
            onset_position: timeline.onset_position.0,
            onset_ms: self.ms(timeline.onset),
            noticed_ms: self.ms(timeline.noticed),
            paused_ms: self.ms(timeline.paused),
            decided_ms: self.ms(timeline.decided),
            decision: decision.into(),
            cause: cause.into(),
            sent_samples: timeline.sent_samples,
            heard_text,
        }
    }

    fn turn_ended(&self, record: TurnRecord, out: &mut Vec<ServerMessage>) {
        let report = self.timing.turn(&record);
        out.push(ServerMessage::AgentText {
            turn: report.turn,
            reply: report.reply,
            text: record.reply_text,
            heard: report.heard_text.clone(),
            outcome: Some(report.outcome.clone()),
        });
        out.push(ServerMessage::Turn(Box::new(report)));
    }
}

fn trouble(event: &SessionEvent) -> Option<ServerMessage> {
    let (code, message) = match event {
        SessionEvent::StageFailed { stage, error } => (ErrorCode::Stage, stage_failed(*stage, error)),
        SessionEvent::StageSwitched { stage, why: Some(error), .. } => {
            (ErrorCode::Stage, format!("{}; another engine goes on", stage_failed(*stage, error)))
        }
        SessionEvent::CallerTooFast { dropped_samples } => (
            ErrorCode::TooFast,
            format!("audio comes faster than real time; {dropped_samples} samples were dropped so far"),
        ),
        SessionEvent::EventsLost { count } => {
            (ErrorCode::TooSlow, format!("you read too slowly; {count} messages about the call were dropped"))
        }
        SessionEvent::SayDropped { text } => {
            (ErrorCode::TooFast, format!("too many texts wait to be said, or come too fast; dropped: {text:.80}"))
        }
        SessionEvent::KeyDropped(key) => (ErrorCode::TooFast, format!("keys come too fast; dropped: {key}")),
        _ => return None,
    };
    Some(ServerMessage::Error { code, message })
}

/// Which stage and what kind of failure; an engine's own words may hold addresses or keys and stay in the log.
fn stage_failed(stage: Stage, error: &StageError) -> String {
    let what = match error {
        StageError::Open { .. } | StageError::Busy { .. } => "could not be opened",
        StageError::Stream { .. } => "broke while it ran",
        StageError::Stalled { .. } => "gave nothing for too long",
        StageError::Full { .. } => "is behind; some input was dropped",
        _ => "has ended",
    };
    format!("the {} {what}", names::stage(stage).to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use voice_core::metrics::TurnTimeline;
    use voice_core::stage::Fault;
    use voice_core::turn::{EndReason, EotSource, ReplyOutcome};
    use voice_core::units::TurnId;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin; nothing is measured")]
    fn some_instant() -> Instant {
        Instant::now()
    }

    fn reported(events: Vec<SessionEvent>) -> Vec<ServerMessage> {
        let prices = Prices::default();
        let (mut reporter, mut out) = (Reporter::new(&prices), Vec::new());
        events.into_iter().for_each(|event| reporter.report(event, &mut out));
        out
    }

    #[test]
    fn times_count_from_the_start_of_the_call() {
        let origin = some_instant();
        let at = origin + Duration::from_micros(1_234_567);
        let events =
            vec![SessionEvent::Started { at: origin }, SessionEvent::CallerSpeaking { at, onset: Position(320) }];
        let expected =
            ServerMessage::Speaking { who: Speaker::Caller, on: true, at_ms: 1_234.567, position: Some(320) };
        assert_eq!(reported(events), [expected]);
    }

    #[test]
    fn a_finished_turn_gives_its_text_and_its_timeline() {
        let origin = some_instant();
        let caller = CallerTurn {
            turn: TurnId(2),
            text: "hello".into(),
            source: EotSource::Silence,
            onset: Position(0),
            end: Position(16_000),
        };
        let record = TurnRecord {
            turn: TurnId(2),
            reply: ReplyId(3),
            caller: Some(caller),
            reply_text: "Good morning.".into(),
            heard_bytes: 4,
            outcome: ReplyOutcome::BargedIn,
            played_samples: 100,
            timeline: TurnTimeline { eot: Some(origin + Duration::from_millis(7)), ..TurnTimeline::default() },
        };
        let events = vec![SessionEvent::Started { at: origin }, SessionEvent::TurnEnded(Box::new(record))];
        let messages = reported(events);
        let [ServerMessage::AgentText { heard, outcome: Some(outcome), .. }, ServerMessage::Turn(turn)] = &messages[..]
        else {
            panic!("{messages:?}");
        };
        assert_eq!((heard.as_str(), outcome.as_str()), ("Good", "barged_in"));
        assert_eq!((turn.turn, turn.reply, turn.eot_ms), (2, 3, Some(7.0)));
        assert_eq!((turn.caller_text.as_str(), turn.eot_source.as_deref()), ("hello", Some("silence")));
    }

    #[test]
    fn what_an_engine_says_of_itself_stays_in_the_log() {
        let error = StageError::Open { engine: "x", reason: "key sk-123".into(), fault: Fault::Configuration };
        let messages = reported(vec![SessionEvent::StageFailed { stage: Stage::Tts, error }]);
        let expected = ServerMessage::Error { code: ErrorCode::Stage, message: "the TTS could not be opened".into() };
        assert_eq!(messages, [expected]);
    }

    #[test]
    fn what_a_call_used_is_told() {
        let messages = reported(vec![SessionEvent::Cost(Box::default())]);
        assert_eq!(messages, [ServerMessage::Cost(Box::default())]);
    }

    #[test]
    fn the_end_is_a_bye() {
        let ended = SessionEvent::Ended { at: some_instant(), reason: EndReason::MaxDuration };
        assert_eq!(reported(vec![ended]), [ServerMessage::Bye { reason: "max_duration".into() }]);
    }
}

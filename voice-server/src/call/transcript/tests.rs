use super::*;
use crate::principal::{CallUuid, TenantId};
use crate::store::Who;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;
use voice_core::history::ModelMessage;
use voice_core::metrics::{BargeInTimeline, TurnTimeline};
use voice_core::session::{Cost, EngineUse, Stage};
use voice_core::turn::{BargeInCause, BargeInSignal, EndReason, EotSource, ReplyOutcome};
use voice_core::units::{CallId, Position};

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin; nothing is measured")]
fn origin() -> Instant {
    Instant::now()
}

fn header() -> Header {
    Header {
        tenant: TenantId(Uuid::from_u128(1)),
        call: CallUuid(Uuid::from_u128(2)),
        started_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn caller(turn: u32, text: &str) -> CallerTurn {
    CallerTurn {
        turn: TurnId(turn),
        text: text.into(),
        source: EotSource::Silence,
        onset: Position(16_000),
        end: Position(24_000),
    }
}

fn reply(at: Instant, reply: u32, outcome: ReplyOutcome) -> TurnRecord {
    let ms = |ms| Some(at + Duration::from_millis(ms));
    TurnRecord {
        turn: TurnId(1),
        reply: ReplyId(reply),
        caller: None,
        reply_text: "At ten. Fine?".into(),
        heard_bytes: 7,
        outcome,
        played_samples: 8_000,
        timeline: TurnTimeline { speech_end: ms(1_500), first_audio: ms(2_000), ..TurnTimeline::default() },
    }
}

fn record(caller_turns: Vec<CallerTurn>, turns: Vec<TurnRecord>) -> CallRecord {
    CallRecord {
        call: CallId::new("c"),
        caller_turns,
        turns,
        conversation: vec![ModelMessage::Caller("When\0?".into())],
        reason: EndReason::CallerHungUp,
        received_samples: 0,
        sent_samples: 0,
        cost: Cost::default(),
    }
}

fn entries(events: Vec<SessionEvent>, record: Option<&CallRecord>) -> Vec<Entry> {
    let (prices, mut out) = (Prices::default(), Vec::new());
    let mut transcript = Transcript::new(header(), SampleRate::Hz16000, &prices);
    events.iter().for_each(|event| transcript.observe(event, &mut out));
    transcript.finish(record, "server_fault", &mut out);
    out
}

fn rows(entries: &[Entry]) -> Vec<Utterance> {
    let row = |entry: &Entry| match entry {
        Entry::Utterance(entry) => Some(entry.utterance.clone()),
        _ => None,
    };
    entries.iter().filter_map(row).collect()
}

fn end(entries: &[Entry]) -> CallEnd {
    match entries.last() {
        Some(Entry::CallEnd(end)) => end.as_ref().clone(),
        other => panic!("the last entry is the end: {other:?}"),
    }
}

#[test]
fn a_turn_told_again_longer_is_a_row_more_and_the_numbers_have_no_hole() {
    let at = origin();
    let (short, long) = (caller(1, "When"), caller(1, "When then?"));
    let answered = reply(at, 1, ReplyOutcome::Completed);
    let events = vec![
        SessionEvent::Started { at },
        SessionEvent::CallerTurn(short),
        SessionEvent::CallerTurn(long.clone()),
        SessionEvent::TurnEnded(Box::new(answered.clone())),
        SessionEvent::Ended { at: at + Duration::from_millis(3_210), reason: EndReason::CallerHungUp },
    ];
    let entries = entries(events, Some(&record(vec![long], vec![answered])));
    let rows = rows(&entries);
    let told: Vec<_> = rows.iter().map(|row| (row.seq, row.who, row.text.as_str(), row.outcome.as_str())).collect();
    assert_eq!(
        told,
        [
            (0, Who::Caller, "When", "silence"),
            (1, Who::Caller, "When then?", "silence"),
            (2, Who::Agent, "At ten.", "completed")
        ]
    );
    assert_eq!((rows[0].start_ms, rows[0].end_ms), (1_000, 1_500));
    assert_eq!((rows[2].start_ms, rows[2].end_ms), (2_000, 2_500));
    assert_eq!((rows[2].full_text.as_deref(), rows[2].reply), (Some("At ten. Fine?"), Some(1)));
    assert_eq!(rows[2].times.voice_to_voice_ms, Some(500.0));
    let timeline = rows[2].timeline.clone().unwrap();
    assert_eq!((timeline.get("first_audio_ms").cloned(), timeline.get("reply_text")), (Some(2_000.0.into()), None));
    let end = end(&entries);
    assert_eq!((end.utterances, end.turns, end.duration_ms), (3, 1, 3_210));
    assert_eq!((end.reason.as_str(), end.voice_to_voice_p50_ms), ("caller_hung_up", Some(500.0)));
}

#[test]
fn what_the_watcher_lost_comes_from_the_record() {
    let at = origin();
    let answered = reply(at, 1, ReplyOutcome::Completed);
    let missed = reply(at, 2, ReplyOutcome::BargedIn);
    let events = vec![
        SessionEvent::Started { at },
        SessionEvent::CallerTurn(caller(1, "When")),
        SessionEvent::TurnEnded(Box::new(answered.clone())),
        SessionEvent::EventsLost { count: 9 },
    ];
    let record = record(vec![caller(1, "When then?"), caller(2, "And?")], vec![answered, missed]);
    let entries = entries(events, Some(&record));
    let rows = rows(&entries);
    let texts: Vec<_> = rows.iter().map(|row| (row.seq, row.turn, row.text.as_str())).collect();
    assert_eq!(texts, [(0, 1, "When"), (1, 1, "At ten."), (2, 1, "When then?"), (3, 2, "And?"), (4, 1, "At ten.")]);
    assert_eq!((end(&entries).turns, end(&entries).barge_ins), (2, 1));
}

#[test]
fn what_comes_late_from_the_record_does_not_end_the_call_earlier() {
    let at = origin();
    let ended = SessionEvent::Ended { at: at + Duration::from_secs(10), reason: EndReason::CallerHungUp };
    let events = vec![SessionEvent::Started { at }, SessionEvent::EventsLost { count: 1 }, ended];
    let record = record(Vec::new(), vec![reply(at, 1, ReplyOutcome::Completed)]);
    assert_eq!(end(&entries(events, Some(&record))).duration_ms, 10_000);
}

#[test]
fn an_overlap_is_told_with_its_cause_and_its_pause() {
    let at = origin();
    let overlap = BargeInTimeline {
        turn: TurnId(1),
        reply: ReplyId(1),
        onset_position: Position(1),
        onset: at + Duration::from_millis(100),
        noticed: at + Duration::from_millis(140),
        paused: at + Duration::from_millis(145),
        decided: at + Duration::from_millis(300),
        last_sample: None,
        sent_samples: 0,
    };
    let signal = BargeInSignal { reply: ReplyId(1), turn: TurnId(1), cause: BargeInCause::Words, ..signal(at) };
    let taken = reply(at, 1, ReplyOutcome::BargedIn);
    let events = vec![
        SessionEvent::Started { at },
        SessionEvent::Resumed(overlap.clone()),
        SessionEvent::AgentSilent { at: at + Duration::from_millis(2_145), reply: ReplyId(1) },
        SessionEvent::BargeIn { signal, timeline: overlap },
        SessionEvent::TurnEnded(Box::new(taken.clone())),
    ];
    let entries = entries(events, Some(&record(Vec::new(), vec![taken])));
    let row = rows(&entries).remove(0);
    assert_eq!((row.barge_in_cause.as_deref(), row.times.barge_in_pause_ms), (Some("words"), Some(45.0)));
    assert_eq!((row.resumes, row.end_ms), (1, 2_145));
    assert_eq!((end(&entries).resumes, end(&entries).barge_ins), (1, 1));
}

fn signal(at: Instant) -> BargeInSignal {
    BargeInSignal {
        reply: ReplyId(1),
        turn: TurnId(1),
        cause: BargeInCause::Words,
        onset: Position(1),
        noticed_at: at,
        committed_at: at,
        played_samples: 8_000,
        reply_text: "At ten. Fine?".into(),
        heard_bytes: 7,
    }
}

#[test]
fn tools_are_rows_with_their_outcome_those_that_still_run_too() {
    let at = origin();
    let tool =
        |ms, name: &str, state| SessionEvent::Tool { at: at + Duration::from_millis(ms), name: name.into(), state };
    let events = vec![
        SessionEvent::Started { at },
        tool(10, "find_slot", ToolState::Started),
        tool(15, "book", ToolState::Started),
        tool(30, "find_slot", ToolState::Failed("away".into())),
    ];
    let rows = rows(&entries(events, Some(&record(Vec::new(), Vec::new()))));
    let told: Vec<_> =
        rows.iter().map(|row| (row.who, row.text.as_str(), row.outcome.as_str(), row.start_ms, row.end_ms)).collect();
    assert_eq!(told, [(Who::Tool, "find_slot", "failed", 10, 30), (Who::Tool, "book", "started", 15, 30)]);
}

#[test]
fn a_hole_in_what_was_heard_is_a_row() {
    let at = origin();
    let back = SessionEvent::LineBack { at: at + Duration::from_millis(14_250), since: at + Duration::from_secs(4) };
    let rows = rows(&entries(vec![SessionEvent::Started { at }, back], Some(&record(Vec::new(), Vec::new()))));
    let told: Vec<_> = rows.iter().map(|row| (row.who, row.text.as_str(), row.start_ms, row.end_ms)).collect();
    assert_eq!(told, [(Who::Line, "connection lost for 10.2 s", 4_000, 14_250)]);
}

#[test]
fn a_call_that_broke_off_ends_by_a_fault_of_the_server() {
    let at = origin();
    let events = vec![SessionEvent::Started { at }, SessionEvent::CallerTurn(caller(1, "When"))];
    let entries = entries(events, None);
    assert_eq!(entries.len(), 2, "no conversation is known: {entries:?}");
    assert_eq!((end(&entries).reason.as_str(), end(&entries).utterances), ("server_fault", 1));
}

#[test]
fn the_conversation_and_the_cost_are_of_the_record_and_hold_nothing_a_database_refuses() {
    let used = EngineUse { characters: 5, ..used() };
    let record = CallRecord { cost: Cost { engines: vec![used] }, ..record(Vec::new(), Vec::new()) };
    let entries = entries(Vec::new(), Some(&record));
    let Some(Entry::Conversation(conversation)) = entries.first() else { panic!("{entries:?}") };
    assert_eq!(conversation.messages, serde_json::json!([{"role": "caller", "text": "When\u{fffd}?"}]));
    let cost = end(&entries).cost.unwrap();
    assert_eq!(cost["engines"][0]["used"]["characters"], 5);
    assert_eq!(end(&entries).cost_micros, None, "no price is known");
}

fn used() -> EngineUse {
    EngineUse {
        stage: Stage::Tts,
        engine: "voice".into(),
        audio_ms: 0,
        generations: 0,
        tokens: Default::default(),
        deltas: 0,
        unreported_generations: 0,
        unreported_deltas: 0,
        characters: 0,
        discarded: Default::default(),
    }
}

//! What becomes of Nova's messages.

use super::*;
use crate::units::Position;
use proptest::prelude::*;

/// A clock whose stream began at the call's position 32 000.
fn clock() -> StreamClock {
    let mut clock = StreamClock::default();
    let block = super::super::super::chunker::Block { bytes: vec![0; 2_560].into(), from: Position(32_000) };
    clock.sent(&block);
    clock
}

fn results(stability: Stability, start: f64, end: f64, transcript: &str) -> ServerMessage {
    let transcript = transcript.to_owned();
    ServerMessage::Results(Results { start, duration: end - start, stability, transcript, from_finalize: false })
}

fn interim(start: f64, end: f64, text: &str) -> ServerMessage {
    results(Stability::Interim, start, end, text)
}

fn closing(start: f64, end: f64, text: &str) -> ServerMessage {
    results(Stability::Final, start, end, text)
}

fn answer(start: f64, end: f64, text: &str) -> ServerMessage {
    let ServerMessage::Results(results) = closing(start, end, text) else { unreachable!() };
    ServerMessage::Results(Results { from_finalize: true, ..results })
}

fn events(segments: &mut Segments, messages: impl IntoIterator<Item = ServerMessage>) -> Vec<SttEvent> {
    let heard = messages.into_iter().map(|message| segments.heard(message, &clock()));
    let events = heard.filter_map(|heard| match heard {
        Heard::Event(event) => Some(event),
        Heard::Nothing => None,
        other => panic!("{other:?}"),
    });
    events.collect()
}

fn heard_interim(text: &str) -> SttEvent {
    SttEvent::Interim { text: text.to_owned() }
}

fn heard_final(text: &str, seconds: f64) -> SttEvent {
    SttEvent::Final { text: text.to_owned(), end: Position(32_000 + (seconds * 16_000.0).round() as u64) }
}

#[test]
fn interims_grow_and_finals_close_what_they_cover() {
    let told = [
        interim(0.0, 1.0, ""),
        interim(0.0, 2.0, "book a"),
        interim(0.0, 3.0, "book a"),
        interim(0.0, 4.0, "book a table for"),
        closing(0.0, 2.6, "Book a table"),
        interim(2.6, 4.2, "for two"),
        closing(2.6, 4.4, "for two."),
    ];
    let expected = [
        heard_interim("book a"),
        heard_interim("book a table for"),
        heard_final("Book a table", 2.6),
        heard_interim("for two"),
        heard_final("for two.", 4.4),
    ];
    assert_eq!(events(&mut Segments::default(), told), expected);
}

#[test]
fn a_window_is_made_final_once() {
    let told = [
        closing(0.0, 1.52, "Yes."),
        closing(0.0, 1.520_000_1, "Yes."),
        answer(0.0, 1.5, "Yes."),
        interim(0.0, 1.5, "yes"),
        closing(1.52, 2.0, "No."),
        closing(0.0, 1.52, "Yes."),
    ];
    let expected = [heard_final("Yes.", 1.52), heard_final("No.", 2.0)];
    assert_eq!(events(&mut Segments::default(), told), expected);
}

#[test]
fn finals_of_silence_say_nothing() {
    let mut segments = Segments::default();
    assert_eq!(events(&mut segments, [closing(0.0, 3.0, ""), closing(3.0, 6.0, "")]), []);
    let told = [interim(6.0, 7.0, "uh"), closing(6.0, 8.0, "")];
    assert_eq!(events(&mut segments, told), [heard_interim("uh"), heard_final("", 8.0)], "words are taken back");
}

#[test]
fn the_answer_to_finalize_counts_though_it_is_empty() {
    let mut segments = Segments::default();
    assert_eq!(segments.asked(Request::Finalize), Some(command::FINALIZE));
    assert_eq!(segments.asked(Request::EndTurn), None);
    let told = [closing(0.0, 1.5, "Yes."), answer(1.5, 1.5, ""), answer(1.5, 1.5, "")];
    let expected = [heard_final("Yes.", 1.5), heard_final("", 1.5), heard_final("", 1.5)];
    assert_eq!(events(&mut segments, told), expected);
}

#[test]
fn an_utterance_that_ended_unfinished_is_asked_for_once() {
    let mut segments = Segments::default();
    let end = || ServerMessage::UtteranceEnd;
    assert_eq!(segments.heard(end(), &clock()), Heard::Nothing);
    events(&mut segments, [interim(0.0, 1.0, "so")]);
    assert_eq!(segments.heard(end(), &clock()), Heard::Say(command::FINALIZE));
    assert_eq!(segments.heard(end(), &clock()), Heard::Nothing);
    assert_eq!(events(&mut segments, [answer(0.0, 1.2, "So.")]), [heard_final("So.", 1.2)]);
    assert_eq!(segments.heard(end(), &clock()), Heard::Nothing);
}

#[test]
fn words_left_open_at_our_end_are_final() {
    let mut segments = Segments::default();
    events(&mut segments, [interim(0.0, 1.0, "so long")]);
    assert_eq!(segments.left_open(&clock()), Some(heard_final("so long", 1.0)));
    assert_eq!(segments.left_open(&clock()), None);
}

#[test]
fn all_else_changes_nothing() {
    let table = [
        (r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":0.1}"#, Heard::Nothing),
        (r#"{"type":"Metadata","duration":0.0}"#, Heard::Nothing),
        (r#"{"type":"Error","variant":"SchemaError"}"#, Heard::Warned("SchemaError".to_owned())),
        (r#"{"type":"ConfigureSuccess"}"#, Heard::Answered),
        (r#"{"type":"ConfigureFailure","code":"NO_KEYTERMS"}"#, Heard::Refused("NO_KEYTERMS".to_owned())),
        (r#"{"type":"Else"}"#, Heard::Nothing),
    ];
    for (text, heard) in table {
        assert_eq!(Segments::default().heard(decode(text).unwrap(), &clock()), heard, "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_finals_never_go_back(
        told in prop::collection::vec((any::<bool>(), 0..40_u32, -3..10_i32, prop::sample::select(vec!["", "yes", "no"])), 0..40),
    ) {
        let messages = told.into_iter().map(|(is_final, start, tenths, text)| {
            let stability = if is_final { Stability::Final } else { Stability::Interim };
            let start = f64::from(start) / 10.0;
            results(stability, start, start + f64::from(tenths) / 10.0, text)
        });
        let mut latest = Position::ZERO;
        for event in events(&mut Segments::default(), messages) {
            match event {
                SttEvent::Final { end, .. } => {
                    // Times within a hundredth of a second are the same.
                    prop_assert!(end.plus(160) >= latest, "{end:?} after {latest:?}");
                    latest = latest.max(end);
                }
                SttEvent::Interim { text } => prop_assert!(!text.is_empty()),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}

//! What becomes of Flux's messages, conversation by conversation.

use super::*;
use proptest::prelude::*;

fn turns() -> Turns {
    Turns::new(Languages::One, Arc::new(AtomicBool::new(true)))
}

/// A clock whose stream began at the call's position 16 000.
fn clock() -> StreamClock {
    let mut clock = StreamClock::default();
    let from = crate::units::Position(16_000);
    clock.sent(&super::super::super::chunker::Block { bytes: vec![0; 2_560].into(), from });
    clock
}

fn info(event: TurnEvent, turn_index: u64, transcript: &str, audio_window_end: f64) -> ServerMessage {
    ServerMessage::TurnInfo(TurnInfo {
        event,
        turn_index,
        audio_window_end,
        transcript: transcript.to_owned(),
        end_of_turn_confidence: Some(0.9),
        trigger: None,
    })
}

/// The events of a conversation told as (event, turn, text), 0.24 s apart.
fn events(turns: &mut Turns, told: &[(TurnEvent, u64, &str)]) -> Vec<SttEvent> {
    let heard = told
        .iter()
        .zip(1..)
        .map(|((event, turn, text), step)| turns.heard(info(*event, *turn, text, f64::from(step) * 0.24), &clock()));
    let events = heard.filter_map(|heard| match heard {
        Heard::Event(event) => Some(event),
        Heard::Nothing => None,
        other => panic!("{other:?}"),
    });
    events.collect()
}

fn interim(text: &str) -> SttEvent {
    SttEvent::Interim { text: text.to_owned() }
}

fn start(text: &str) -> SttEvent {
    SttEvent::StartOfTurn { text: text.to_owned() }
}

fn eager(text: &str) -> SttEvent {
    SttEvent::EagerEndOfTurn { text: text.to_owned() }
}

/// An end told in the `step`th message.
fn end(text: &str, step: u64) -> SttEvent {
    let end = Some(crate::units::Position(16_000 + step * 3_840));
    SttEvent::EndOfTurn { text: text.to_owned(), end }
}

use TurnEvent::{EagerEndOfTurn, EndOfTurn, StartOfTurn, TurnResumed, Unknown, Update};

#[test]
fn words_before_the_start_are_dropped_and_the_end_is_where_the_window_ends() {
    let told = [
        (Update, 0, ""),
        (Update, 0, "Book"),
        (StartOfTurn, 0, "Book a"),
        (Update, 0, "Book a"),
        (Update, 0, "Book a cable"),
        (Update, 0, "Book a table."),
        (EndOfTurn, 0, "Book a table."),
        (Update, 1, ""),
        (Update, 1, "and"),
    ];
    let expected = [start("Book a"), interim("Book a cable"), interim("Book a table."), end("Book a table.", 7)];
    assert_eq!(events(&mut turns(), &told), expected);
}

#[test]
fn eager_ends_resumed_and_not() {
    let told = [
        (StartOfTurn, 3, "I want"),
        (EagerEndOfTurn, 3, "I want a table"),
        (Update, 3, "I want a table"),
        (Update, 3, "I want a table."),
        (TurnResumed, 3, "I want a table for"),
        (Update, 3, "I want a table for two"),
        (EagerEndOfTurn, 3, "I want a table for two"),
        (EndOfTurn, 3, "I want a table for two"),
    ];
    let expected = [
        start("I want"),
        eager("I want a table"),
        interim("I want a table."),
        SttEvent::TurnResumed,
        interim("I want a table for two"),
        eager("I want a table for two"),
        end("I want a table for two", 8),
    ];
    assert_eq!(events(&mut turns(), &told), expected);
}

#[test]
fn other_words_after_an_eager_end_pass_without_a_resumption() {
    let told = [(StartOfTurn, 0, "yes"), (EagerEndOfTurn, 0, "yes"), (Update, 0, "yes but"), (EndOfTurn, 0, "yes but")];
    assert_eq!(events(&mut turns(), &told), [start("yes"), eager("yes"), interim("yes but"), end("yes but", 4)]);
}

#[test]
fn a_turn_ends_once_and_nothing_of_it_follows() {
    let told = [
        (StartOfTurn, 0, "yes"),
        (EndOfTurn, 0, "yes"),
        (EndOfTurn, 0, "yes"),
        (Update, 0, "yes and"),
        (TurnResumed, 0, "yes and"),
        (TurnResumed, 1, ""),
        (Unknown, 1, "no"),
        (StartOfTurn, 1, "no"),
    ];
    assert_eq!(events(&mut turns(), &told), [start("yes"), end("yes", 2), start("no")]);
}

#[test]
fn an_end_without_a_start_still_counts() {
    assert_eq!(events(&mut turns(), &[(EndOfTurn, 0, "yes")]), [end("yes", 1)]);
    let told = [(EagerEndOfTurn, 0, "yes"), (TurnResumed, 0, "yes"), (Update, 0, "yes no")];
    assert_eq!(events(&mut turns(), &told), [eager("yes"), SttEvent::TurnResumed, interim("yes no")]);
}

#[test]
fn words_left_open_at_our_end_are_final() {
    let mut turns = turns();
    events(&mut turns, &[(StartOfTurn, 0, "so"), (Update, 0, "so long")]);
    let end = crate::units::Position(16_000 + 7_680);
    assert_eq!(turns.left_open(&clock()), Some(SttEvent::Final { text: "so long".to_owned(), end }));
    assert_eq!(turns.left_open(&clock()), None);
}

#[test]
fn a_turn_is_forced_to_end_only_while_there_is_one() {
    let mut turns = turns();
    assert_eq!(turns.asked(Request::EndTurn), None);
    events(&mut turns, &[(StartOfTurn, 0, "so")]);
    assert_eq!(turns.asked(Request::Finalize), None, "a word of Nova's that ends a stream of Flux");
    assert_eq!(turns.asked(Request::EndTurn), Some(command::FORCE_END_TURN));
}

#[test]
fn what_this_deepgram_does_not_know_is_not_said_again_by_any_stream() {
    let shared = Arc::new(AtomicBool::new(true));
    let unparsable = || {
        let text = r#"{"type":"Error","code":"UNPARSABLE_CLIENT_MESSAGE","description":"not understood"}"#;
        decode(text).unwrap()
    };
    let mut innocent = Turns::new(Languages::One, shared.clone());
    innocent.heard(unparsable(), &clock());
    assert!(shared.load(Ordering::Relaxed), "nothing was forced");

    let mut guilty = Turns::new(Languages::One, shared.clone());
    events(&mut guilty, &[(StartOfTurn, 0, "so")]);
    assert!(guilty.asked(Request::EndTurn).is_some());
    guilty.said(Request::EndTurn);
    let said = "UNPARSABLE_CLIENT_MESSAGE: not understood".into();
    assert_eq!(guilty.heard(unparsable(), &clock()), Heard::Failed { fault: Fault::Engine, said });

    let mut next = Turns::new(Languages::One, shared);
    events(&mut next, &[(StartOfTurn, 0, "so")]);
    assert_eq!(next.asked(Request::EndTurn), None);
}

#[test]
fn changes_are_answered_well_or_badly_and_warnings_change_nothing() {
    let mut turns = turns();
    let table = [
        (r#"{"type":"ConfigureSuccess"}"#, Heard::Answered),
        (r#"{"type":"ConfigureFailure"}"#, Heard::Refused("no reason given".to_owned())),
        (r#"{"type":"Warning","code":"FORCE_END_TURN_NO_ACTIVE_TURN"}"#, Heard::Nothing),
        (r#"{"type":"Warning","code":"SLOW"}"#, Heard::Warned("SLOW".to_owned())),
        (r#"{"type":"Connected"}"#, Heard::Nothing),
        (r#"{"type":"Anything"}"#, Heard::Nothing),
    ];
    for (text, heard) in table {
        assert_eq!(turns.heard(decode(text).unwrap(), &clock()), heard, "{text}");
    }
}

fn any_event() -> impl Strategy<Value = TurnEvent> {
    prop::sample::select(vec![Update, StartOfTurn, EagerEndOfTurn, TurnResumed, EndOfTurn, Unknown])
}

proptest! {
    #[test]
    fn whatever_comes_words_stay_within_turns_and_turns_end_once(
        told in prop::collection::vec((any_event(), 0..4_u64, prop::sample::select(vec!["", "yes", "yes but"])), 0..40),
    ) {
        let (mut open, mut ends) = (false, 0);
        for event in events(&mut turns(), &told) {
            match event {
                SttEvent::StartOfTurn { .. } | SttEvent::EagerEndOfTurn { .. } => open = true,
                SttEvent::EndOfTurn { end, .. } => {
                    (open, ends) = (false, ends + 1);
                    prop_assert!(end >= Some(crate::units::Position(16_000)));
                }
                SttEvent::Interim { text } => prop_assert!(open && !text.is_empty()),
                SttEvent::TurnResumed => prop_assert!(open),
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert!(ends <= 4);
    }
}

//! Every message of Flux, each optional field there and not, and texts that are none.

use super::*;
use proptest::prelude::*;

const CONNECTED: &str = r#"{"type":"Connected","request_id":"01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071","sequence_id":0}"#;
const END_OF_TURN: &str = r#"{"type":"TurnInfo","request_id":"01a2","event":"EndOfTurn","turn_index":2,
    "audio_window_start":14.4,"audio_window_end":17.519999,"transcript":"Book a table for four.",
    "words":[{"word":"Book","confidence":0.9912,"start":14.88,"end":15.2},{"word":"a","confidence":1.0},
             {"word":"table","confidence":0.9981,"start":15.28,"end":15.6800001}],
    "end_of_turn_confidence":0.8314,"trigger":"model","languages":["en"],"languages_hinted":[],"sequence_id":57}"#;
const UPDATE: &str = r#"{"transcript":"Book a","words":[],"turn_index":2,"event":"Update","audio_window_end":1.6800001,
    "audio_window_start":0,"end_of_turn_confidence":0.0312,"type":"TurnInfo","sequence_id":12}"#;
const CONFIGURED: &str = r#"{"type":"ConfigureSuccess","request_id":"01a2","thresholds":{"eot_threshold":0.75,
    "eager_eot_threshold":0.45,"eot_timeout_ms":4500},"keyterms":["Wexford","order number"],"profanity_filter":false,
    "sequence_id":58}"#;
const REFUSED: &str = r#"{"type":"ConfigureFailure","request_id":"01a2","sequence_id":59,"code":"INVALID_THRESHOLD",
    "description":"eager threshold above end threshold"}"#;
const WARNING: &str = r#"{"type":"Warning","request_id":"01a2","sequence_id":60,"code":"FORCE_END_TURN_NO_ACTIVE_TURN",
    "description":"no turn in progress"}"#;
const ERROR: &str = r#"{"type":"Error","sequence_id":61,"code":"UNPARSABLE_CLIENT_MESSAGE",
    "description":"message not understood"}"#;
const FIXTURES: [&str; 7] = [CONNECTED, END_OF_TURN, UPDATE, CONFIGURED, REFUSED, WARNING, ERROR];

fn turn(text: &str) -> TurnInfo {
    match decode(text) {
        Ok(ServerMessage::TurnInfo(turn)) => turn,
        other => panic!("{text} is {other:?}"),
    }
}

#[test]
fn connected_with_and_without_its_id() {
    let request_id = "01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071".to_owned();
    assert_eq!(decode(CONNECTED), Ok(ServerMessage::Connected { request_id }));
    for bare in [r#"{"type":"Connected"}"#, r#"{"type":"Connected","request_id":null,"more":{"of":"it"}}"#] {
        assert_eq!(decode(bare), Ok(ServerMessage::Connected { request_id: String::new() }));
    }
}

#[test]
fn an_end_of_turn_in_full() {
    let expected = TurnInfo {
        event: TurnEvent::EndOfTurn,
        turn_index: 2,
        audio_window_end: 17.519_999,
        transcript: "Book a table for four.".to_owned(),
        end_of_turn_confidence: Some(0.8314),
        trigger: Some("model".to_owned()),
    };
    assert_eq!(turn(END_OF_TURN), expected);
}

#[test]
fn keys_in_any_order_and_numbers_without_a_point() {
    let update = turn(UPDATE);
    assert_eq!((update.event, update.transcript.as_str(), update.trigger), (TurnEvent::Update, "Book a", None));
    assert_eq!(turn(r#"{"type":"TurnInfo","event":"Update","audio_window_end":2}"#).audio_window_end, 2.0);
}

#[test]
fn every_event_and_one_that_is_newer() {
    let table = [
        ("Update", TurnEvent::Update),
        ("StartOfTurn", TurnEvent::StartOfTurn),
        ("EagerEndOfTurn", TurnEvent::EagerEndOfTurn),
        ("TurnResumed", TurnEvent::TurnResumed),
        ("EndOfTurn", TurnEvent::EndOfTurn),
        ("TurnPaused", TurnEvent::Unknown),
        ("\\u0055pdate", TurnEvent::Update),
    ];
    for (name, event) in table {
        let bare = turn(&format!(r#"{{"type":"TurnInfo","event":"{name}"}}"#));
        assert_eq!((bare.event, bare.turn_index, bare.transcript.as_str()), (event, 0, ""), "{name}");
    }
}

#[test]
fn each_optional_field_may_be_missing_or_null() {
    let whole: serde_json::Value = serde_json::from_str(END_OF_TURN).unwrap();
    for name in whole.as_object().unwrap().keys().filter(|name| !["type", "event"].contains(&name.as_str())) {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(turn(&without.to_string()).event, TurnEvent::EndOfTurn, "without {name}");
        without[name] = serde_json::Value::Null;
        assert_eq!(turn(&without.to_string()).event, TurnEvent::EndOfTurn, "with {name} null");
    }
}

#[test]
fn a_change_is_taken_whatever_it_repeats() {
    let as_text = CONFIGURED.replace(r#"["Wexford","order number"]"#, r#""Wexford""#);
    let newer = CONFIGURED.replace("\"sequence_id\"", r#""numerals":true,"language_hints":["en"],"sequence_id""#);
    for text in [CONFIGURED, &as_text, &newer, r#"{"type":"ConfigureSuccess"}"#] {
        assert_eq!(decode(text), Ok(ServerMessage::ConfigureSuccess), "{text}");
    }
}

#[test]
fn notices_with_and_without_code_and_description() {
    let Ok(ServerMessage::ConfigureFailure(refused)) = decode(REFUSED) else { panic!("a refusal") };
    assert_eq!(refused.said(), "INVALID_THRESHOLD: eager threshold above end threshold");
    let Ok(ServerMessage::ConfigureFailure(bare)) = decode(r#"{"type":"ConfigureFailure","request_id":"0"}"#) else {
        panic!("a refusal")
    };
    assert_eq!(bare, Notice::default());
    let Ok(ServerMessage::Warning(warning)) = decode(WARNING) else { panic!("a warning") };
    assert!(warning.has_code("FORCE_END_TURN_NO_ACTIVE_TURN"));
    let Ok(ServerMessage::Error(error)) = decode(ERROR) else { panic!("an error") };
    assert!(error.has_code("UNPARSABLE_CLIENT_MESSAGE"));
}

#[test]
fn unknown_types_are_passed_over() {
    for text in [r#"{"type":"SpeakerInfo","speaker":1}"#, "{}", r#"{"type":""}"#, r#"{"event":"Update"}"#] {
        assert_eq!(decode(text), Ok(ServerMessage::Unknown), "{text}");
    }
}

#[test]
fn what_is_not_the_protocol_is_garbled() {
    let deep = "[".repeat(100_000);
    let texts = ["", "null", "[]", "7", "\"TurnInfo\"", "{", r#"{"type":"TurnInfo"}"#, r#"{"type":7}"#, &deep];
    for text in texts.into_iter().chain([r#"{"type":"TurnInfo","event":"Update","turn_index":-1}"#]) {
        assert!(decode(text).is_err(), "{}", &text[..text.len().min(60)]);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = decode(&text);
    }

    #[test]
    fn no_damage_to_a_message_panics(
        which in 0..FIXTURES.len(), at in any::<prop::sample::Index>(), gone in 0..8usize, put in ".{0,4}",
    ) {
        let whole: Vec<char> = FIXTURES[which].chars().collect();
        let at = at.index(whole.len());
        let rest = whole.iter().skip(at + gone);
        let damaged: String = whole[..at].iter().copied().chain(put.chars()).chain(rest.copied()).collect();
        let _ = decode(&damaged);
    }
}

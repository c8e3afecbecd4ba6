//! Every message of Nova, each optional field there and not, and texts that are none.

use super::*;
use proptest::prelude::*;

const FINAL: &str = r#"{"type":"Results","channel_index":[0,1],"duration":1.52,"start":6.3999999,"is_final":true,
    "speech_final":true,"channel":{"alternatives":[{"transcript":"Yes, that works.","confidence":0.98828125,
    "languages":["en"],"languages_hinted":[],"words":[{"word":"yes","start":6.72,"end":7.04,"confidence":0.9921875,
    "punctuated_word":"Yes,","language":"en","speaker":0}]},{"transcript":"yes that work"}]},
    "metadata":{"request_id":"01b0","model_info":{"name":"general-nova-3"},"model_uuid":"7f6e"},
    "entities":[{"label":"X","value":"y"}],"from_finalize":false}"#;
const INTERIM: &str = r#"{"channel":{"alternatives":[{"transcript":"yes that","words":[]}]},"start":6,"duration":1,
    "is_final":false,"speech_final":false,"type":"Results"}"#;
const SPEECH_STARTED: &str = r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":6.62}"#;
const UTTERANCE_END: &str = r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":7.6}"#;
const METADATA: &str = r#"{"type":"Metadata","transaction_key":"deprecated","request_id":"01b0","sha256":"incomplete",
    "created":"2026-11-23T09:15:02.114Z","duration":44.26,"channels":1,"models":["7f6e"],
    "model_info":{"7f6e":{"name":"general-nova-3","version":"2026-01-01.0","arch":"nova-3"}}}"#;
const CONFIGURED: &str = r#"{"type":"ConfigureSuccess","request_id":"01b0","keyterms":["Wexford","Tullamore"]}"#;
const REFUSED: &str = r#"{"type":"ConfigureFailure","request_id":"01b0","code":"CONFIGURE_ALREADY_PENDING",
    "description":"one update at a time"}"#;
const ERROR: &str = r#"{"type":"Error","variant":"SchemaError","description":"unparsable text message",
    "message":"{\"type\":\"Nope\"}"}"#;
const FIXTURES: [&str; 8] = [FINAL, INTERIM, SPEECH_STARTED, UTTERANCE_END, METADATA, CONFIGURED, REFUSED, ERROR];

fn results(text: &str) -> Results {
    match decode(text) {
        Ok(ServerMessage::Results(results)) => results,
        other => panic!("{text} is {other:?}"),
    }
}

#[test]
fn a_final_in_full_and_an_interim() {
    let expected = Results {
        start: 6.399_999_9,
        duration: 1.52,
        stability: Stability::Final,
        transcript: "Yes, that works.".to_owned(),
        from_finalize: false,
    };
    assert_eq!(results(FINAL), expected);
    let interim = results(INTERIM);
    assert_eq!((interim.start, interim.duration, interim.stability), (6.0, 1.0, Stability::Interim));
}

#[test]
fn each_optional_field_may_be_missing_or_null() {
    let whole: serde_json::Value = serde_json::from_str(FINAL).unwrap();
    for name in whole.as_object().unwrap().keys().filter(|name| !["type", "channel"].contains(&name.as_str())) {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(results(&without.to_string()).stability, Stability::Final, "without {name}");
        without[name] = serde_json::Value::Null;
        assert_eq!(results(&without.to_string()).transcript, "Yes, that works.", "with {name} null");
    }
}

#[test]
fn every_mark_of_a_final_and_none() {
    let bare = |marks: &str| results(&format!(r#"{{"type":"Results","channel":{{"alternatives":[]}}{marks}}}"#));
    assert_eq!(bare("").stability, Stability::Interim);
    assert_eq!(bare(r#","is_final":true"#).stability, Stability::Final);
    assert_eq!(bare(r#","speech_final":true"#).stability, Stability::Final);
    let answer = bare(r#","from_finalize":true"#);
    assert_eq!((answer.stability, answer.from_finalize, answer.transcript.as_str()), (Stability::Final, true, ""));
}

#[test]
fn a_result_without_words() {
    for channel in
        [r#"{}"#, r#"{"alternatives":[]}"#, r#"{"alternatives":[{}]}"#, r#"{"alternatives":[{"transcript":null}]}"#]
    {
        assert_eq!(results(&format!(r#"{{"type":"Results","channel":{channel}}}"#)).transcript, "", "{channel}");
    }
}

#[test]
fn channel_is_an_array_elsewhere_or_not_there() {
    for text in [SPEECH_STARTED, r#"{"type":"SpeechStarted"}"#, r#"{"type":"SpeechStarted","channel":{"x":1}}"#] {
        assert_eq!(decode(text), Ok(ServerMessage::SpeechStarted), "{text}");
    }
    for text in [UTTERANCE_END, r#"{"type":"UtteranceEnd","last_word_end":-1}"#] {
        assert_eq!(decode(text), Ok(ServerMessage::UtteranceEnd), "{text}");
    }
}

#[test]
fn the_account_and_the_answers_to_a_change() {
    let silent = r#"{"type":"Metadata","request_id":"01b0","duration":0.0,"channels":1}"#;
    assert_eq!(decode(METADATA), Ok(ServerMessage::Metadata));
    assert_eq!(decode(silent), Ok(ServerMessage::Metadata));
    let as_text = CONFIGURED.replace(r#"["Wexford","Tullamore"]"#, r#""Wexford""#);
    for text in [CONFIGURED, &as_text, r#"{"type":"ConfigureSuccess","request_id":"01b0"}"#] {
        assert_eq!(decode(text), Ok(ServerMessage::ConfigureSuccess), "{text}");
    }
    let Ok(ServerMessage::ConfigureFailure(refused)) = decode(REFUSED) else { panic!("a refusal") };
    assert!(refused.has_code("CONFIGURE_ALREADY_PENDING"));
    let bare = decode(r#"{"type":"ConfigureFailure"}"#);
    assert_eq!(bare, Ok(ServerMessage::ConfigureFailure(Notice::default())));
}

#[test]
fn an_error_old_and_new() {
    let said = |text| match decode(text) {
        Ok(ServerMessage::Error(notice)) => notice.said(),
        other => panic!("{other:?}"),
    };
    assert_eq!(said(ERROR), "SchemaError: unparsable text message");
    assert_eq!(said(r#"{"type":"Error","code":"DATA-0000","description":"no audio"}"#), "DATA-0000: no audio");
    assert_eq!(said(r#"{"type":"Error"}"#), "no reason given");
}

#[test]
fn unknown_types_are_passed_over() {
    for text in [r#"{"type":"Sentiment","channel":7}"#, "{}", r#"{"type":""}"#] {
        assert_eq!(decode(text), Ok(ServerMessage::Unknown), "{text}");
    }
}

#[test]
fn what_is_not_the_protocol_is_garbled() {
    let texts =
        ["", "null", "[]", "{", r#"{"type":"Results"}"#, r#"{"type":"Results","channel":[0,1]}"#, r#"{"type":[]}"#];
    for text in texts {
        assert!(decode(text).is_err(), "{text}");
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

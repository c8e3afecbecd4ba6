//! What Cartesia says.
//!
//! Invariant: total on any input. A field that is missing or of another type is as good as absent, a type that is not
//! known is [`ServerMessage::Unknown`]; only what is no JSON object, or audio that is no base64, is refused.

use crate::provider::contexts::{Garbled, audio_from_base64};
use serde_json::Value;

/// A message, and the context it is of where it says so.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Addressed {
    pub(super) context: Option<String>,
    pub(super) message: ServerMessage,
}

/// What is said of a context.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ServerMessage {
    /// Audio in the encoding that was asked for, in pieces of any size.
    Chunk { data: Vec<u8>, flush_id: Option<u64> },
    /// When words sound.
    Timestamps(Vec<WordTime>),
    /// When sounds sound; not asked for.
    PhonemeTimestamps,
    /// What was submitted so far is spoken.
    FlushDone { flush_id: Option<u64> },
    /// All output of the context has come.
    Done,
    /// The context has ended badly.
    Error(VendorError),
    /// Something new.
    Unknown,
}

/// A word, in seconds since the start of its context's audio.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WordTime {
    pub(super) word: String,
    pub(super) start_s: f64,
    pub(super) end_s: f64,
}

/// An error in either of its shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct VendorError {
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    pub(super) said: String,
    /// May name the context among other ids.
    pub(super) request_id: Option<String>,
}

/// Reads one text message.
///
/// # Errors
/// [`Garbled`] where it is not the protocol.
pub(super) fn decode(text: &str) -> Result<Addressed, Garbled> {
    let value: Value = serde_json::from_str(text).map_err(|_| Garbled("its message is not JSON"))?;
    if !value.is_object() {
        return Err(Garbled("its message is not a JSON object"));
    }
    let message = match value["type"].as_str() {
        Some("chunk") => chunk(&value)?,
        Some("timestamps") => ServerMessage::Timestamps(word_times(&value["word_timestamps"])),
        Some("phoneme_timestamps") => ServerMessage::PhonemeTimestamps,
        Some("flush_done") => ServerMessage::FlushDone { flush_id: value["flush_id"].as_u64() },
        Some("done") => ServerMessage::Done,
        Some("error") => ServerMessage::Error(vendor_error(&value)),
        _ => ServerMessage::Unknown,
    };
    Ok(Addressed { context: text_of(&value["context_id"]), message })
}

fn chunk(value: &Value) -> Result<ServerMessage, Garbled> {
    let data = audio_from_base64(value["data"].as_str().unwrap_or_default())?;
    Ok(ServerMessage::Chunk { data, flush_id: value["flush_id"].as_u64() })
}

/// Words beyond the shortest of the three arrays have no time and are left out.
fn word_times(value: &Value) -> Vec<WordTime> {
    let list = |name: &str| value[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let times = list("start").iter().zip(list("end"));
    let words = list("words").iter().zip(times).filter_map(|(word, (start, end))| {
        Some(WordTime { word: word.as_str()?.to_owned(), start_s: start.as_f64()?, end_s: end.as_f64()? })
    });
    words.collect()
}

/// Since 2026-03-01 `title` and `message`; before, `error`.
fn vendor_error(value: &Value) -> VendorError {
    let parts = ["title", "message", "error"].map(|name| text_of(&value[name]));
    VendorError {
        status: value["status_code"].as_u64().and_then(|status| u16::try_from(status).ok()),
        code: text_of(&value["error_code"]),
        said: parts.into_iter().flatten().collect::<Vec<_>>().join(": "),
        request_id: text_of(&value["request_id"]),
    }
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> ServerMessage {
        decode(text).expect("the protocol").message
    }

    #[test]
    fn audio_comes_with_its_context_and_submission() {
        let text = r#"{"type":"chunk","context_id":"turn-17","status_code":206,"done":false,"step_time":41.7,"flush_id":1,"data":"AAABAP7/","new":{}}"#;
        let data = vec![0, 0, 1, 0, 0xfe, 0xff];
        let message = ServerMessage::Chunk { data, flush_id: Some(1) };
        assert_eq!(decode(text), Ok(Addressed { context: Some("turn-17".into()), message }));
        for text in
            [r#"{"type":"chunk","data":""}"#, r#"{"type":"chunk","data":null,"flush_id":"x"}"#, r#"{"type":"chunk"}"#]
        {
            assert_eq!(read(text), ServerMessage::Chunk { data: vec![], flush_id: None }, "{text}");
        }
    }

    #[test]
    fn words_come_with_their_seconds() {
        let text = r#"{"type":"timestamps","context_id":"turn-17","status_code":206,"done":false,"flush_id":1,
            "word_timestamps":{"words":["Thanks","for"],"start":[0.02,0.31],"end":[0.3,0.43]}}"#;
        let word = |word: &str, start_s, end_s| WordTime { word: word.into(), start_s, end_s };
        assert_eq!(read(text), ServerMessage::Timestamps(vec![word("Thanks", 0.02, 0.3), word("for", 0.31, 0.43)]));
    }

    #[test]
    fn arrays_of_any_length_and_type_give_the_words_that_have_times() {
        let times = |arrays: &str| read(&format!(r#"{{"type":"timestamps","word_timestamps":{arrays}}}"#));
        let first = ServerMessage::Timestamps(vec![WordTime { word: "a".into(), start_s: 0.0, end_s: 1.0 }]);
        assert_eq!(times(r#"{"words":["a","b","c"],"start":[0,1],"end":[1]}"#), first);
        assert_eq!(times(r#"{"words":["a",7,"c"],"start":[0,1,null],"end":[1,2,3,4]}"#), first);
        for arrays in ["null", "{}", "[]", r#"{"words":"a","start":[0],"end":[1]}"#] {
            assert_eq!(times(arrays), ServerMessage::Timestamps(vec![]), "{arrays}");
        }
    }

    #[test]
    fn marks_are_read() {
        let phonemes = r#"{"type":"phoneme_timestamps","context_id":"c","phoneme_timestamps":{"phonemes":["θ"],"start":[0.02],"end":[0.09]}}"#;
        assert_eq!(read(phonemes), ServerMessage::PhonemeTimestamps);
        let flushed =
            r#"{"type":"flush_done","context_id":"c","status_code":206,"done":false,"flush_done":true,"flush_id":1}"#;
        assert_eq!(read(flushed), ServerMessage::FlushDone { flush_id: Some(1) });
        assert_eq!(read(r#"{"type":"flush_done"}"#), ServerMessage::FlushDone { flush_id: None });
        assert_eq!(read(r#"{"type":"done","context_id":"c","status_code":206,"done":true}"#), ServerMessage::Done);
    }

    #[test]
    fn both_shapes_of_errors_are_read() {
        let new = r#"{"type":"error","done":true,"status_code":429,"error_code":"concurrency_limited","title":"Too many concurrent requests",
            "message":"plan limit reached","request_id":"0f0e:turn-17:77aa","context_id":"turn-17"}"#;
        let expected = VendorError {
            status: Some(429),
            code: Some("concurrency_limited".into()),
            said: "Too many concurrent requests: plan limit reached".into(),
            request_id: Some("0f0e:turn-17:77aa".into()),
        };
        assert_eq!(read(new), ServerMessage::Error(expected));
        let old =
            r#"{"type":"error","error":"Invalid voice: no such id","status_code":404,"done":true,"context_id":"c"}"#;
        let expected =
            VendorError { status: Some(404), said: "Invalid voice: no such id".into(), ..VendorError::default() };
        assert_eq!(read(old), ServerMessage::Error(expected));
    }

    #[test]
    fn an_error_needs_no_field() {
        for text in [
            r#"{"type":"error","done":true}"#,
            r#"{"type":"error","error_code":null,"title":7,"status_code":"429","context_id":null,"doc_url":"x"}"#,
            r#"{"type":"error","status_code":-1,"message":""}"#,
            r#"{"type":"error","status_code":70000}"#,
        ] {
            let expected = Addressed { context: None, message: ServerMessage::Error(VendorError::default()) };
            assert_eq!(decode(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn new_types_are_unknown_and_what_is_no_object_is_refused() {
        for text in [r#"{"type":"telemetry","x":1}"#, r#"{"type":7}"#, "{}"] {
            assert_eq!(read(text), ServerMessage::Unknown, "{text}");
        }
        for text in ["", "null", "[]", "\"done\"", "{\"type\":\"done\"", "7", r#"{"type":"chunk","data":"*"}"#] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn junk_is_read_or_refused(text in "(\\{\"type\":\"(chunk|timestamps|flush_done|done|error)\",)?.{0,200}") {
            let _ = decode(&text);
        }

        #[test]
        fn any_fields_of_any_type_are_read(kind in "chunk|timestamps|flush_done|done|error|x", field in "data|context_id|flush_id|word_timestamps|status_code|error|title", value in "null|-1|1e300|\"\"|\"QQ==\"|\\[\\]|\\[1,\"a\",null\\]|\\{\\}|\\{\"words\":\\[1\\],\"start\":\\[\\],\"end\":7\\}|true") {
            let text = format!(r#"{{"type":"{kind}","{field}":{value}}}"#);
            prop_assert!(decode(&text).is_ok(), "{}", text);
        }
    }
}

//! What ElevenLabs says.
//!
//! Invariant: total on any input and in every spelling there is. A field that is missing or of another type is as good
//! as absent; only what is no JSON object, or audio that is no base64, is refused.

use crate::provider::contexts::{Garbled, audio_from_base64};
use serde_json::Value;

/// A message, and the context it is of where it says so.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Addressed {
    pub(super) context: Option<String>,
    pub(super) message: ServerMessage,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ServerMessage {
    /// What a context has to say.
    Output(Output),
    /// Something is wrong with the context, or without one with the whole socket.
    Error(VendorError),
    /// Something new.
    Unknown,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Output {
    /// Audio in the format that was asked for, in pieces of any size.
    pub(super) audio: Vec<u8>,
    /// When its characters sound.
    pub(super) characters: Vec<CharacterTime>,
    /// Nothing follows in this context.
    pub(super) is_final: bool,
}

/// A character, in milliseconds since the start of its message's audio.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CharacterTime {
    pub(super) text: String,
    pub(super) start_ms: f64,
    pub(super) end_ms: f64,
}

/// An error: its codes, wherever they stood, and what was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct VendorError {
    pub(super) codes: Vec<String>,
    pub(super) said: String,
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
    let context = any_of(&value, &["contextId", "context_id"]).and_then(Value::as_str).map(str::to_owned);
    let message = match vendor_error(&value) {
        Some(error) => ServerMessage::Error(error),
        None => output(&value)?,
    };
    Ok(Addressed { context, message })
}

/// The original alignment is of the text as it was sent; the normalised one is better than none.
fn output(value: &Value) -> Result<ServerMessage, Garbled> {
    let audio = any_of(value, &["audio"]);
    let is_final = any_of(value, &["isFinal", "is_final"]);
    let alignment = any_of(value, &["alignment", "normalizedAlignment", "normalized_alignment"]);
    if audio.or(is_final).or(alignment).is_none() {
        return Ok(ServerMessage::Unknown);
    }
    Ok(ServerMessage::Output(Output {
        audio: audio_from_base64(audio.and_then(Value::as_str).unwrap_or_default())?,
        characters: alignment.map(character_times).unwrap_or_default(),
        is_final: is_final.and_then(Value::as_bool).unwrap_or(false),
    }))
}

/// Characters beyond the shortest of the three arrays have no time and are left out.
fn character_times(value: &Value) -> Vec<CharacterTime> {
    let list = |names: &[&str]| any_of(value, names).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let starts = list(&["charStartTimesMs", "charsStartTimesMs", "char_start_times_ms", "chars_start_times_ms"]);
    let lengths = list(&["charDurationsMs", "charsDurationsMs", "char_durations_ms", "chars_durations_ms"]);
    let times = starts.iter().zip(lengths);
    let characters = list(&["chars", "characters"]).iter().zip(times).filter_map(|(text, (start, length))| {
        let (start_ms, length_ms) = (start.as_f64()?, length.as_f64()?);
        Some(CharacterTime { text: text.as_str()?.to_owned(), start_ms, end_ms: start_ms + length_ms })
    });
    characters.collect()
}

/// The code may be in `error` or in `code`, the words in `message` or in `error`, and either a level deeper.
fn vendor_error(value: &Value) -> Option<VendorError> {
    let error = any_of(value, &["error"]);
    let code = any_of(value, &["code", "status_code"]);
    let message = any_of(value, &["message"]);
    if error.is_none() && (code.is_none() || message.is_none()) {
        return None;
    }
    let inner = error.filter(|error| error.is_object());
    let deeper = |name: &str| inner.and_then(|inner| any_of(inner, &[name]));
    let codes = [error, code, deeper("code"), deeper("status")].into_iter().flatten().filter_map(text_of);
    let said = [message, deeper("message"), error].into_iter().flatten().find_map(text_of);
    Some(VendorError { codes: codes.collect(), said: said.unwrap_or_default() })
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The first of the fields that is there and not null.
fn any_of<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().filter_map(|name| value.get(name)).find(|field| !field.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(value: &Value) -> Addressed {
        decode(&value.to_string()).expect("the protocol")
    }

    fn times(start: &str, length: &str) -> Value {
        json!({"chars": ["O", "n"], start: [0, 46.5], length: [46, 47]})
    }

    fn one() -> Vec<CharacterTime> {
        let time = |text: &str, start_ms, end_ms| CharacterTime { text: text.into(), start_ms, end_ms };
        vec![time("O", 0.0, 46.0), time("n", 46.5, 93.5)]
    }

    #[test]
    fn audio_and_alignment_are_read_in_every_spelling() {
        for (context, is_final, start, length) in [
            ("contextId", "isFinal", "charStartTimesMs", "charDurationsMs"),
            ("context_id", "is_final", "charsStartTimesMs", "charsDurationsMs"),
            ("context_id", "is_final", "char_start_times_ms", "char_durations_ms"),
            ("contextId", "isFinal", "charStartTimesMs", "charsDurationsMs"),
        ] {
            let message = json!({"audio": "//8AAA==", context: "t5", is_final: null, "new": 1,
                "alignment": times(start, length), "normalizedAlignment": {"chars": ["x"], start: [0], length: [1]}});
            let output = Output { audio: vec![255, 255, 0, 0], characters: one(), is_final: false };
            let expected = Addressed { context: Some("t5".into()), message: ServerMessage::Output(output) };
            assert_eq!(read(&message), expected, "{start}");
            let last = Output { is_final: true, ..Output::default() };
            let expected = Addressed { context: Some("t5".into()), message: ServerMessage::Output(last) };
            assert_eq!(read(&json!({context: "t5", is_final: true, "audio": null})), expected);
        }
    }

    #[test]
    fn the_normalised_alignment_stands_in_and_none_is_needed() {
        for name in ["normalizedAlignment", "normalized_alignment"] {
            let message = json!({"audio": "", "alignment": null, name: times("charStartTimesMs", "charDurationsMs")});
            let expected = ServerMessage::Output(Output { characters: one(), ..Output::default() });
            assert_eq!(read(&message).message, expected);
        }
        let bare = ServerMessage::Output(Output { audio: vec![0, 0], ..Output::default() });
        assert_eq!(read(&json!({"audio": "AAA="})).message, bare);
        assert_eq!(read(&json!({"audio": "AAA", "isFinal": "yes", "alignment": 7})).message, bare);
    }

    #[test]
    fn arrays_of_any_length_and_type_give_the_characters_that_have_times() {
        let read = |alignment: Value| match read(&json!({"audio": "", "alignment": alignment})).message {
            ServerMessage::Output(output) => output.characters.into_iter().map(|time| time.text).collect::<String>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(read(json!({"chars": ["a", "b"], "charStartTimesMs": [0], "charDurationsMs": [1, 2, 3]})), "a");
        assert_eq!(
            read(json!({"chars": ["a", 7, "c"], "charStartTimesMs": [0, 1, "2"], "charDurationsMs": [1, 2, 3]})),
            "a"
        );
        assert_eq!(read(json!({"characters": ["a"], "charStartTimesMs": [0], "charDurationsMs": [1]})), "a");
        assert_eq!(read(json!([])), "");
    }

    #[test]
    fn errors_are_read_wherever_their_code_stands() {
        for (value, codes, said) in [
            (
                json!({"error": "input_timeout_exceeded", "code": 1008, "message": "no input for 20 s"}),
                vec!["input_timeout_exceeded", "1008"],
                "no input for 20 s",
            ),
            (
                json!({"code": "invalid_api_key", "message": "bad key", "context_id": "t5"}),
                vec!["invalid_api_key"],
                "bad key",
            ),
            (json!({"error": "oops"}), vec!["oops"], "oops"),
            (json!({"error": {"code": "quota_exceeded", "message": "none left"}}), vec!["quota_exceeded"], "none left"),
            (json!({"error": {}}), vec![], ""),
        ] {
            let codes = codes.into_iter().map(str::to_owned).collect();
            assert_eq!(read(&value).message, ServerMessage::Error(VendorError { codes, said: said.into() }), "{value}");
        }
        assert_eq!(read(&json!({"error": null, "audio": ""})).message, ServerMessage::Output(Output::default()));
    }

    #[test]
    fn what_is_new_is_unknown_and_what_is_no_object_is_refused() {
        for value in
            [json!({}), json!({"type": "telemetry"}), json!({"audio": null, "isFinal": null}), json!({"message": "hi"})]
        {
            assert_eq!(read(&value).message, ServerMessage::Unknown, "{value}");
        }
        for text in ["", "null", "[]", "7", "{\"audio\":", r#"{"audio":"*"}"#] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn junk_is_read_or_refused(text in "(\\{\"(audio|isFinal|alignment|error)\":)?.{0,200}") {
            let _ = decode(&text);
        }

        #[test]
        fn any_fields_of_any_type_are_read(field in "audio|isFinal|alignment|error|code|message|contextId", value in "null|-1|1e300|\"\"|\"QQ==\"|\\[\\]|\\[1,\"a\",null\\]|\\{\\}|\\{\"chars\":\\[1\\],\"charStartTimesMs\":\\[\\]\\}|true", other in "message|code|is_final|context_id") {
            let text = format!(r#"{{"{field}":{value},"{other}":{value}}}"#);
            prop_assert!(decode(&text).is_ok(), "{}", text);
        }
    }
}

//! What is asked for and how a WAV of unknown length begins.

use super::request::{Container, SpeechRequest, parse};
use serde_json::{Value, json};

fn parsed(body: &Value) -> Result<SpeechRequest, (u16, String)> {
    parse(body.to_string().as_bytes(), 20)
}

fn request() -> Value {
    json!({"model": "gpt-4o-mini-tts", "input": "Hello.", "voice": "alloy", "response_format": "pcm"})
}

fn with(key: &str, value: Value) -> Value {
    let mut request = request();
    request[key] = value;
    request
}

#[test]
fn a_request_is_read() {
    let spoken = SpeechRequest { input: "Hello.".into(), container: Container::Pcm };
    assert_eq!(parsed(&request()), Ok(spoken));
    assert_eq!(parsed(&with("voice", json!({"id": "voice_1"}))).map(|request| request.container), Ok(Container::Pcm));
    assert_eq!(parsed(&with("response_format", json!("wav"))).map(|request| request.container), Ok(Container::Wav));
}

#[test]
fn what_is_wrong_is_refused_with_its_status() {
    for (body, status, mentions) in [
        (with("input", Value::Null), 400, "input"),
        (with("input", json!("x".repeat(21))), 413, "20 characters"),
        (with("speed", json!(9)), 400, "speed"),
        (with("voice", json!(7)), 400, "voice"),
        (with("response_format", json!("opus")), 400, "opus"),
        (with("response_format", Value::Null), 400, "mp3"),
    ] {
        let (told, said) = parsed(&body).expect_err("refused");
        assert!(told == status && said.contains(mentions), "{told} {said}");
    }
}

#[test]
fn the_header_of_a_wav_has_placeholders_for_its_lengths() {
    let header = Container::Wav.header();
    assert_eq!((header.len(), &header[..4], &header[36..40]), (44, &b"RIFF"[..], &b"data"[..]));
    assert_eq!((&header[4..8], &header[40..]), (&[255; 4][..], &[255; 4][..]));
    assert_eq!(u32::from_le_bytes([header[24], header[25], header[26], header[27]]), 24_000);
}

//! The messages of the server, as each version of the API writes them.

use super::request::Version;
use crate::provider::fakes::voice::SpokenWord;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: Option<&'static str>,
    pub(super) title: &'static str,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: 400, code: None, title: "Invalid request", message: message.into() }
    }
}

pub(super) fn chunk(context: &str, flush_id: u64, bytes: &[u8]) -> String {
    let mut body = body("chunk", context, "step_time", json!(41.7));
    body.insert("flush_id".into(), json!(flush_id));
    body.insert("data".into(), json!(STANDARD.encode(bytes)));
    Value::Object(body).to_string()
}

pub(super) fn timestamps(context: &str, flush_id: u64, words: &[SpokenWord]) -> String {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let starts: Vec<f64> = words.iter().map(|word| word.start.as_secs_f64()).collect();
    let ends: Vec<f64> = words.iter().map(|word| word.end.as_secs_f64()).collect();
    let words = json!({"words": texts, "start": starts, "end": ends});
    let mut body = body("timestamps", context, "word_timestamps", words);
    body.insert("flush_id".into(), json!(flush_id));
    Value::Object(body).to_string()
}

pub(super) fn flush_done(context: &str, flush_id: u64) -> String {
    let mut body = body("flush_done", context, "flush_done", json!(true));
    body.insert("flush_id".into(), json!(flush_id));
    Value::Object(body).to_string()
}

pub(super) fn done(context: &str) -> String {
    Value::Object(body("done", context, "done", json!(true))).to_string()
}

pub(super) fn unknown(context: &str) -> String {
    Value::Object(body("prosody", context, "contour", json!([0.1, null, {"f0": "low"}]))).to_string()
}

fn body(kind: &str, context: &str, key: &str, value: Value) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("type".into(), json!(kind));
    body.insert("context_id".into(), json!(context));
    body.insert("status_code".into(), json!(206));
    body.insert("done".into(), json!(false));
    body.insert(key.into(), value);
    body
}

/// An error: structured since 2026-03-01, one string before.
pub(super) fn error(version: Version, context: Option<&str>, problem: &Problem) -> String {
    let mut body = match version {
        Version::Old => {
            let error = format!("{}: {}", problem.title, problem.message);
            json!({"type": "error", "error": error, "status_code": problem.status, "done": true})
        }
        _ => json!({
            "type": "error", "done": true, "status_code": problem.status, "error_code": problem.code,
            "title": problem.title, "message": problem.message,
            "request_id": format!("0f0e3b7c:{}:77aa", context.unwrap_or("-")),
        }),
    };
    if let (Some(context), Some(body)) = (context, body.as_object_mut()) {
        body.insert("context_id".into(), json!(context));
    }
    body.to_string()
}

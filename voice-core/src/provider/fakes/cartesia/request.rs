//! What the client asks for, checked as the vendor does.

use super::answer::Problem;
use crate::provider::fakes::encoding::{Encoding, Format};
use serde_json::{Map, Value};

/// The generations of the API that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// None was given, or one that is no date.
    Missing,
    /// Up to 2025-11-04: errors are strings.
    Old,
    /// From 2026-03-01: errors are structured.
    March2026,
    /// From 2026-08-14: a voice is an id.
    August2026,
}

impl Version {
    pub(super) fn of(date: Option<&str>) -> Self {
        let is_date = |date: &&str| {
            let shape =
                date.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() });
            date.len() == 10 && shape
        };
        match date.filter(is_date) {
            None => Self::Missing,
            Some(date) if date < "2026-03-01" => Self::Old,
            Some(date) if date < "2026-08-14" => Self::March2026,
            Some(_) => Self::August2026,
        }
    }
}

/// A message of the client.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    Cancel { context: String },
    Generate(Box<Generation>),
}

/// A request for speech, or for the end of it.
#[derive(Debug, PartialEq)]
pub(super) struct Generation {
    pub(super) context: String,
    pub(super) transcript: String,
    pub(super) goes_on: bool,
    pub(super) is_flush: bool,
    pub(super) wants_timestamps: bool,
    pub(super) max_buffer_delay_ms: u64,
    pub(super) format: Format,
    /// What must stay as it is within a context.
    pub(super) fixed: Value,
}

/// A refused message, and the context it named.
pub(super) type Refused = (Option<String>, Problem);

/// Reads a message of the client.
pub(super) fn parse(text: &str, version: Version) -> Result<Request, Refused> {
    let refuse = |message: &str| (None, Problem::bad_request(message));
    let value: Value = serde_json::from_str(text).map_err(|error| refuse(&format!("invalid JSON: {error}")))?;
    let body = value.as_object().ok_or_else(|| refuse("a message is a JSON object"))?;
    let context = body.get("context_id").and_then(Value::as_str).ok_or_else(|| refuse("context_id is required"))?;
    if body.get("cancel").and_then(Value::as_bool) == Some(true) {
        return Ok(Request::Cancel { context: context.into() });
    }
    match generation(body, context, version) {
        Ok(generation) => Ok(Request::Generate(Box::new(generation))),
        Err(problem) => Err((Some(context.into()), problem)),
    }
}

fn generation(body: &Map<String, Value>, context: &str, version: Version) -> Result<Generation, Problem> {
    if version == Version::Missing {
        return Err(Problem::bad_request("Cartesia-Version is required, as YYYY-MM-DD"));
    }
    let transcript = body.get("transcript").and_then(Value::as_str);
    let transcript = transcript.ok_or_else(|| Problem::bad_request("transcript is required"))?;
    check_model(body.get("model_id"))?;
    check_voice(body.get("voice"), version)?;
    check_ranges(body)?;
    if version == Version::August2026 && body.contains_key("language") && body.contains_key("locale") {
        return Err(Problem::bad_request("language and locale exclude each other"));
    }
    let flag = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or(false);
    Ok(Generation {
        context: context.into(),
        transcript: transcript.into(),
        goes_on: flag("continue"),
        is_flush: flag("flush"),
        wants_timestamps: flag("add_timestamps"),
        max_buffer_delay_ms: buffer_delay_ms(body, version)?,
        format: format_of(body.get("output_format"))?,
        fixed: fixed_of(body),
    })
}

fn check_model(model: Option<&Value>) -> Result<(), Problem> {
    match model.and_then(Value::as_str) {
        Some(model) if model.starts_with("sonic") => Ok(()),
        Some(model) => Err(Problem {
            status: 404,
            code: Some("model_not_found"),
            title: "Model not found",
            message: format!("there is no model {model}"),
        }),
        None => Err(Problem::bad_request("model_id is required")),
    }
}

fn check_voice(voice: Option<&Value>, version: Version) -> Result<(), Problem> {
    let voice = voice.ok_or_else(|| Problem::bad_request("voice is required"))?;
    let has = |key: &str| voice.get(key).is_some();
    let is_mode_id = voice.get("mode").and_then(Value::as_str) == Some("id") && has("id");
    let fits = match version {
        Version::August2026 => voice.is_string() || (has("id") && !has("mode") && !has("embedding")),
        Version::March2026 => is_mode_id,
        Version::Old | Version::Missing => is_mode_id || has("embedding"),
    };
    fits.then_some(()).ok_or_else(|| Problem::bad_request("voice has not the shape of this Cartesia-Version"))
}

fn check_ranges(body: &Map<String, Value>) -> Result<(), Problem> {
    let Some(config) = body.get("generation_config").and_then(Value::as_object) else { return Ok(()) };
    for (name, range) in [("speed", 0.6..=1.5), ("volume", 0.5..=2.0)] {
        if config.get(name).and_then(Value::as_f64).is_some_and(|value| !range.contains(&value)) {
            return Err(Problem::bad_request(format!("generation_config.{name} is out of range")));
        }
    }
    Ok(())
}

fn buffer_delay_ms(body: &Map<String, Value>, version: Version) -> Result<u64, Problem> {
    let (default, most) = if version == Version::Old { (0, 1_000) } else { (3_000, 5_000) };
    match body.get("max_buffer_delay_ms") {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value
            .as_u64()
            .filter(|ms| *ms <= most)
            .ok_or_else(|| Problem::bad_request(format!("max_buffer_delay_ms must be from 0 to {most}"))),
    }
}

fn format_of(format: Option<&Value>) -> Result<Format, Problem> {
    let text = |name: &str| format.and_then(|format| format.get(name)).and_then(Value::as_str);
    if text("container") != Some("raw") {
        return Err(Problem::bad_request("output_format.container must be raw"));
    }
    let encoding = match text("encoding") {
        Some("pcm_s16le") => Encoding::S16,
        Some("pcm_f32le") => Encoding::F32,
        Some("pcm_mulaw") => Encoding::MuLaw,
        Some("pcm_alaw") => Encoding::ALaw,
        _ => return Err(Problem::bad_request("output_format.encoding is unknown")),
    };
    let hz = format.and_then(|format| format.get("sample_rate")).and_then(Value::as_u64).unwrap_or_default();
    match hz {
        8_000 | 16_000 | 22_050 | 24_000 | 44_100 | 48_000 => Ok(Format { encoding, hz: hz as u32 }),
        _ => Err(Problem::bad_request(format!("output_format.sample_rate {hz} is not offered"))),
    }
}

/// Everything but the text and what steers it.
fn fixed_of(body: &Map<String, Value>) -> Value {
    let mut fixed = body.clone();
    for steering in ["transcript", "continue", "flush", "duration"] {
        fixed.remove(steering);
    }
    Value::Object(fixed)
}

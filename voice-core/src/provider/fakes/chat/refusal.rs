//! Refusals before the first byte, in each vendor's shape, and the headers that go with them.

use super::config::{ChatFake, ChatStyle, RetryAfter};
use crate::provider::fakes::clock::unix_seconds;
use crate::provider::fakes::visit::Refusal;
use serde_json::{Value, json};

/// A refusal in the shape of the fake's style.
pub(in crate::provider::fakes) fn refusal(fake: &ChatFake, status: u16, said: &str, request_id: &str) -> Refusal {
    let (kind, code) = kind_of(status);
    let body = match fake.style {
        ChatStyle::Groq => json!({ "error": { "message": said, "type": kind, "code": code } }),
        ChatStyle::OpenAi => json!({ "error": { "message": said, "type": kind, "param": null, "code": code } }),
        ChatStyle::Vllm if status == 401 => json!({ "error": "Unauthorized" }),
        ChatStyle::Vllm => json!({ "error": { "message": said, "type": kind, "param": null, "code": status } }),
        ChatStyle::Ollama => json!({ "error": { "message": said, "type": kind, "param": null, "code": Value::Null } }),
        ChatStyle::LlamaCpp => json!({ "error": { "code": status, "message": said, "type": kind } }),
    };
    Refusal::json(status, &body).header("x-request-id", request_id)
}

fn kind_of(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("invalid_request_error", "invalid_api_key"),
        403 => ("permissions_error", "forbidden"),
        404 => ("invalid_request_error", "model_not_found"),
        413 => ("invalid_request_error", "request_too_large"),
        429 => ("tokens", "rate_limit_exceeded"),
        498 => ("server_error", "capacity_exceeded"),
        400..=499 => ("invalid_request_error", "invalid_request"),
        _ => ("server_error", "internal_error"),
    }
}

/// What is said of a key that is not accepted. OpenAI tells part of it.
pub(super) fn wrong_key(fake: &ChatFake, key: Option<&str>) -> String {
    let Some(key) = key else { return "You didn't provide an API key.".into() };
    if fake.style != ChatStyle::OpenAi {
        return "Invalid API Key".into();
    }
    let characters: Vec<char> = key.chars().collect();
    let (start, end) = (characters.len().min(8), characters.len().saturating_sub(4));
    let shown = |part: &[char]| part.iter().collect::<String>();
    let (start, end) = (shown(&characters[..start]), shown(&characters[end..]));
    format!("Incorrect API key provided: {start}********{end}. You can find your key in your account.")
}

/// The headers that say when to come again.
pub(in crate::provider::fakes) fn retry_after(fake: &ChatFake, ms: u64) -> Vec<(&'static str, String)> {
    let fraction = format!("{}", ms as f64 / 1_000.0);
    match fake.retry_after {
        RetryAfter::Milliseconds => vec![("retry-after-ms", ms.to_string()), ("retry-after", fraction)],
        RetryAfter::Seconds => vec![("retry-after", ms.div_ceil(1_000).to_string())],
        RetryAfter::Fraction => vec![("retry-after", fraction)],
        RetryAfter::Date => vec![("retry-after", http_date(unix_seconds() + ms.div_ceil(1_000)))],
    }
}

/// The headers Groq has on every answer.
pub(super) fn rate_limits(number: u64) -> Vec<(&'static str, String)> {
    vec![
        ("x-ratelimit-limit-requests", "14400".into()),
        ("x-ratelimit-limit-tokens", "18000".into()),
        ("x-ratelimit-remaining-requests", 14_400u64.saturating_sub(number).to_string()),
        ("x-ratelimit-remaining-tokens", 18_000u64.saturating_sub(number * 300).to_string()),
        ("x-ratelimit-reset-requests", "6m30s".into()),
        ("x-ratelimit-reset-tokens", "7.66s".into()),
    ]
}

/// A time as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, IMF-fixdate).
fn http_date(unix_seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let weekday = DAYS.get((days % 7) as usize).copied().unwrap_or_default();
    let (year, month, day) = civil(days);
    let month = MONTHS.get(month).copied().unwrap_or_default();
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month from 0 and day of the month, so many days after 1 January 1970.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 0;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_420_800, "Mon, 23 Nov 2026 08:00:00 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(seconds), date);
        }
    }

    #[test]
    fn only_openai_tells_a_part_of_the_key() {
        let fake = |style| ChatFake { style, ..ChatFake::default() };
        let said = wrong_key(&fake(ChatStyle::OpenAi), Some("sk-proj-abcdefgh-wxyz"));
        assert!(said.contains("sk-proj-********wxyz"), "{said}");
        assert_eq!(wrong_key(&fake(ChatStyle::Groq), Some("gsk_secret")), "Invalid API Key");
        assert!(wrong_key(&fake(ChatStyle::OpenAi), Some("äö")).contains("äö"));
    }
}

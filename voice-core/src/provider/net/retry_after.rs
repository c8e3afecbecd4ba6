//! When a vendor wants to be asked again.

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// `retry-after-ms`, else `retry-after` in seconds or as a date, which counts from the answer's own date: the two clocks
/// need not agree.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok();
    if let Some(ms) = text("retry-after-ms").and_then(number) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let after = text(RETRY_AFTER.as_str())?;
    if let Some(seconds) = number(after) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    Some(date(after)?.duration_since(date(text(DATE.as_str())?)?).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn after(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        retry_after(&headers.iter().map(header).collect())
    }

    #[test]
    fn seconds_and_milliseconds_may_be_fractions() {
        assert_eq!(after(&[("retry-after", "2")]), Some(Duration::from_secs(2)));
        assert_eq!(after(&[("retry-after", " 0.25 ")]), Some(Duration::from_millis(250)));
        assert_eq!(
            after(&[("retry-after", "9"), ("retry-after-ms", "1500.5")]),
            Some(Duration::from_micros(1_500_500))
        );
    }

    #[test]
    fn a_date_counts_from_the_answers_own() {
        let date = ("date", "Mon, 23 Nov 2026 10:00:00 GMT");
        assert_eq!(after(&[date, ("retry-after", "Mon, 23 Nov 2026 10:00:30 GMT")]), Some(Duration::from_secs(30)));
        assert_eq!(after(&[date, ("retry-after", "Mon, 23 Nov 2026 09:00:00 GMT")]), Some(Duration::ZERO));
        assert_eq!(after(&[("retry-after", "Mon, 23 Nov 2026 10:00:30 GMT")]), None);
    }

    #[test]
    fn nonsense_is_nothing() {
        for value in ["", "-1", "soon", "NaN", "inf", "1e300"] {
            assert_eq!(after(&[("retry-after", value)]), None, "{value}");
            assert_eq!(after(&[("retry-after-ms", value)]), None, "{value}");
        }
    }
}

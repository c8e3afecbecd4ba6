//! What a vendor tells of its limits, for the log.

use reqwest::header::HeaderMap;

/// The `x-ratelimit-…` headers on one line; empty if there are none.
pub(super) fn rate_limits(headers: &HeaderMap) -> String {
    let limits = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-ratelimit-")?;
        Some(format!("{name} {}", value.to_str().ok()?))
    });
    limits.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    #[test]
    fn limits_are_told_by_their_names() {
        let headers =
            [("x-request-id", "req_1"), ("x-ratelimit-limit-tokens", "6000"), ("x-ratelimit-reset-tokens", "7.66s")];
        let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        assert_eq!(rate_limits(&headers.map(pair).into_iter().collect()), "limit-tokens 6000, reset-tokens 7.66s");
        assert_eq!(rate_limits(&HeaderMap::new()), "");
    }
}

//! Which part of a recording a request wants (RFC 9110, sections 13 and 14).
//!
//! Invariant: a range that passes here is not empty and lies within the recording.

use axum::http::{HeaderMap, Method, header};
use std::ops::Range;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing: the client has it.
    NotModified,
    /// Only how long it is.
    Head,
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// A range with nothing in it.
    BeyondTheEnd,
}

/// What a request wants of something with the strong entity tag `tag`. Several ranges at once are answered with the
/// whole, as is a header that cannot be read: a server may.
pub(super) fn wanted(method: &Method, headers: &HeaderMap, tag: &str, size_bytes: u64) -> Wanted {
    if has_current(headers, tag) {
        return Wanted::NotModified;
    }
    if method == Method::HEAD {
        return Wanted::Head;
    }
    let is_for_this = text(headers, header::IF_RANGE).is_none_or(|condition| condition == tag);
    match text(headers, header::RANGE).filter(|_| is_for_this).and_then(Asked::read) {
        Some(asked) => asked.of(size_bytes),
        None => Wanted::Whole,
    }
}

/// Whether `If-None-Match` names it; a weak tag of the same text counts.
fn has_current(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|named| named == "*" || named.trim_start_matches("W/") == tag)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// A range as it is asked for, whatever the size.
enum Asked {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

impl Asked {
    /// `None` for what is no single range of bytes.
    fn read(text: &str) -> Option<Self> {
        let (unit, range) = text.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        match (first.is_empty(), last.is_empty()) {
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
            (false, true) => Some(Self::From(number(first)?)),
            (true, false) => Some(Self::Last(number(last)?)),
            (true, true) => None,
        }
    }

    fn of(self, size_bytes: u64) -> Wanted {
        let part = match self {
            Self::From(first) => first..size_bytes,
            Self::Between(first, last) => first..last.saturating_add(1).min(size_bytes),
            Self::Last(count) => size_bytes.saturating_sub(count)..size_bytes,
        };
        if part.is_empty() { Wanted::BeyondTheEnd } else { Wanted::Part(part) }
    }
}

/// Digits only: `parse` would take a plus sign. More than 64 bits hold is as good as the largest number.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    const TAG: &str = "\"a\"";

    fn get(headers: &[(header::HeaderName, &str)], size_bytes: u64) -> Wanted {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        wanted(&Method::GET, &headers, TAG, size_bytes)
    }

    fn range(text: &str, size_bytes: u64) -> Wanted {
        get(&[(header::RANGE, text)], size_bytes)
    }

    #[test]
    fn a_single_range_is_cut_to_the_recording() {
        for (asked, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-", 0..100),
            ("bytes=99-", 99..100),
            ("bytes=10-19", 10..20),
            ("BYTES=10-19", 10..20),
            ("bytes=90-1000", 90..100),
            ("bytes=0-99999999999999999999", 0..100),
            ("bytes=-1", 99..100),
            ("bytes=-1000", 0..100),
        ] {
            assert_eq!(range(asked, 100), Wanted::Part(part), "{asked}");
        }
    }

    #[test]
    fn a_range_beyond_the_end_has_nothing() {
        for asked in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(range(asked, 100), Wanted::BeyondTheEnd, "{asked}");
        }
        assert_eq!(range("bytes=0-", 0), Wanted::BeyondTheEnd);
        assert_eq!(range("bytes=-5", 0), Wanted::BeyondTheEnd);
    }

    #[test]
    fn what_is_no_single_range_is_answered_with_the_whole() {
        for asked in ["bytes=0-1,5-6", "bytes=", "bytes=-", "bytes=9-1", "bytes=+1-2", "bytes=a-b", "items=0-1", "0-1"]
        {
            assert_eq!(range(asked, 100), Wanted::Whole, "{asked}");
        }
    }

    #[test]
    fn a_client_that_has_it_gets_nothing() {
        for tags in ["\"a\"", "W/\"a\"", "\"x\", \"a\"", "*"] {
            assert_eq!(get(&[(header::IF_NONE_MATCH, tags)], 100), Wanted::NotModified, "{tags}");
        }
        assert_eq!(get(&[(header::IF_NONE_MATCH, "\"x\"")], 100), Wanted::Whole);
    }

    #[test]
    fn a_range_of_another_version_is_answered_with_the_whole() {
        let with = |condition| get(&[(header::RANGE, "bytes=0-1"), (header::IF_RANGE, condition)], 100);
        assert_eq!(with("\"a\""), Wanted::Part(0..2));
        assert_eq!(with("\"x\""), Wanted::Whole);
        assert_eq!(with("W/\"a\""), Wanted::Whole);
        assert_eq!(with("Sat, 28 Nov 2026 12:00:00 GMT"), Wanted::Whole);
    }

    proptest! {
        // The same in every run; what fails is printed.
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_asked_for_a_part_lies_within(asked in "bytes=[0-9]{0,20}-[0-9]{0,20}", size_bytes in 0..200_u64) {
            if let Wanted::Part(part) = range(&asked, size_bytes) {
                prop_assert!(part.start < part.end && part.end <= size_bytes);
            }
        }
    }
}

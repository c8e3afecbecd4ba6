//! What a setting may be.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// Refuses a value outside `range`, NaN too, in a sentence that names the field.
pub(super) fn within<T: PartialOrd + Display>(field: &str, value: T, range: &RangeInclusive<T>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("{field} is {value}: it must be from {} to {}", range.start(), range.end()))
}

/// Refuses more than `most` texts, an empty one, and one of more than `longest` characters.
pub(super) fn texts(field: &str, texts: &[String], most: usize, longest: usize) -> Result<(), String> {
    if texts.len() > most {
        return Err(format!("{field} has {} entries: it may have {most}", texts.len()));
    }
    texts.iter().try_for_each(|text| self::text(field, text, longest))
}

/// Refuses an empty text and one of more than `longest` characters.
pub(super) fn text(field: &str, text: &str, longest: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{field} holds an empty text"));
    }
    if text.chars().count() > longest {
        return Err(format!("{field} holds a text of more than {longest} characters"));
    }
    Ok(())
}

/// Deadlines: none may be nothing, or longer than a call.
pub(super) fn deadlines(fields: &[(&str, u64)]) -> Result<(), String> {
    fields.iter().try_for_each(|(field, ms)| within(field, *ms, &(1..=3_600_000)))
}

/// How audio is sent: 20–250 ms a message; at once (0) or faster than it is spoken; and with a bound.
pub(super) fn sending(chunk_ms: u64, catch_up_percent: u32, backlog_ms: u64) -> Result<(), String> {
    within("chunk_ms", chunk_ms, &(20..=250))?;
    within("backlog_ms", backlog_ms, &(1_000..=120_000))?;
    match catch_up_percent {
        0 | 101..=1_000 => Ok(()),
        1..=100 => Err(format!("catch_up_percent is {catch_up_percent}: at 100 or less it never catches up")),
        _ => Err(format!("catch_up_percent is {catch_up_percent}: it must be 0 or from 101 to 1000")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_field() {
        assert_eq!(within("eot_threshold", 0.5, &(0.5..=1.0)), Ok(()));
        let refused = [
            within("eot_threshold", 0.49, &(0.5..=1.0)),
            within("eot_threshold", f64::NAN, &(0.5..=1.0)),
            deadlines(&[("connect_ms", 10), ("eot_threshold", 0)]),
            text("eot_threshold", " ", 10),
            texts("eot_threshold", &["ü".repeat(11)], 10, 10),
            texts("eot_threshold", &["a".to_owned(), "b".to_owned()], 1, 10),
        ];
        for refusal in refused {
            assert!(refusal.unwrap_err().starts_with("eot_threshold "));
        }
        assert_eq!(texts("tags", &["ü".repeat(10)], 1, 10), Ok(()));
    }
}

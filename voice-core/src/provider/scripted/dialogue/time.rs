//! Spoken times of day.

use super::number::{in_words, number_at};
use super::words::Words;

/// Whether a bare "three" may be a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    /// The agent has just asked for one.
    Accepted,
    /// Only with "at", "o'clock" and the like.
    Refused,
}

/// A time of day in minutes; `is_certain` once the half of the day was said.
#[derive(Clone, Copy, Debug)]
struct Clock {
    minutes: u32,
    is_certain: bool,
}

/// The last time of day in `words` that is not negated, in minutes since midnight.
pub(super) fn find_time(words: &Words, bare: Bare) -> Option<u32> {
    let mut found = None;
    let mut index = 0;
    while index < words.len() {
        match time_at(words, index, bare) {
            Some((clock, used)) => {
                if !words.is_negated(index) {
                    found = Some(clock);
                }
                index += used;
            }
            None => index += 1,
        }
    }
    found.map(|clock: Clock| settle(clock, words))
}

/// An hour without its half of the day is one of the working day: 7 to 11 in the morning, 12 to 6 in the afternoon.
fn settle(clock: Clock, words: &Words) -> u32 {
    let half_day = 12 * 60;
    let hour = clock.minutes / 60;
    let is_late = words.has("afternoon") || words.has("evening") || words.has("tonight");
    let is_small = !clock.is_certain && hour < 12;
    if is_small && (is_late || (hour < 7 && !words.has("morning"))) { clock.minutes + half_day } else { clock.minutes }
}

fn time_at(words: &Words, index: usize, bare: Bare) -> Option<(Clock, usize)> {
    named(words, index).or_else(|| past_or_to(words, index)).or_else(|| hour_first(words, index, bare))
}

fn named(words: &Words, index: usize) -> Option<(Clock, usize)> {
    let is_certain = true;
    match words.at(index) {
        "noon" | "midday" => Some((Clock { minutes: 12 * 60, is_certain }, 1)),
        "midnight" => Some((Clock { minutes: 0, is_certain }, 1)),
        _ => None,
    }
}

/// "half past three", "quarter to four", "ten past two".
fn past_or_to(words: &Words, index: usize) -> Option<(Clock, usize)> {
    let (minutes, used) = match words.at(index) {
        "half" => (30, 1),
        "quarter" => (15, 1),
        _ => number_at(words, index).filter(|(minutes, _)| (1..60).contains(minutes))?,
    };
    let joint = words.at(index + used);
    let is_quarter = words.at(index) == "quarter";
    let (hour, hour_used) = hour_at(words, index + used + 1)?;
    let total = match joint {
        "past" | "after" => hour * 60 + minutes,
        // "nine to five" is no time.
        "to" if is_quarter => (hour * 60 + 24 * 60 - minutes) % (24 * 60),
        _ => return None,
    };
    let used = used + 1 + hour_used;
    Some(with_half(words, index, used, total))
}

/// "three", "three thirty", "3:30", "three o'clock", "three pm".
fn hour_first(words: &Words, index: usize, bare: Bare) -> Option<(Clock, usize)> {
    if let Some(minutes) = digital(words.at(index)) {
        return Some(with_half(words, index, 1, minutes));
    }
    let (hour, mut used) = hour_at(words, index)?;
    let mut minutes = hour * 60;
    let mut is_time = bare == Bare::Accepted || matches!(words.before(index), "at" | "around" | "about" | "by");
    if let Some((past, past_used)) = number_at(words, index + used).filter(|(past, _)| (10..60).contains(past)) {
        minutes += past;
        used += past_used;
        is_time = true;
    } else if matches!(words.at(index + used), "o'clock" | "oclock") {
        used += 1;
        is_time = true;
    }
    let (clock, used) = with_half(words, index, used, minutes);
    (is_time || clock.is_certain).then_some((clock, used))
}

fn hour_at(words: &Words, index: usize) -> Option<(u32, usize)> {
    number_at(words, index).filter(|(hour, _)| (1..24).contains(hour))
}

fn digital(word: &str) -> Option<u32> {
    let (hour, minutes) = word.split_once([':', '.']).filter(|(_, minutes)| minutes.len() == 2)?;
    let (hour, minutes): (u32, u32) = (hour.parse().ok()?, minutes.parse().ok()?);
    (hour < 24 && minutes < 60).then_some(hour * 60 + minutes)
}

/// Takes the "am" or "pm" that follows, if one does.
fn with_half(words: &Words, index: usize, used: usize, minutes: u32) -> (Clock, usize) {
    let half_day = 12 * 60;
    let after = words.at(index + used);
    let is_split = matches!(after, "a" | "p") && words.at(index + used + 1) == "m";
    let first = if matches!(after, "am" | "pm") || is_split { after.as_bytes().first() } else { None };
    let minutes_of = match first {
        Some(b'p') if minutes < half_day => minutes + half_day,
        Some(b'a') if (half_day..half_day + 60).contains(&minutes) => minutes - half_day,
        _ => minutes,
    };
    let is_certain = first.is_some() || minutes >= half_day + 60;
    let half_words = if is_split { 2 } else { usize::from(first.is_some()) };
    (Clock { minutes: minutes_of, is_certain }, used + half_words)
}

/// For a tool: `15:30`.
pub(super) fn as_value(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// To be spoken: "three thirty in the afternoon".
pub(super) fn as_spoken(minutes: u32) -> String {
    let (hour, past) = (minutes / 60, minutes % 60);
    let part = match hour {
        0..12 => "in the morning",
        12..18 => "in the afternoon",
        _ => "in the evening",
    };
    match (hour, past) {
        (12, 0) => "noon".into(),
        (0, 0) => "midnight".into(),
        _ => {
            let hour = in_words(if hour % 12 == 0 { 12 } else { hour % 12 });
            let past = match past {
                0 => " o'clock".into(),
                1..10 => format!(" oh {}", in_words(past)),
                _ => format!(" {}", in_words(past)),
            };
            format!("{hour}{past} {part}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found() {
        let cases = [
            ("at three", "15:00"),
            ("at three thirty", "15:30"),
            ("3:30 p.m. please", "15:30"),
            ("half past nine", "09:30"),
            ("a quarter to four", "15:45"),
            ("ten past two", "14:10"),
            ("ten o'clock", "10:00"),
            ("11am", "11:00"),
            ("eleven p m", "23:00"),
            ("12 am", "00:00"),
            ("twelve thirty pm", "12:30"),
            ("seven in the evening, so at seven", "19:00"),
            ("at six in the morning", "06:00"),
            ("15:45", "15:45"),
            ("at 10.15", "10:15"),
            ("noon", "12:00"),
            ("not at three, at four", "16:00"),
            ("at two, no, at five", "17:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(find_time(&Words::of(text), Bare::Refused).map(as_value).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(find_time(&Words::of("three"), Bare::Accepted), Some(15 * 60));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["three", "two of us", "I work nine to five", "25:00", "version 2.1", "at", ""] {
            assert_eq!(find_time(&Words::of(text), Bare::Refused), None, "{text}");
        }
    }

    #[test]
    fn times_are_said_as_people_do() {
        let cases = [
            (930, "three thirty in the afternoon"),
            (540, "nine o'clock in the morning"),
            (720, "noon"),
            (605, "ten oh five in the morning"),
        ];
        for (minutes, expected) in cases {
            assert_eq!(as_spoken(minutes), expected);
        }
    }
}

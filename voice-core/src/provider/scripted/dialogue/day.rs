//! Spoken days: of the week, relative ones, dates. No calendar is consulted: a day is passed on as it was said.

use super::number::number_at;
use super::words::Words;

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const ORDINALS: [&str; 20] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
];

/// The last day in `words` that is not negated, as it is spoken: "Tuesday", "next Tuesday", "tomorrow", "May 5".
pub(super) fn find_day(words: &Words) -> Option<String> {
    let mut found = None;
    let mut index = 0;
    while index < words.len() {
        match day_at(words, index) {
            Some((day, used)) => {
                if !words.is_negated(index) {
                    found = Some(day);
                }
                index += used;
            }
            None => index += 1,
        }
    }
    found
}

fn day_at(words: &Words, index: usize) -> Option<(String, usize)> {
    relative(words, index).or_else(|| weekday(words, index)).or_else(|| date(words, index))
}

fn relative(words: &Words, index: usize) -> Option<(String, usize)> {
    match words.at(index) {
        "today" => Some(("today".into(), 1)),
        "tomorrow" => Some(("tomorrow".into(), 1)),
        "day" if words.at(index + 1) == "after" && words.at(index + 2) == "tomorrow" => {
            Some(("the day after tomorrow".into(), 3))
        }
        _ => None,
    }
}

fn weekday(words: &Words, index: usize) -> Option<(String, usize)> {
    let word = words.at(index);
    let day = WEEKDAYS.iter().find(|day| day.eq_ignore_ascii_case(word.trim_end_matches("'s")))?;
    let is_next = words.before(index) == "next";
    Some((if is_next { format!("next {day}") } else { (*day).into() }, 1))
}

/// "May 5", "May the fifth", "the fifth of May", "5th of May".
fn date(words: &Words, index: usize) -> Option<(String, usize)> {
    if let Some(month) = month(words.at(index)) {
        let skipped = usize::from(words.at(index + 1) == "the");
        let (day, used) = day_number(words, index + 1 + skipped)?;
        return Some((format!("{month} {day}"), 1 + skipped + used));
    }
    let (day, used) = day_number(words, index)?;
    let skipped = usize::from(words.at(index + used) == "of");
    let month = month(words.at(index + used + skipped))?;
    Some((format!("{month} {day}"), used + skipped + 1))
}

fn month(word: &str) -> Option<&'static str> {
    MONTHS.iter().find(|month| month.eq_ignore_ascii_case(word)).copied()
}

fn day_number(words: &Words, index: usize) -> Option<(u32, usize)> {
    let word = words.at(index);
    let ordinal = |word: &str| ORDINALS.iter().position(|own| *own == word).map(|index| index as u32 + 1);
    let tens = match word {
        "twenty" => Some(20),
        "thirty" => Some(30),
        "thirtieth" => return Some((30, 1)),
        _ => None,
    };
    if let Some((tens, unit)) = tens.zip(ordinal(words.at(index + 1)).filter(|unit| *unit < 10)) {
        return Some((tens + unit, 2)).filter(|(day, _)| *day <= 31);
    }
    let suffixed = ["st", "nd", "rd", "th"].iter().find_map(|suffix| word.strip_suffix(suffix)?.parse().ok());
    let single = ordinal(word).or(suffixed).map(|day| (day, 1));
    single.or_else(|| number_at(words, index)).filter(|(day, _)| (1..=31).contains(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_found() {
        let cases = [
            ("on tuesday", "Tuesday"),
            ("next Friday, please", "next Friday"),
            ("no, I said Tuesday", "Tuesday"),
            ("not Monday, Tuesday", "Tuesday"),
            ("Tuesday, not on Monday", "Tuesday"),
            ("Monday, no, Wednesday", "Wednesday"),
            ("the day after tomorrow", "the day after tomorrow"),
            ("May 5th", "May 5"),
            ("the twenty first of june", "June 21"),
            ("5 March", "March 5"),
            ("december the third", "December 3"),
        ];
        for (text, expected) in cases {
            assert_eq!(find_day(&Words::of(text)).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_none() {
        for text in ["may I ask", "the second one", "March on", "may 40", "not monday", ""] {
            assert_eq!(find_day(&Words::of(text)), None, "{text}");
        }
    }
}

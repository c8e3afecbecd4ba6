//! Slot values in a caller's words.

use super::day::find_day;
use super::number::number_at;
use super::script::SlotKind;
use super::time::{Bare, as_spoken, as_value, find_time};
use super::words::Words;

/// What a slot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotValue {
    /// For the tool.
    pub(super) value: String,
    /// To be spoken.
    pub(super) spoken: String,
}

impl SlotValue {
    fn same(value: impl Into<String>) -> Self {
        let value = value.into();
        Self { spoken: value.clone(), value }
    }
}

/// How a slot stands to what the agent last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It was asked for and the words hold nothing else.
    Alone,
    /// It was asked for.
    Yes,
    /// It was not.
    No,
}

const MAX_TEXT_CHARS: usize = 200;
const MAX_NAME_WORDS: usize = 3;
/// A longer turn is a sentence of its own and no mere answer: "two" in it is no time.
const MAX_ANSWER_WORDS: usize = 6;

/// The value of a slot of this kind in the words, if there is one.
pub(super) fn recognise(kind: SlotKind, words: &Words, asked: Asked) -> Option<SlotValue> {
    match kind {
        SlotKind::Day => find_day(words).map(SlotValue::same),
        SlotKind::Time => {
            let is_answer = asked != Asked::No && words.len() <= MAX_ANSWER_WORDS;
            let bare = if is_answer { Bare::Accepted } else { Bare::Refused };
            let minutes = find_time(words, bare)?;
            Some(SlotValue { value: as_value(minutes), spoken: as_spoken(minutes) })
        }
        SlotKind::Name => find_name(words, asked).map(SlotValue::same),
        _ if asked == Asked::No => None,
        SlotKind::Number => {
            let number = (0..words.len()).filter(|index| !words.is_negated(*index)).find_map(|at| number_at(words, at));
            number.map(|(number, _)| SlotValue::same(number.to_string()))
        }
        SlotKind::YesNo => {
            yes_or_no(words).map(|answer| SlotValue::same(if answer == YesNo::Yes { "yes" } else { "no" }))
        }
        SlotKind::Text => (asked == Asked::Alone && words.len() > 0).then(|| SlotValue::same(free_text(words))),
    }
}

/// A caller's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum YesNo {
    Yes,
    No,
}

/// The first word that says yes or no. A long sentence is an answer only if it begins with one: "they turned right" and
/// "all is fine with the ship" must not book anything.
pub(super) fn yes_or_no(words: &Words) -> Option<YesNo> {
    let looked_at = if words.len() <= MAX_ANSWER_WORDS { 4 } else { 2 };
    (0..words.len().min(looked_at)).find_map(|index| {
        let joined = words.at(index + 1);
        match words.at(index) {
            "yes" | "yeah" | "yep" | "yup" | "sure" | "right" | "correct" | "ok" | "okay" | "absolutely"
            | "perfect" | "certainly" | "definitely" | "exactly" | "fine" => Some(YesNo::Yes),
            "mm" | "uh" if matches!(joined, "hmm" | "huh") => Some(YesNo::Yes),
            "go" if joined == "ahead" => Some(YesNo::Yes),
            "sounds" if matches!(joined, "good" | "great") => Some(YesNo::Yes),
            "please" if joined == "do" => Some(YesNo::Yes),
            "that's" if joined == "it" => Some(YesNo::Yes),
            "no" | "nope" | "nah" | "wrong" | "not" | "don't" | "incorrect" => Some(YesNo::No),
            _ => None,
        }
    })
}

/// Whether the caller says that something was misunderstood.
pub(super) fn is_correction(words: &Words) -> bool {
    let cues = ["no", "nope", "said", "meant", "actually", "sorry", "wrong", "instead", "rather"];
    cues.iter().any(|cue| words.has(cue))
}

/// Beginnings that announce a name whenever they come.
const NAME_CUES: [&[&str]; 4] = [&["my", "name", "is"], &["my", "name's"], &["the", "name", "is"], &["call", "me"]];
/// Beginnings that announce a name when one was asked for.
const ASKED_NAME_CUES: [&[&str]; 8] =
    [&["this", "is"], &["i", "am"], &["i'm"], &["it", "is"], &["it's"], &["i", "said"], &["i", "meant"], &["that's"]];
/// Words that belong to no name.
const NO_NAME: [&str; 46] = [
    "yes", "no", "yeah", "nope", "not", "the", "a", "an", "and", "or", "but", "for", "to", "on", "at", "in", "of",
    "is", "it", "it's", "i", "i'm", "i'd", "you", "we", "they", "my", "me", "your", "what", "why", "how", "who",
    "when", "where", "which", "can", "could", "would", "do", "don't", "please", "thanks", "so", "um", "uh",
];

fn find_name(words: &Words, asked: Asked) -> Option<String> {
    let cue_end = |cue: &&[&str]| words.end_of(cue);
    let announced = NAME_CUES.iter().find_map(cue_end);
    let start = match asked {
        Asked::No => announced,
        Asked::Yes | Asked::Alone => announced.or_else(|| ASKED_NAME_CUES.iter().find_map(cue_end)),
    };
    match start {
        Some(start) => name_from(words, start),
        None if asked == Asked::Alone => bare_name(words),
        None => None,
    }
}

/// A short answer that is nothing but a name, perhaps after "no" or "um".
fn bare_name(words: &Words) -> Option<String> {
    let start = usize::from(matches!(words.at(0), "no" | "um" | "uh"));
    let is_short = words.len() <= start + MAX_NAME_WORDS;
    let is_name = is_short && (start..words.len()).all(|index| is_name_word(words, index));
    is_name.then(|| name_from(words, start)).flatten()
}

fn is_name_word(words: &Words, index: usize) -> bool {
    let word = words.at(index);
    !NO_NAME.contains(&word) && word.chars().any(char::is_alphabetic)
}

fn name_from(words: &Words, start: usize) -> Option<String> {
    let end = (start..words.len()).take(MAX_NAME_WORDS).take_while(|index| is_name_word(words, *index)).count();
    let parts: Vec<String> = (start..start + end).map(|index| capitalised(words.heard(index))).collect();
    (!parts.is_empty()).then(|| parts.join(" ").chars().take(MAX_TEXT_CHARS).collect())
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn free_text(words: &Words) -> String {
    let all: Vec<&str> = (0..words.len()).map(|index| words.heard(index)).collect();
    all.join(" ").chars().take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_are_announced_or_asked_for() {
        let cases = [
            ("my name is anna miller and I need help", Asked::No, Some("Anna Miller")),
            ("It's O'Brien.", Asked::Yes, Some("O'Brien")),
            ("no, I said Mueller", Asked::Yes, Some("Mueller")),
            ("Jones", Asked::Alone, Some("Jones")),
            ("no, Smith", Asked::Alone, Some("Smith")),
            ("Jones", Asked::Yes, None),
            ("I'm tired", Asked::No, None),
            ("yes", Asked::Alone, None),
            ("why do you ask", Asked::Alone, None),
            ("the ship sailed across the sea", Asked::Alone, None),
            ("", Asked::Alone, None),
        ];
        for (text, asked, expected) in cases {
            assert_eq!(find_name(&Words::of(text), asked).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn answers_are_told_from_sentences() {
        let cases = [
            ("Yes.", Some(YesNo::Yes)),
            ("I think that's right", Some(YesNo::Yes)),
            ("yes I would really like to have that one", Some(YesNo::Yes)),
            ("I would rather not", Some(YesNo::No)),
            ("the ship then turned right into the bay", None),
            ("Tuesday", None),
        ];
        for (text, expected) in cases {
            assert_eq!(yes_or_no(&Words::of(text)), expected, "{text}");
        }
        let sentence = Words::of("the two of us once had nine dogs");
        assert_eq!(recognise(SlotKind::Time, &sentence, Asked::Alone), None);
    }

    #[test]
    fn the_other_kinds() {
        let value = |kind, text, asked| recognise(kind, &Words::of(text), asked).map(|slot| slot.value);
        assert_eq!(value(SlotKind::Number, "for three people", Asked::Yes).as_deref(), Some("3"));
        assert_eq!(value(SlotKind::Number, "for three people", Asked::No), None);
        assert_eq!(value(SlotKind::YesNo, "I'm not sure", Asked::Yes).as_deref(), Some("no"));
        assert_eq!(value(SlotKind::YesNo, "mm-hmm", Asked::Yes).as_deref(), Some("yes"));
        assert_eq!(value(SlotKind::Text, "My left tooth hurts.", Asked::Alone).as_deref(), Some("My left tooth hurts"));
        assert_eq!(value(SlotKind::Time, "three", Asked::Yes).as_deref(), Some("15:00"));
    }
}

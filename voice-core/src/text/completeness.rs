//! How complete the caller's words look.
//!
//! Invariant: allocates nothing, knows no time. A guess from the words alone, used to choose how long a silence ends the
//! turn. The word lists are English; other languages are judged by punctuation and digits, and are `Unclear` otherwise.

use super::words::{is_one_of, same_word};
use unicode_segmentation::UnicodeSegmentation;

/// How complete a caller's words look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// A finished sentence or answer.
    Complete,
    /// Nothing says either way.
    Unclear,
    /// More is to come: a conjunction, a filler, half a number or an address being spelled.
    Incomplete,
}

/// Words no sentence ends with. An STT's full stop after one of them means nothing.
const OPEN_WORDS: &[&str] = &[
    "a",
    "an",
    "the",
    "and",
    "or",
    "but",
    "nor",
    "because",
    "cause",
    "if",
    "unless",
    "although",
    "though",
    "whether",
    "while",
    "until",
    "till",
    "than",
    "as",
    "with",
    "without",
    "from",
    "of",
    "into",
    "onto",
    "between",
    "during",
    "through",
    "against",
    "towards",
    "toward",
    "per",
    "via",
    "my",
    "your",
    "his",
    "our",
    "their",
    "its",
    "every",
    "very",
    "um",
    "uh",
    "uhm",
    "umm",
    "er",
    "erm",
    "uhh",
    "hmm",
    "eh",
    "plus",
    "dot",
    "underscore",
    "hyphen",
    "slash",
    "double",
    "triple",
    "im",
    "ill",
    "id",
    "ive",
    "hes",
    "shes",
    "theyre",
    "were",
    "well",
    "youre",
    "lets",
    "gonna",
    "wanna",
    "gotta",
    "mr",
    "mrs",
    "ms",
    "dr",
];

/// Those of [`OPEN_WORDS`] that are another word without their apostrophe.
const NEEDS_APOSTROPHE: &[&str] = &["ill", "id", "were", "well"];

/// Words that mostly go on, but may end a sentence the STT has closed with a full stop.
const LEANING_WORDS: &[&str] = &[
    "to", "for", "at", "by", "about", "in", "on", "up", "off", "out", "over", "around", "after", "before", "so",
    "then", "that", "which", "who", "what", "when", "where", "how", "like", "is", "are", "was", "am", "be", "has",
    "have", "had", "do", "does", "did", "can", "could", "would", "should", "will", "just", "also", "maybe", "i", "we",
    "they", "he", "she", "these", "those", "some", "any", "this", "actually", "another", "not",
];

/// Words after which a preposition is part of the verb: "log in", "turn it on", "do so", "so do I".
const BEFORE_PARTICLE: &[&str] = &[
    "come", "go", "log", "sign", "turn", "put", "check", "move", "get", "hang", "call", "pick", "drop", "hold", "give",
    "figure", "find", "it", "them", "him", "her", "me", "us", "you", "that", "this", "one", "think", "is", "do",
    "does", "did", "believe", "hope", "am", "can", "will", "i", "like", "just", "not",
];

/// Particles and auxiliaries that end a sentence after one of [`BEFORE_PARTICLE`].
const PARTICLES: &[&str] = &[
    "in", "on", "up", "off", "out", "over", "so", "i", "am", "do", "did", "can", "will", "is", "have", "has", "that",
    "this", "not",
];

/// Words that are an answer by themselves.
const ANSWER_WORDS: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "no",
    "nope",
    "nah",
    "okay",
    "ok",
    "sure",
    "thanks",
    "right",
    "correct",
    "exactly",
    "please",
    "alright",
    "fine",
    "great",
    "good",
    "perfect",
    "bye",
    "goodbye",
    "absolutely",
    "definitely",
    "certainly",
    "cool",
    "agreed",
    "never",
    "maybe",
    "hello",
    "hi",
];

/// Answers of more than one word.
const ANSWER_PHRASES: &[&str] = &[
    "thank you",
    "thank you very much",
    "thanks a lot",
    "of course",
    "thats right",
    "thats correct",
    "thats all",
    "thats it",
    "thats fine",
    "that is all",
    "no problem",
    "all right",
    "sounds good",
    "got it",
    "i do",
    "i dont",
    "not really",
    "i am",
    "it is",
    "i dont know",
    "im not sure",
    "nothing else",
    "not at all",
    "go ahead",
];

/// Digits as they are said.
const DIGIT_WORDS: &[&str] =
    &["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double", "triple"];

/// What a number that is dictated belongs to.
const NUMBER_CUES: &[&str] = &["number", "phone", "mobile", "cell", "telephone", "account", "card"];

/// Hosts that are said without their ending at first: "at gmail … dot com".
const MAIL_HOSTS: &[&str] = &["gmail", "yahoo", "outlook", "hotmail", "icloud", "proton", "protonmail", "gmx", "aol"];

/// The fewest digits that may be a whole telephone number: local numbers have 7 and more.
const WHOLE_NUMBER_DIGITS: usize = 7;

/// Judges how complete `text` looks. Allocates nothing.
pub fn completeness(text: &str) -> Completeness {
    let text = text.trim();
    let Some(last) = text.unicode_words().next_back() else { return Completeness::Unclear };
    match ending(text) {
        Ending::Open => Completeness::Incomplete,
        Ending::Question if is_filler_or_article(last) => Completeness::Incomplete,
        Ending::Question => Completeness::Complete,
        closing => judge_words(text, last, closing),
    }
}

fn judge_words(text: &str, last: &str, ending: Ending) -> Completeness {
    if is_dictating(text, last) {
        return Completeness::Incomplete;
    }
    if is_answer(text) {
        return Completeness::Complete;
    }
    if is_open_word(last) {
        return Completeness::Incomplete;
    }
    match (leans_on(text, last), ending) {
        (true, Ending::Closed) => Completeness::Unclear,
        (true, _) => Completeness::Incomplete,
        (false, Ending::Closed) => Completeness::Complete,
        (false, _) => Completeness::Unclear,
    }
}

/// What the punctuation at the end says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// A full stop or exclamation mark.
    Closed,
    Question,
    /// A comma, dash or ellipsis.
    Open,
    Nothing,
}

fn ending(text: &str) -> Ending {
    let text = text.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']', '」', '』', ' ']);
    if text.ends_with("..") {
        return Ending::Open;
    }
    match text.chars().next_back() {
        Some('.' | '!' | '。' | '！' | '।' | '॥' | '۔' | '．' | '｡') => Ending::Closed,
        Some('?' | '？' | '؟' | ';' | '⸮') => Ending::Question,
        Some(',' | ':' | '-' | '–' | '—' | '…' | '，' | '、' | '،' | '：' | '@') => Ending::Open,
        _ => Ending::Nothing,
    }
}

fn is_filler_or_article(word: &str) -> bool {
    is_one_of(word, &["a", "an", "the", "my", "your", "um", "uh", "uhm", "umm", "er", "erm"])
}

fn is_open_word(word: &str) -> bool {
    let has_apostrophe = word.contains(['\'', '’']);
    is_one_of(word, OPEN_WORDS) && (has_apostrophe || !is_one_of(word, NEEDS_APOSTROPHE))
}

/// Whether the last word asks for another, unless it is the particle of the verb before it.
fn leans_on(text: &str, last: &str) -> bool {
    let before = text.unicode_words().rev().nth(1);
    let is_particle = is_one_of(last, PARTICLES) && before.is_some_and(|word| is_one_of(word, BEFORE_PARTICLE));
    is_one_of(last, LEANING_WORDS) && !is_particle
}

/// Whether the text is nothing but short answers.
fn is_answer(text: &str) -> bool {
    let is_phrase = |phrase: &&str| super::same_words(phrase, text);
    let is_short = text.unicode_words().nth(4).is_none();
    ANSWER_PHRASES.iter().any(is_phrase) || (is_short && text.unicode_words().all(|word| is_one_of(word, ANSWER_WORDS)))
}

/// Whether the caller is in the middle of a number, a spelling or an address.
fn is_dictating(text: &str, last: &str) -> bool {
    is_mid_number(text) || is_spelling(text, last) || is_mid_address(text, last)
}

/// Two or more groups of digits, or one after "my number is", with fewer than a telephone number has. "10 30" alone is a
/// time.
fn is_mid_number(text: &str) -> bool {
    let run = trailing_digits(text);
    let cue = || text.unicode_words().any(|word| is_one_of(word, NUMBER_CUES));
    let is_announced = || run.lead.is_some_and(|word| is_one_of(word, &["is", "its", "number", "plus"])) && cue();
    let is_dictated = match run.groups {
        0 => false,
        1 => is_announced(),
        2 if run.is_time => is_announced(),
        _ => true,
    };
    is_dictated && run.digits < WHOLE_NUMBER_DIGITS
}

/// The groups of digits a text ends with.
struct DigitRun<'a> {
    groups: usize,
    digits: usize,
    /// An hour and two digits of minutes.
    is_time: bool,
    /// The word before them.
    lead: Option<&'a str>,
}

fn trailing_digits(text: &str) -> DigitRun<'_> {
    let mut run = DigitRun { groups: 0, digits: 0, is_time: false, lead: None };
    for word in text.unicode_words().rev() {
        let Some(count) = digits_in(word) else {
            run.lead = Some(word);
            break;
        };
        run.is_time = run.groups == 1 && run.digits == 2 && count <= 2;
        run.groups += 1;
        run.digits += count;
    }
    run
}

/// How many digits a word dictates; `None` for another word.
fn digits_in(word: &str) -> Option<usize> {
    if is_one_of(word, DIGIT_WORDS) {
        return Some(1);
    }
    word.chars().all(|c| c.is_numeric()).then(|| word.chars().count())
}

/// Single letters one by one, or "b as in boy".
fn is_spelling(text: &str, last: &str) -> bool {
    let mut before = text.unicode_words().rev().skip(1);
    let (second, third, fourth) = (before.next(), before.next(), before.next());
    let is_letter_by_letter =
        is_letter(last) && second.is_some_and(|word| is_letter(word) || digits_in(word).is_some());
    let is_as_in = second.is_some_and(|word| same_word(word, "in")) && third.is_some_and(|word| same_word(word, "as"));
    let is_for = second.is_some_and(|word| same_word(word, "for")) && third.is_some_and(is_letter);
    is_letter_by_letter || (is_as_in && fourth.is_some_and(is_letter)) || is_for
}

fn is_letter(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next().is_none()
}

/// An e-mail address that still lacks its host or the end of it.
fn is_mid_address(text: &str, last: &str) -> bool {
    let second = text.unicode_words().rev().nth(1);
    if is_one_of(last, MAIL_HOSTS) && second.is_some_and(|word| same_word(word, "at")) {
        return true;
    }
    let is_announced =
        has_pair(text, |a, b| is_one_of(a, &["email", "mail", "address"]) && is_one_of(b, &["is", "its"]));
    let has_host = text.contains('@') || has_pair(text, |a, b| same_word(a, "dot") && b.len() <= 4);
    is_announced && !has_host && text.unicode_words().any(|word| is_one_of(word, &["email", "mail"]))
}

/// Whether any two neighbouring words are such a pair.
fn has_pair(text: &str, is_pair: impl Fn(&str, &str) -> bool) -> bool {
    text.unicode_words().zip(text.unicode_words().skip(1)).any(|(a, b)| is_pair(a, b))
}

#[cfg(test)]
#[path = "completeness_tests.rs"]
mod tests;

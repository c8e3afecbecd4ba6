//! Whether a full stop ends a sentence.
//!
//! Invariant: in doubt it does not. A sentence that is cut late sounds as it should; one that is cut in "Dr. Smith" or
//! "example.com" does not. What follows a full stop is waited for, with one exception: a reply's first clause, where
//! every token is time the caller hears. There a full stop ends the sentence at once after an ordinary word: lower
//! case, four letters or more, no abbreviation, in a sentence that speaks of nothing that has dots in its name.

use super::brackets::{self, Brackets};
use super::{Stage, Verdict, token_before};
use crate::text::words::is_one_of;
use unicode_segmentation::UnicodeSegmentation;

/// Abbreviations after which the sentence goes on, whatever follows.
const NEVER_LAST: &[&str] = &[
    "dr", "mr", "mrs", "ms", "mx", "prof", "st", "sr", "sra", "srta", "hr", "fr", "frau", "mme", "mlle", "gen", "sen",
    "rep", "gov", "capt", "lt", "col", "sgt", "cpt", "rev", "hon", "mt", "vs", "eg", "ie", "zb", "bzw", "ca", "ggf",
    "usw", "approx", "fig", "dept", "est", "ext", "tel", "nr", "núm", "art", "vol", "pp", "cf", "al", "bsp", "evtl",
    "inkl", "ud", "uds", "av", "avda", "apt", "appt", "min", "max", "str",
];

/// Abbreviations that may end a sentence: they do if a capital letter follows.
const MAYBE_LAST: &[&str] = &[
    "etc", "am", "pm", "inc", "ltd", "co", "corp", "jr", "ave", "blvd", "rd", "hrs", "mins", "secs", "jan", "feb",
    "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "tues", "wed", "thu", "thur",
    "thurs", "fri", "sat", "sun", "lb", "lbs", "oz", "ft", "kg", "km", "cm", "mm", "ml",
];

/// Words of a sentence that may name an address or a file.
const DOTTED_TALK: &[&str] = &[
    "visit", "site", "website", "web", "page", "online", "domain", "email", "mail", "address", "link", "url", "http",
    "https", "www", "file", "folder", "document", "open", "click", "browse", "download", "app", "account",
];

/// Words an address may follow.
const BEFORE_ADDRESS: &[&str] =
    &["at", "on", "to", "from", "via", "of", "by", "is", "called", "with", "using", "our", "dot"];

/// The beginnings of what a German ordinal stands before: "am 3. Mai", "im 19. Jahrhundert".
const AFTER_ORDINAL: &[&str] =
    &["jan", "feb", "mär", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez", "jah", "sto", "eta", "kla"];

/// How many spaces are looked past for the next word.
const MOST_SPACES: usize = 8;

/// How many letters make a word that needs no look at the next.
const ORDINARY_LETTERS: usize = 4;

/// Words a voice lingers on, with an ellipsis perhaps: "one moment..."
const PAUSING: &[&str] =
    &["moment", "second", "minute", "well", "think", "know", "maybe", "look", "okay", "sure", "hmmm"];

/// Short words that are no abbreviation of anything.
const SHORT_WORDS: &[&str] = &[
    "yes", "hi", "hey", "ok", "bye", "oh", "you", "it", "me", "us", "him", "her", "now", "day", "too", "way", "all",
    "one", "two", "six", "ten", "in", "on", "up", "out", "off", "do", "so", "sí", "oui", "ja",
];

/// Judges the full stop at the byte `at` of `text`.
pub(super) fn judge(text: &str, at: usize, brackets: Brackets, stage: Stage) -> Verdict {
    let token = token_before(text, at);
    // Decided without a look at what follows, even if it is there: the clauses must not depend on how the tokens were cut.
    if stage == Stage::First && !brackets.is_any_open() && is_ordinary(text.get(..at).unwrap_or_default(), token) {
        return Verdict::Cut(at + 1);
    }
    let Some(run) = end_of_run(text, at + 1) else { return Verdict::Wait };
    match text.get(run.end..).and_then(|rest| rest.chars().next()) {
        None => Verdict::Wait,
        Some('\n') => Verdict::Cut(run.end + 1),
        Some(space) if space.is_whitespace() => {
            let space_end = run.end + space.len_utf8();
            if run.is_ellipsis { Verdict::Cut(space_end) } else { judge_spaced(text, at, token, space_end) }
        }
        Some(_) if run.is_endless => Verdict::Cut(run.end),
        Some(_) => Verdict::GoOn,
    }
}

/// Judges a full stop after `token` that a space follows.
fn judge_spaced(text: &str, at: usize, token: &str, space_end: usize) -> Verdict {
    let letters = token.chars().filter(|c| c.is_alphanumeric()).count();
    if is_listed(token, NEVER_LAST) {
        return Verdict::GoOn;
    }
    if is_listed(token, MAYBE_LAST) {
        return cut_before(text, space_end, char::is_uppercase);
    }
    if is_initials(token) {
        return Verdict::GoOn;
    }
    if is_listed(token, &["no", "nos"]) {
        return cut_before(text, space_end, |c| !c.is_numeric());
    }
    if letters <= 2 && !token.is_empty() && token.chars().all(char::is_numeric) {
        return judge_ordinal(text, at - token.len(), space_end);
    }
    if letters >= ORDINARY_LETTERS || is_listed(token, SHORT_WORDS) {
        return Verdict::Cut(space_end);
    }
    cut_before(text, space_end, |c| !c.is_lowercase())
}

/// "1. Open the door", "am 3. Mai" or "We open at 9. Shall I …": the number begins at the byte `number_at`.
fn judge_ordinal(text: &str, number_at: usize, space_end: usize) -> Verdict {
    let before = text.get(..number_at).unwrap_or_default().trim_end_matches([' ', '\t', '*', '-', '#']);
    if before.is_empty() || before.ends_with('\n') {
        return Verdict::GoOn;
    }
    let next = match next_word(text, space_end) {
        Next::Unknown => return Verdict::Wait,
        Next::Break(end) => return Verdict::Cut(end),
        Next::Word(at, _) => at,
    };
    let word = text.get(next..).unwrap_or_default();
    let begins = |known: &&str| known.chars().zip(word.chars()).all(|(a, b)| b.to_lowercase().eq(a.to_lowercase()));
    let is_short = word.chars().count() < 3;
    match AFTER_ORDINAL.iter().any(begins) {
        true if is_short => Verdict::Wait,
        true => Verdict::GoOn,
        false => cut_before(text, space_end, |c| !c.is_lowercase()),
    }
}

/// Cuts before the next word if its first character is such a one.
fn cut_before(text: &str, space_end: usize, is_start: impl Fn(char) -> bool) -> Verdict {
    match next_word(text, space_end) {
        Next::Unknown => Verdict::Wait,
        Next::Break(end) => Verdict::Cut(end),
        Next::Word(at, c) if is_start(c) => Verdict::Cut(at),
        Next::Word(..) => Verdict::GoOn,
    }
}

/// What follows a full stop and a space.
enum Next {
    /// Not to be seen yet.
    Unknown,
    /// A new line, or more space than there is between words, up to this byte.
    Break(usize),
    /// A word that begins at this byte with this character.
    Word(usize, char),
}

fn next_word(text: &str, from: usize) -> Next {
    let rest = text.get(from..).unwrap_or_default();
    for (n, (at, c)) in rest.char_indices().enumerate() {
        if c == '\n' || n >= MOST_SPACES {
            return Next::Break(from + at + c.len_utf8());
        }
        if !c.is_whitespace() {
            return Next::Word(from + at, c);
        }
    }
    Next::Unknown
}

/// The full stops and closing marks after a full stop.
struct Run {
    end: usize,
    is_ellipsis: bool,
    /// Too many to wait for the last of them.
    is_endless: bool,
}

fn end_of_run(text: &str, from: usize) -> Option<Run> {
    let mut is_ellipsis = false;
    for (n, (at, c)) in text.get(from..)?.char_indices().enumerate() {
        let is_endless = n >= MOST_SPACES;
        if is_endless || !(matches!(c, '.' | '!' | '?' | '…') || brackets::is_closer(c)) {
            return Some(Run { end: from + at, is_ellipsis, is_endless });
        }
        is_ellipsis |= matches!(c, '.' | '…');
    }
    None
}

/// Whether `token`, the last word of the sentence so far, ends it if a full stop follows, whatever comes after.
fn is_ordinary(sentence: &str, token: &str) -> bool {
    let is_plain = token.chars().all(char::is_lowercase) && token.chars().count() >= ORDINARY_LETTERS;
    if !is_plain || [NEVER_LAST, MAYBE_LAST, PAUSING].iter().any(|list| is_listed(token, list)) {
        return false;
    }
    let word_before = sentence.unicode_words().rev().nth(1);
    let is_long = sentence.unicode_words().nth(2).is_some();
    let may_be_address = word_before.is_none_or(|word| is_one_of(word, BEFORE_ADDRESS))
        || sentence.contains(['@', '/', '`'])
        || sentence.unicode_words().any(|word| is_one_of(word, DOTTED_TALK));
    is_long && !may_be_address
}

/// Whether `token` is in `list`, whatever its case and dots: "e.g" is "eg".
fn is_listed(token: &str, list: &[&str]) -> bool {
    let plain = || token.chars().filter(|c| *c != '.').flat_map(char::to_lowercase);
    list.iter().any(|known| plain().eq(known.chars()))
}

/// "J", "U.S", "D.C", but not "I", which ends sentences.
fn is_initials(token: &str) -> bool {
    let is_letter = |part: &str| {
        let mut chars = part.chars();
        chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
    };
    token != "I" && token.split('.').all(is_letter)
}

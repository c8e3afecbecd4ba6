//! What words spoken over the agent are: listening, the agent's own echo, or a bid for the turn.
//!
//! Invariant: allocates nothing, and judges words alone; how loud or long the sound was is the turn machine's matter.
//! The word lists are English with the commonest words of a few neighbours; an unknown word is a bid.

use super::words::{is_one_of, same_word};
use unicode_segmentation::UnicodeSegmentation;

/// What words spoken over the agent are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// No words at all.
    Nothing,
    /// "mm-hmm", "yeah", "okay": listening, not bidding.
    Backchannel,
    /// The agent's own words coming back.
    Echo,
    /// A bid for the turn.
    Bid,
}

/// Words that say "I am listening" by themselves or in a row.
const BACKCHANNELS: &[&str] = &[
    "yeah",
    "yes",
    "yep",
    "yup",
    "ya",
    "okay",
    "ok",
    "kay",
    "right",
    "sure",
    "alright",
    "great",
    "good",
    "nice",
    "cool",
    "fine",
    "wow",
    "really",
    "exactly",
    "true",
    "indeed",
    "perfect",
    "interesting",
    "thanks",
    "gotcha",
    "oh",
    "ooh",
    "ah",
    "aha",
    "ahh",
    "aah",
    "eh",
    "er",
    "erm",
    "ahem",
    "achoo",
    "huh",
    "ha",
    "haha",
    "hahaha",
    "heh",
    "hehe",
    "sí",
    "ja",
    "oui",
    "genau",
    "vale",
    "claro",
    "嗯",
    "好",
    "对",
    "हाँ",
];

/// Backchannels of several words. Longer ones first where one begins with another.
const BACKCHANNEL_PHRASES: &[&str] = &[
    "thank you",
    "i see",
    "got it",
    "of course",
    "all right",
    "go on",
    "go ahead",
    "thats right",
    "thats good",
    "thats great",
    "makes sense",
    "sounds good",
    "no problem",
    "i understand",
    "my god",
];

/// One of these makes anything a bid that is not the agent's own word.
const STOP_WORDS: &[&str] = &[
    "no", "nope", "not", "dont", "stop", "wait", "hold", "hang", "cancel", "actually", "instead", "but", "wrong",
    "sorry", "excuse", "pause", "quiet", "enough",
];

/// More words of listening than this in one breath are impatience.
const MOST_BACKCHANNELS: usize = 5;

/// Fewer words than this are too few to tell an echo from an answer.
const FEWEST_ECHO_WORDS: usize = 3;

/// How many words of the agent may be missing between two words of its echo: an STT drops short ones.
const ECHO_GAP_WORDS: usize = 2;

/// Judges words spoken over the agent, who has just said `agent_text`. Allocates nothing.
///
/// An echo takes at least three words, three in four of them the agent's in their order. Takes time in proportion to the
/// words of both, so give it the recent part of a long speech.
pub fn classify_overlap(text: &str, agent_text: &str) -> Overlap {
    let mut words = spoken_words(text).peekable();
    if words.peek().is_none() {
        return Overlap::Nothing;
    }
    if is_backchannel(text) {
        return Overlap::Backchannel;
    }
    if is_echo(text, agent_text) {
        return Overlap::Echo;
    }
    Overlap::Bid
}

/// Whether a word like "no", "wait" or "stop" is among them: such a one is meant, however short the sound was. Allocates
/// nothing.
pub fn has_stop_word(text: &str) -> bool {
    spoken_words(text).any(|word| is_one_of(word, STOP_WORDS))
}

/// The words of `text` without sounds an STT writes in brackets: "[cough]", "(laughs)", "*sigh*".
fn spoken_words(text: &str) -> impl Iterator<Item = &str> + Clone {
    let mut closing = None;
    text.split_word_bounds().filter(move |piece| {
        let bracket = piece.chars().next().unwrap_or(' ');
        if let Some(close) = closing {
            if bracket == close {
                closing = None;
            }
            return false;
        }
        closing = closing_of(bracket);
        closing.is_none() && piece.contains(char::is_alphanumeric)
    })
}

fn closing_of(bracket: char) -> Option<char> {
    match bracket {
        '[' => Some(']'),
        '(' => Some(')'),
        '<' => Some('>'),
        '*' => Some('*'),
        '♪' => Some('♪'),
        _ => None,
    }
}

/// Whether the words are backchannels and nothing else.
fn is_backchannel(text: &str) -> bool {
    let mut words = spoken_words(text);
    for _ in 0..MOST_BACKCHANNELS {
        if words.clone().next().is_none() {
            return true;
        }
        let after_phrase = BACKCHANNEL_PHRASES.iter().find_map(|phrase| strip_phrase(words.clone(), phrase));
        if let Some(rest) = after_phrase {
            words = rest;
        } else if !words.next().is_some_and(is_backchannel_word) {
            return false;
        }
    }
    words.next().is_none()
}

/// What follows `phrase`, if the words begin with it.
fn strip_phrase<'a, I: Iterator<Item = &'a str>>(mut words: I, phrase: &str) -> Option<I> {
    phrase.split(' ').all(|part| words.next().is_some_and(|word| same_word(word, part))).then_some(words)
}

/// A listed word, or one hummed in whatever spelling: "hm", "mhm", "uhm", "mmhmm".
fn is_backchannel_word(word: &str) -> bool {
    let is_hum = || word.chars().all(|c| matches!(c.to_ascii_lowercase(), 'h' | 'm' | 'u'));
    is_hum() || is_one_of(word, BACKCHANNELS)
}

/// Whether the words are a run of the agent's.
fn is_echo(text: &str, agent_text: &str) -> bool {
    let count = spoken_words(text).count();
    let repeats_as_question = text.trim_end().ends_with('?') && !agent_text.contains('?');
    if count < FEWEST_ECHO_WORDS || repeats_as_question {
        return false;
    }
    let mut agent = agent_text.split_word_bounds().filter(|piece| piece.contains(char::is_alphanumeric));
    loop {
        let matched = matched_words(spoken_words(text), agent.clone());
        if matched.is_some_and(|matched| matched >= FEWEST_ECHO_WORDS && matched * 4 >= count * 3) {
            return true;
        }
        if agent.next().is_none() {
            return false;
        }
    }
}

/// How many of `words` follow each other in `agent` from its first word on; `None` if an unmatched one is a stop word.
fn matched_words<'a>(
    words: impl Iterator<Item = &'a str>,
    mut agent: impl Iterator<Item = &'a str> + Clone,
) -> Option<usize> {
    let mut matched = 0;
    for word in words {
        let reach = if matched == 0 { 1 } else { ECHO_GAP_WORDS + 1 };
        match agent.clone().take(reach).position(|own| same_word(own, word)) {
            Some(skipped) => {
                agent.nth(skipped);
                matched += 1;
            }
            None if is_one_of(word, STOP_WORDS) => return None,
            None => {}
        }
    }
    Some(matched)
}

#[cfg(test)]
#[path = "overlap_tests.rs"]
mod tests;

//! When words sound: from a vendor's seconds and characters to words in samples.
//!
//! Invariant: any arrays of a vendor give words in the order they came, each with an end no earlier than its start;
//! markup is not a word.

use crate::units::SampleRate;

/// Entries a tag may be spread over; one that is longer was none.
const MAX_TAG_ENTRIES: u32 = 8;
/// A word that grows beyond this is cut: no speech has one.
const MAX_WORD_CHARS: usize = 100;

/// A word and when it sounds, in samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimedWord {
    pub(crate) text: String,
    pub(crate) start_samples: u64,
    pub(crate) end_samples: u64,
}

/// The sample at `seconds`; 0 for what is no time.
pub(crate) fn samples_at(rate: SampleRate, seconds: f64) -> u64 {
    (seconds * f64::from(rate.hz())).round() as u64
}

/// Takes the markup out of words, `<break time="1s"/>` say, however it is spread over them.
#[derive(Debug, Default)]
pub(crate) struct TagStripper {
    open_for: Option<u32>,
}

impl TagStripper {
    /// What of the entry is spoken, perhaps nothing.
    pub(crate) fn strip(&mut self, entry: &str) -> String {
        let mut spoken = String::new();
        let mut characters = entry.chars().peekable();
        while let Some(character) = characters.next() {
            let begins = character == '<' && characters.peek().is_some_and(|next| next.is_alphabetic() || *next == '/');
            match (self.open_for, character) {
                (Some(_), '>') => self.open_for = None,
                (None, _) if begins => self.open_for = Some(0),
                (None, _) => spoken.push(character),
                (Some(_), _) => {}
            }
        }
        self.open_for = self.open_for.map(|entries| entries + 1).filter(|entries| *entries < MAX_TAG_ENTRIES);
        spoken.trim().to_owned()
    }
}

/// Builds words from characters with times.
#[derive(Debug, Default)]
pub(crate) struct WordBuilder {
    word: Option<TimedWord>,
    tags: TagStripper,
}

impl WordBuilder {
    /// Takes the next character and when it sounds; gives the words that are complete by that.
    pub(crate) fn push(&mut self, text: &str, start_samples: u64, end_samples: u64) -> Vec<TimedWord> {
        let mut complete = Vec::new();
        if text.chars().all(char::is_whitespace) {
            complete.extend(self.finish());
            return complete;
        }
        if text.chars().all(stands_alone) || self.is_too_long() {
            complete.extend(self.finish());
        }
        let word = self.word.get_or_insert_with(|| TimedWord {
            text: String::new(),
            start_samples,
            end_samples: start_samples,
        });
        word.text.push_str(text);
        word.end_samples = word.end_samples.max(end_samples);
        complete
    }

    /// No character follows, or none of this word.
    pub(crate) fn finish(&mut self) -> Option<TimedWord> {
        let mut word = self.word.take()?;
        word.text = self.tags.strip(&word.text);
        (!word.text.is_empty()).then_some(word)
    }

    fn is_too_long(&self) -> bool {
        self.word.as_ref().is_some_and(|word| word.text.len() >= MAX_WORD_CHARS)
    }
}

/// Whether a character begins a word of its own: Chinese and Japanese put no space between words.
fn stands_alone(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strip(entries: &[&str]) -> Vec<String> {
        let mut tags = TagStripper::default();
        entries.iter().map(|entry| tags.strip(entry)).filter(|word| !word.is_empty()).collect()
    }

    fn words(characters: &str) -> Vec<(String, u64, u64)> {
        let mut builder = WordBuilder::default();
        let mut words = Vec::new();
        for (at, character) in (0..).zip(characters.chars()) {
            words.extend(builder.push(&character.to_string(), at * 10, at * 10 + 10));
        }
        words.extend(builder.finish());
        words.into_iter().map(|word| (word.text, word.start_samples, word.end_samples)).collect()
    }

    #[test]
    fn markup_is_no_word() {
        assert_eq!(strip(&["one", "<break time=\"0.4s\"/>", "two"]), ["one", "two"]);
        assert_eq!(strip(&["<emotion", "value=\"calm\"/>", "so"]), ["so"]);
        assert_eq!(strip(&["<spell>A1</spell>,", "x"]), ["A1,", "x"]);
        assert_eq!(strip(&["3", "<", "5", "a<3"]), ["3", "<", "5", "a<3"]);
    }

    #[test]
    fn a_tag_that_never_ends_takes_few_words_with_it() {
        let entries = ["<oops", "a", "b", "c", "d", "e", "f", "g", "h", "i"];
        assert_eq!(strip(&entries), ["h", "i"]);
    }

    #[test]
    fn words_are_built_from_characters() {
        assert_eq!(words(" One moment. "), [("One".into(), 10, 40), ("moment.".into(), 50, 120)]);
        assert_eq!(words("a <b x=\"1\"/> c").into_iter().map(|word| word.0).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn chinese_and_japanese_come_character_by_character_with_their_punctuation() {
        assert_eq!(words("你好。"), [("你".into(), 0, 10), ("好。".into(), 10, 30)]);
    }

    #[test]
    fn what_is_no_time_is_the_start() {
        assert_eq!(samples_at(SampleRate::Hz24000, 0.5), 12_000);
        assert_eq!(samples_at(SampleRate::Hz24000, -1.0), 0);
        assert_eq!(samples_at(SampleRate::Hz24000, f64::NAN), 0);
    }

    proptest! {
        #[test]
        fn no_word_is_empty_or_backwards(pieces in proptest::collection::vec((".{0,3}", any::<u64>(), any::<u64>()), 0..60)) {
            let mut builder = WordBuilder::default();
            let mut words = Vec::new();
            for (text, start, end) in pieces {
                words.extend(builder.push(&text, start, end));
            }
            words.extend(builder.finish());
            for word in words {
                prop_assert!(!word.text.trim().is_empty() && word.start_samples <= word.end_samples);
            }
        }
    }
}

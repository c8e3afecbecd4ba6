//! A caller's text as words that can be compared: lower case, without punctuation, numbers split from letters.

/// Bytes of a caller's text that are looked at.
const MAX_TEXT_BYTES: usize = 2_000;

/// The words of one caller turn.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// As compared: "don't", "3", "pm", "3:30".
    lower: Vec<String>,
    /// As heard, without punctuation around: "Miller".
    heard: Vec<String>,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let mut words = Self::default();
        for part in bounded(text).split(|c: char| c.is_whitespace() || c == '-' || c == '/') {
            let part = part.trim_matches(|c: char| !c.is_alphanumeric());
            let (number, letters) = part.split_at(part.find(|c: char| !is_numeric(c)).unwrap_or(part.len()));
            // "3pm" is two words, "5th" is one.
            if number.is_empty() || matches!(letters, "" | "st" | "nd" | "rd" | "th") {
                words.push(part);
            } else {
                words.push(number);
                words.push(letters);
            }
        }
        words
    }

    fn push(&mut self, part: &str) {
        if part.is_empty() {
            return;
        }
        let lower = part.to_lowercase().replace('\u{2019}', "'");
        let is_abbreviation = lower.contains('.') && lower.chars().all(|c| c == '.' || c.is_alphabetic());
        self.lower.push(if is_abbreviation { lower.replace('.', "") } else { lower });
        self.heard.push(part.into());
    }

    pub(super) fn len(&self) -> usize {
        self.lower.len()
    }

    /// The word at `index`, or an empty one past the end.
    pub(super) fn at(&self, index: usize) -> &str {
        self.lower.get(index).map_or("", String::as_str)
    }

    /// The word before `index`, or an empty one.
    pub(super) fn before(&self, index: usize) -> &str {
        index.checked_sub(1).map_or("", |before| self.at(before))
    }

    /// The word at `index` as it was heard.
    pub(super) fn heard(&self, index: usize) -> &str {
        self.heard.get(index).map_or("", String::as_str)
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.lower.iter().any(|own| own == word)
    }

    /// Whether the words from `at` on are those of `phrase`.
    pub(super) fn continues_with(&self, at: usize, phrase: &Words) -> bool {
        self.lower.get(at..at + phrase.len()).is_some_and(|own| own == phrase.lower)
    }

    /// Just after the first place where the words of `phrase`, in lower case, stand.
    pub(super) fn end_of(&self, phrase: &[&str]) -> Option<usize> {
        let start = self.lower.windows(phrase.len().max(1)).position(|window| window == phrase)?;
        Some(start + phrase.len())
    }

    /// Whether the word at `index` is said not to be meant: "not Monday", "not on Monday".
    pub(super) fn is_negated(&self, index: usize) -> bool {
        let before = self.before(index);
        let is_joint = matches!(before, "on" | "at" | "for" | "the" | "next" | "this");
        before == "not" || (is_joint && index.checked_sub(1).is_some_and(|joint| self.before(joint) == "not"))
    }
}

fn is_numeric(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, ':' | '.')
}

fn bounded(text: &str) -> &str {
    let end = (0..=text.len().min(MAX_TEXT_BYTES)).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_words() {
        let cases: [(&str, &[&str]); 6] = [
            ("Hello, I'd like 3pm!", &["hello", "i'd", "like", "3", "pm"]),
            ("at 3:30 p.m. on May 5th", &["at", "3:30", "pm", "on", "may", "5th"]),
            ("mm-hmm", &["mm", "hmm"]),
            ("\u{201c}O\u{2019}Brien\u{201d} \u{2026}", &["o'brien"]),
            ("  ", &[]),
            ("10.30, then", &["10.30", "then"]),
        ];
        for (text, expected) in cases {
            assert_eq!(Words::of(text).lower, expected, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let words = Words::of(&"\u{e4}".repeat(5_000));
        assert_eq!((words.len(), words.at(0).len()), (1, MAX_TEXT_BYTES));
    }
}

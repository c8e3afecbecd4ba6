//! The words of the caller's turn: closed segments and the open one.
//!
//! Invariant: an interim replaces the open segment and a final closes it, so no word is held twice; words of the open
//! segment that an earlier turn has already used are never taken again.

use crate::text::{same_words, word_count};
use unicode_segmentation::UnicodeSegmentation;

/// Room for a long turn, so that no word allocates while the agent is being interrupted.
const TEXT_CAPACITY: usize = 4_096;

/// The words so far.
#[derive(Debug)]
pub(super) struct Words {
    text: String,
    closed_len: usize,
    used: String,
}

/// Words given away with their seam, to be taken back should the turn go on.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenWords {
    pub(super) text: String,
    closed_len: usize,
    /// What earlier turns had used of the open segment.
    used_before: String,
}

impl GivenWords {
    /// Forgets the words of the segment that was still open.
    pub(super) fn drop_open(&mut self) {
        self.text.truncate(self.closed_len);
    }

    /// The segment that was still open ends as `segment`.
    pub(super) fn replace_open(&mut self, segment: &str) {
        self.drop_open();
        let own = without_leading_words(segment, &self.used_before);
        append(&mut self.text, own);
    }

    /// The segment that was still open ends with the words it has: what follows is another one.
    pub(super) fn close_open(&mut self) {
        self.closed_len = self.text.len();
        self.used_before.clear();
    }

    /// The part of `segment`, the open one, that is not an earlier turn's.
    pub(super) fn own_part<'a>(&self, segment: &'a str) -> &'a str {
        without_leading_words(segment, &self.used_before)
    }

    /// The words of the segment that was still open.
    pub(super) fn open(&self) -> &str {
        self.text.get(self.closed_len..).unwrap_or_default().trim()
    }
}

impl Words {
    pub(super) fn new() -> Self {
        Self { text: String::with_capacity(TEXT_CAPACITY), closed_len: 0, used: String::with_capacity(TEXT_CAPACITY) }
    }

    /// All words so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The open segment is now `segment`. Says whether the words changed, and not only their dress.
    pub(super) fn set_open(&mut self, segment: &str) -> bool {
        let fresh = without_leading_words(segment, &self.used);
        let open = self.text.get(self.closed_len..).unwrap_or_default();
        let changed = !same_words(open, fresh);
        self.text.truncate(self.closed_len);
        append(&mut self.text, fresh);
        changed
    }

    /// The open segment ends as `segment`. Says whether the words changed.
    pub(super) fn close(&mut self, segment: &str) -> bool {
        let changed = self.set_open(segment);
        self.close_as_is();
        changed
    }

    /// The open segment ends with the words it has.
    pub(super) fn close_as_is(&mut self) {
        self.closed_len = self.text.len();
        self.used.clear();
    }

    /// Adds words that no segment holds (pressed keys); the open segment counts as used.
    pub(super) fn add_closed(&mut self, words: &str) {
        self.note_used();
        append(&mut self.text, words);
        self.closed_len = self.text.len();
    }

    /// Puts the words of an earlier stretch of the same turn before these.
    pub(super) fn put_before(&mut self, earlier: &str) {
        if self.text.is_empty() {
            self.text.push_str(earlier);
            self.closed_len = self.text.len();
            return;
        }
        if earlier.is_empty() {
            return;
        }
        self.text.insert(0, ' ');
        self.text.insert_str(0, earlier);
        self.closed_len += earlier.len() + 1;
        if self.closed_len == earlier.len() + 1 {
            self.closed_len = earlier.len();
        }
    }

    /// Drops all words; what the open segment holds is judged anew with its next text.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.closed_len = 0;
    }

    /// Gives the words to a committed turn.
    pub(super) fn give(&mut self) -> GivenWords {
        let used_before = self.used.clone();
        self.note_used();
        let given = GivenWords { text: self.text.clone(), closed_len: self.closed_len, used_before };
        self.clear();
        given
    }

    /// The words of the open segment are `given`'s no more: its turn is taken back.
    pub(super) fn unuse(&mut self, given: &GivenWords) {
        self.used.clear();
        self.used.push_str(&given.used_before);
    }

    fn note_used(&mut self) {
        let open = self.text.get(self.closed_len..).unwrap_or_default().trim();
        append(&mut self.used, open);
    }
}

fn append(text: &mut String, words: &str) {
    let words = words.trim();
    if !words.contains(char::is_alphanumeric) {
        return;
    }
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(words);
}

/// `text` without the words of `leading` at its start. The STT may have changed its mind about some of them: half of
/// them in place are enough; all of `text` where it starts differently.
fn without_leading_words<'a>(text: &'a str, leading: &str) -> &'a str {
    let count = word_count(leading);
    let in_place = text.unicode_words().zip(leading.unicode_words()).filter(|(a, b)| same_words(a, b)).count();
    if count == 0 || in_place * 2 < count {
        return text;
    }
    let after = text.unicode_word_indices().nth(count).map_or(text.len(), |(at, _)| at);
    text.get(after..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interims_replace_and_finals_close() {
        let mut words = Words::new();
        assert!(words.set_open("book"));
        assert!(words.set_open("book a table"));
        assert!(!words.set_open("book a table"));
        assert!(!words.close("Book a table."));
        assert!(words.set_open("for two"));
        assert_eq!(words.text(), "Book a table. for two");
        assert!(words.close(""));
        assert_eq!(words.text(), "Book a table.");
    }

    #[test]
    fn a_segment_left_open_by_a_committed_turn_is_not_heard_twice() {
        let mut words = Words::new();
        words.close("hello");
        words.set_open("book a table");
        let given = words.give();
        assert_eq!((given.text.as_str(), given.open()), ("hello book a table", "book a table"));
        words.set_open("book a table for two");
        assert_eq!(words.text(), "for two");
        words.close("book a table for two");
        assert_eq!(words.text(), "for two");
        words.set_open("book a table");
        assert_eq!(words.text(), "for two book a table");
    }

    #[test]
    fn a_revised_segment_is_still_known_for_the_one_that_was_used() {
        let table = [
            ("book a cable", "book a table for two", "for two"),
            ("你好", "你好吗", "吗"),
            ("write to bob@example.com", "Write to bob@example.com, please.", "please."),
            ("book a table", "Book a table.", ""),
            ("yes", "no wait", "no wait"),
            ("", "…", ""),
        ];
        for (used, segment, fresh) in table {
            let mut words = Words::new();
            words.set_open(used);
            words.give();
            words.close(segment);
            assert_eq!(words.text(), fresh, "{used} / {segment}");
        }
    }

    #[test]
    fn earlier_words_come_first_and_stay_closed() {
        let mut words = Words::new();
        words.set_open("for two");
        words.put_before("book a table");
        words.set_open("for three");
        assert_eq!(words.text(), "book a table for three");
        let mut none = Words::new();
        none.put_before("book");
        none.set_open("a table");
        assert_eq!(none.text(), "book a table");
    }
}

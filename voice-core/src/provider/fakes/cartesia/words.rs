//! Word times of a context, held until their place has come.

use super::config::{CartesiaFake, TimestampPlace};
use crate::provider::fakes::voice::SpokenWord;
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Words {
    place: TimestampPlace,
    are_wanted: bool,
    untimed: u32,
    count: u32,
    held: VecDeque<SpokenWord>,
    reached: Duration,
}

impl Words {
    pub(super) fn new(config: &CartesiaFake, are_wanted: bool) -> Self {
        let (place, untimed, held) = (config.timestamps, config.untimed_words, VecDeque::new());
        Self { place, are_wanted, untimed, count: 0, held, reached: Duration::ZERO }
    }

    pub(super) fn note(&mut self, word: SpokenWord) {
        self.count += 1;
        if self.are_wanted && self.count.checked_rem(self.untimed) != Some(0) {
            self.held.extend(by_character(word));
        }
    }

    /// So much audio was given.
    pub(super) fn reach(&mut self, made: Duration) {
        self.reached = made;
    }

    /// The words to tell at this place. The end of a piece of text has what is left.
    pub(super) fn due(&mut self, place: TimestampPlace) -> Vec<SpokenWord> {
        match place {
            TimestampPlace::After => self.held.drain(..).collect(),
            _ if place != self.place => Vec::new(),
            TimestampPlace::Before => self.held.drain(..).collect(),
            TimestampPlace::Between => {
                let begun = self.held.iter().take_while(|word| word.start < self.reached).count();
                self.held.drain(..begun).collect()
            }
        }
    }
}

/// Chinese and Japanese are told a character each.
fn by_character(word: SpokenWord) -> Vec<SpokenWord> {
    if !word.text.chars().any(is_ideographic) {
        return vec![word];
    }
    let count = word.text.chars().count().max(1) as u32;
    let each = word.end.saturating_sub(word.start) / count;
    let times = (0u32..).map(|n| (word.start + each * n, word.start + each * (n + 1)));
    word.text.chars().zip(times).map(|(c, (start, end))| SpokenWord { text: c.into(), start, end }).collect()
}

fn is_ideographic(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, start_ms: u64, end_ms: u64) -> SpokenWord {
        let (start, end) = (Duration::from_millis(start_ms), Duration::from_millis(end_ms));
        SpokenWord { text: text.into(), start, end }
    }

    #[test]
    fn words_wait_for_their_place() {
        let config = CartesiaFake { timestamps: TimestampPlace::Between, untimed_words: 3, ..CartesiaFake::default() };
        let mut words = Words::new(&config, true);
        for (n, text) in (0..).zip(["a", "b", "lost", "d"]) {
            words.note(word(text, n * 100, n * 100 + 50));
        }
        assert_eq!(words.due(TimestampPlace::Before), []);
        words.reach(Duration::from_millis(50));
        assert_eq!(words.due(TimestampPlace::Between), [word("a", 0, 50)]);
        assert_eq!(words.due(TimestampPlace::After), [word("b", 100, 150), word("d", 300, 350)]);
    }

    #[test]
    fn ideographs_come_one_by_one() {
        assert_eq!(by_character(word("你好", 0, 100)), [word("你", 0, 50), word("好", 50, 100)]);
    }
}

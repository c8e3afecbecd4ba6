//! Keys the caller presses: one entry is a turn of its own words.
//!
//! Invariant: an entry is complete at `#`, after the gap, or at its longest; it then reads "keys 1 2 3 #" in the turn's text.

use super::machine::Phase;
use super::{EotSource, TurnMachine};
use std::time::Instant;

/// No entry is longer (a card number has 19 digits); the key that reaches it completes it.
const MAX_KEYS: usize = 32;

/// The entry in progress.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pressed: String,
    last_at: Option<Instant>,
}

impl Keys {
    pub(super) fn is_empty(&self) -> bool {
        self.pressed.is_empty()
    }

    /// When the last key of the entry was pressed.
    pub(super) fn last_at(&self) -> Option<Instant> {
        self.last_at
    }

    /// Adds a key and says whether the entry is complete.
    fn press(&mut self, key: char, now: Instant) -> bool {
        self.pressed.push(key);
        self.last_at = Some(now);
        key == '#' || self.pressed.len() >= MAX_KEYS
    }

    /// The entry as words.
    fn take_words(&mut self) -> String {
        self.last_at = None;
        let pressed = std::mem::take(&mut self.pressed);
        pressed.chars().fold(String::from("keys"), |mut words, key| {
            words.push(' ');
            words.push(key);
            words
        })
    }
}

fn is_key(key: char) -> bool {
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')
}

impl TurnMachine {
    pub(super) fn key_pressed(&mut self, key: char) {
        if !is_key(key) {
            return;
        }
        match self.phase {
            Phase::Listening | Phase::Over => {}
            Phase::Speculating(_) => self.discard_guess(),
            Phase::Ending { .. } => self.turn_goes_on(),
            Phase::Replying(_) | Phase::Paused(..) => self.key_over_agent(),
        }
        if self.keys.press(key, self.now) {
            self.keys_complete();
        }
    }

    pub(super) fn keys_complete(&mut self) {
        self.keys_into_words();
        self.end_turn(EotSource::Dtmf);
    }

    /// What was pressed so far becomes words of the turn.
    pub(super) fn keys_into_words(&mut self) {
        if self.keys.is_empty() {
            return;
        }
        let words = self.keys.take_words();
        let position = self.position_now();
        self.floor.add_words(&words, position, self.now);
    }
}

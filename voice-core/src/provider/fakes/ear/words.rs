//! What was understood of the current stretch of speech.

use super::{Ear, FakeTurn};
use crate::stage::SttEvent;
use std::collections::VecDeque;

/// A speaker takes about this long for a word, and it is understood only then.
const WORD_MS: u64 = 300;

/// The words of the current stretch, whatever they come from.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    source: Source,
    /// How its silences are taken.
    turn: FakeTurn,
}

#[derive(Clone, Debug)]
enum Source {
    Script {
        next: VecDeque<FakeTurn>,
        words: Vec<String>,
        /// So many are understood; never fewer again.
        revealed: usize,
    },
    Engine(Heard),
}

/// What an engine has said.
#[derive(Clone, Debug, Default)]
struct Heard {
    /// Words that are final.
    closed: Vec<String>,
    /// Words that are not.
    open: Vec<String>,
    is_settled: bool,
    /// Finals up to here (ms) belong to what was forgotten.
    forgotten_ms: u64,
}

impl Words {
    pub(super) fn new(ear: &Ear) -> Self {
        let source = match ear {
            Ear::Script(turns) => {
                Source::Script { next: turns.iter().cloned().collect(), words: Vec::new(), revealed: 0 }
            }
            Ear::Engine(_) => Source::Engine(Heard::default()),
        };
        Self { source, turn: FakeTurn::new("") }
    }

    /// Speech has begun.
    pub(super) fn begin(&mut self) {
        if let Source::Script { next, words, revealed } = &mut self.source
            && let Some(turn) = next.pop_front()
        {
            *words = split(&turn.text);
            *revealed = 0;
            self.turn = turn;
        }
    }

    /// The speech is over: what comes belongs to another one.
    pub(super) fn forget(&mut self, now_ms: u64) {
        match &mut self.source {
            Source::Script { words, .. } => words.clear(),
            Source::Engine(heard) => *heard = Heard { forgotten_ms: now_ms, ..Heard::default() },
        }
    }

    /// The sound goes on.
    pub(super) fn unsettle(&mut self) {
        if let Source::Engine(heard) = &mut self.source {
            heard.is_settled = false;
        }
    }

    /// How the silences of this speech are taken.
    pub(crate) fn turn(&self) -> &FakeTurn {
        &self.turn
    }

    /// Whether nothing better is to be expected before the sound goes on.
    pub(crate) fn is_settled(&self) -> bool {
        match &self.source {
            Source::Script { .. } => true,
            Source::Engine(heard) => heard.is_settled,
        }
    }

    /// The words understood after so much speech; all of them once it `pauses`.
    pub(super) fn after(&mut self, loud_ms: u64, pauses: Pauses) -> Vec<String> {
        match &mut self.source {
            Source::Engine(heard) => heard.closed.iter().chain(&heard.open).cloned().collect(),
            Source::Script { words, revealed, .. } => {
                let spoken = match pauses {
                    Pauses::Yes => words.len(),
                    Pauses::No => (loud_ms / WORD_MS).max(1) as usize,
                };
                *revealed = spoken.max(*revealed);
                words.iter().take(*revealed).cloned().collect()
            }
        }
    }

    /// What the engine says. Does nothing to a script.
    pub(super) fn note(&mut self, event: SttEvent) {
        let Source::Engine(heard) = &mut self.source else { return };
        match event {
            SttEvent::StartOfTurn { text } | SttEvent::Interim { text } | SttEvent::EagerEndOfTurn { text } => {
                heard.open = split(&text);
            }
            SttEvent::Final { text, end } => heard.close(&text, Some(end.0 / 16)),
            SttEvent::EndOfTurn { text, end } => heard.close(&text, end.map(|end| end.0 / 16)),
            _ => {}
        }
    }
}

/// Whether the speaker pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pauses {
    Yes,
    No,
}

impl Heard {
    fn close(&mut self, text: &str, end_ms: Option<u64>) {
        self.open.clear();
        if end_ms.is_none_or(|end_ms| end_ms > self.forgotten_ms) {
            self.closed.extend(split(text));
            self.is_settled = true;
        }
    }
}

fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::scripted::StandInStt;
    use crate::units::Position;
    use std::sync::Arc;

    #[test]
    fn a_script_is_understood_as_it_is_spoken() {
        let mut words = Words::new(&Ear::Script(vec![FakeTurn::new("Book a table for four.")]));
        assert!(words.after(1_000, Pauses::No).is_empty());
        words.begin();
        assert_eq!(words.after(120, Pauses::No), ["Book"]);
        assert_eq!(words.after(900, Pauses::No), ["Book", "a", "table"]);
        assert_eq!(words.after(120, Pauses::Yes).len(), 5);
        assert_eq!(words.after(900, Pauses::No).len(), 5, "never fewer");
        words.forget(2_000);
        words.begin();
        assert!(words.after(900, Pauses::Yes).is_empty(), "the script is over");
    }

    #[test]
    fn an_engine_settles_with_a_final_and_late_finals_are_not_of_the_next_turn() {
        let mut words = Words::new(&Ear::Engine(Arc::new(StandInStt::default())));
        words.note(SttEvent::Interim { text: "Book a".into() });
        assert_eq!((words.after(0, Pauses::No).len(), words.is_settled()), (2, false));
        words.note(SttEvent::Final { text: "Book a table.".into(), end: Position(16_000) });
        assert_eq!((words.after(0, Pauses::No).len(), words.is_settled()), (3, true));
        words.unsettle();
        words.note(SttEvent::Interim { text: "For".into() });
        assert_eq!((words.after(0, Pauses::Yes).len(), words.is_settled()), (4, false));
        words.forget(2_000);
        words.note(SttEvent::Final { text: "For four.".into(), end: Position(31_000) });
        assert!(words.after(0, Pauses::Yes).is_empty() && !words.is_settled());
    }
}

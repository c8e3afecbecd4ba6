//! Which intent a caller's words are nearest to.

use super::script::Intent;
use super::words::Words;
use std::collections::HashMap;

/// The phrases of all intents by their first word, so that a turn is compared with the few that may fit.
#[derive(Debug)]
pub(super) struct Phrases {
    by_first_word: HashMap<String, Vec<Phrase>>,
}

#[derive(Debug)]
struct Phrase {
    words: Words,
    intent: usize,
    score: u64,
}

impl Phrases {
    pub(super) fn of(intents: &[Intent]) -> Self {
        let mut by_first_word: HashMap<String, Vec<Phrase>> = HashMap::new();
        for (intent, spec) in intents.iter().enumerate() {
            for phrase in &spec.phrases {
                let words = Words::of(phrase);
                let score = words.len() as u64 * u64::from(spec.weight);
                by_first_word.entry(words.at(0).into()).or_default().push(Phrase { words, intent, score });
            }
        }
        Self { by_first_word }
    }

    /// The intent with the highest sum of words in common times weight; of equals the first of the script.
    pub(super) fn best(&self, words: &Words) -> Option<usize> {
        let mut scores: HashMap<usize, u64> = HashMap::new();
        for at in 0..words.len() {
            let candidates = self.by_first_word.get(words.at(at)).map_or(&[][..], Vec::as_slice);
            for phrase in candidates.iter().filter(|phrase| words.continues_with(at, &phrase.words)) {
                *scores.entry(phrase.intent).or_default() += phrase.score;
            }
        }
        scores.into_iter().max_by_key(|(intent, score)| (*score, std::cmp::Reverse(*intent))).map(|(intent, _)| intent)
    }
}

//! What one reply has used so far, by engine.
//!
//! Invariant: a generation is counted once, when it is over or given up; a clause when an engine is handed it, and its
//! rest again where another one is.

use super::Stage;
use super::cost::{Cost, DiscardedUse, add_tokens};
use super::engines::Engines;
use crate::stage::{Handed, TokenUsage};

/// The bill of a reply.
#[derive(Debug)]
pub(super) struct Bill {
    cost: Cost,
    model: String,
    generation: Option<Generation>,
    voice: String,
    voice_named: Named,
}

/// Whether the stream has said who serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Named {
    #[default]
    No,
    Yes,
}

#[derive(Debug, Default)]
struct Generation {
    named: Named,
    deltas: u64,
    reported: Option<TokenUsage>,
}

impl Bill {
    /// A reply whose engines are those that serve now, unless its streams say otherwise.
    pub(super) fn new(engines: &Engines) -> Self {
        Self {
            cost: Cost::default(),
            model: engines.name(Stage::Llm).to_owned(),
            generation: None,
            voice: engines.name(Stage::Tts).to_owned(),
            voice_named: Named::No,
        }
    }

    pub(super) fn generation_begins(&mut self) {
        self.generation_ends();
        self.generation = Some(Generation::default());
    }

    /// The model's stream says whom it asks: all it gives from here on is of that one.
    pub(super) fn model_is(&mut self, engine: &str) {
        if self.generation.as_ref().is_some_and(|generation| generation.named == Named::Yes) {
            self.generation_begins();
        }
        engine.clone_into(&mut self.model);
        if let Some(generation) = &mut self.generation {
            generation.named = Named::Yes;
        }
    }

    pub(super) fn delta(&mut self) {
        if let Some(generation) = &mut self.generation {
            generation.deltas += 1;
        }
    }

    pub(super) fn tokens(&mut self, usage: TokenUsage) {
        if let Some(generation) = &mut self.generation {
            add_tokens(generation.reported.get_or_insert_default(), usage);
        }
    }

    /// The generation is over or given up.
    pub(super) fn generation_ends(&mut self) {
        let Some(generation) = self.generation.take() else { return };
        self.cost.note(Stage::Llm, &self.model, |account| {
            account.generations += 1;
            account.deltas += generation.deltas;
            match generation.reported {
                Some(usage) => add_tokens(&mut account.tokens, usage),
                None => {
                    account.unreported_generations += 1;
                    account.unreported_deltas += generation.deltas;
                }
            }
        });
    }

    /// A clause was handed to the voice.
    pub(super) fn clause(&mut self, clause: &str) {
        self.characters(clause.chars().count() as u64);
    }

    /// The voice's stream says who speaks.
    pub(super) fn voice_is(&mut self, engine: &str) {
        match std::mem::replace(&mut self.voice_named, Named::Yes) {
            Named::No => self.rename_voice(engine),
            Named::Yes => engine.clone_into(&mut self.voice),
        }
    }

    /// The voice is over and says which engines were handed what: they know better than what was counted here.
    pub(super) fn handed(&mut self, handed: &[Handed]) {
        self.cost.engines.iter_mut().for_each(|account| account.characters = 0);
        for Handed { engine, characters } in handed {
            self.cost.note(Stage::Tts, engine, |account| account.characters += characters);
        }
    }

    /// The first name goes for clauses that were handed over before it was known, too.
    fn rename_voice(&mut self, engine: &str) {
        if self.voice == engine {
            return;
        }
        let mut counted = 0;
        self.cost.note(Stage::Tts, &self.voice, |account| counted = std::mem::take(&mut account.characters));
        engine.clone_into(&mut self.voice);
        self.characters(counted);
    }

    fn characters(&mut self, characters: u64) {
        if characters > 0 {
            self.cost.note(Stage::Tts, &self.voice, |account| account.characters += characters);
        }
    }

    /// The reply is over. `discarded` says that it was a guess which nobody heard.
    pub(super) fn close(mut self, kept: Kept) -> Cost {
        self.generation_ends();
        if kept == Kept::Discarded {
            for account in &mut self.cost.engines {
                account.discarded = DiscardedUse {
                    generations: account.generations,
                    tokens: account.tokens,
                    llm_deltas: account.deltas,
                    characters: account.characters,
                };
            }
        }
        self.cost.engines.retain(|account| account.generations + account.characters > 0);
        self.cost
    }
}

/// Whether a reply was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Used,
    /// A guess that nobody heard.
    Discarded,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::cost::EngineUse;

    fn usage(output_tokens: u64) -> TokenUsage {
        TokenUsage { input_tokens: 100, cached_tokens: 10, output_tokens }
    }

    fn account<'a>(cost: &'a Cost, engine: &str) -> &'a EngineUse {
        cost.engines.iter().find(|account| account.engine == engine).unwrap()
    }

    #[test]
    fn each_engine_is_billed_for_what_it_was_asked() {
        let mut bill = Bill::new(&Engines::named("ears", "mind", "voice"));
        bill.generation_begins();
        bill.model_is("mind A");
        bill.model_is("mind B");
        bill.delta();
        bill.tokens(usage(7));
        bill.clause("Well. ");
        bill.voice_is("voice A");
        bill.clause("Then so.");
        bill.voice_is("voice B");
        let handed = |engine: &str, characters| Handed { engine: engine.into(), characters };
        bill.handed(&[handed("voice A", 6), handed("voice B", 16)]);
        let cost = bill.close(Kept::Used);
        let (a, b) = (account(&cost, "mind A"), account(&cost, "mind B"));
        assert_eq!((a.generations, a.unreported_generations, a.deltas), (1, 1, 0));
        assert_eq!((b.generations, b.unreported_generations, b.deltas, b.tokens), (1, 0, 1, usage(7)));
        assert_eq!((account(&cost, "voice A").characters, account(&cost, "voice B").characters), (6, 16));
        assert_eq!(cost.engines.len(), 4, "the guessed names have used nothing");
        assert_eq!((cost.tts_characters(), cost.discarded_tts_characters()), (22, 0));
    }

    #[test]
    fn a_discarded_guess_is_counted_apart_and_in_all() {
        let mut bill = Bill::new(&Engines::named("ears", "mind", "voice"));
        bill.generation_begins();
        bill.delta();
        bill.delta();
        bill.clause("For two?");
        let guess = bill.close(Kept::Discarded);
        let mut cost = guess.clone();
        cost.add(guess);
        let mind = account(&cost, "mind");
        assert_eq!((mind.generations, mind.unreported_deltas, mind.discarded.llm_deltas), (2, 4, 4));
        assert_eq!((cost.tts_characters(), cost.discarded_tts_characters()), (16, 16));
    }

    #[test]
    fn engines_beyond_those_that_are_told_apart_are_counted_into_the_last() {
        let mut cost = Cost::default();
        for n in 0..Cost::MAX_ENGINES + 4 {
            cost.note(Stage::Tts, &format!("voice {n}"), |account| account.characters += 1);
        }
        assert_eq!((cost.engines.len(), cost.tts_characters()), (Cost::MAX_ENGINES, Cost::MAX_ENGINES as u64 + 4));
    }
}

//! What a call used, by engine.
//!
//! Invariant: all that was used is counted exactly once, at the engine that was asked. What only the vendor could know,
//! the tokens of a generation that was cut off, is not guessed: its pieces of text are counted apart.

use super::Stage;
use crate::stage::TokenUsage;

/// What a call used of its stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// What each engine was used for, in the order in which they were first asked. At most [`Cost::MAX_ENGINES`]; the use
    /// of further ones is counted into the last.
    pub engines: Vec<EngineUse>,
}

/// What a call used of one engine. What does not concern its stage is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineUse {
    /// As what it served.
    pub stage: Stage,
    /// Its name: vendor and model.
    pub engine: String,
    /// STT: the audio it was given, silence and audio given again after a break included.
    pub audio_ms: u64,
    /// LLM: how often it was asked, discarded guesses included.
    pub generations: u64,
    /// LLM: tokens as it reported them, discarded guesses included.
    pub tokens: TokenUsage,
    /// LLM: pieces of text it gave; about one a token.
    pub deltas: u64,
    /// LLM: generations that ended without a report: cut off, broken, or the engine gives none.
    pub unreported_generations: u64,
    /// LLM: pieces of text of those; about one a token.
    pub unreported_deltas: u64,
    /// TTS: characters handed to it, discarded ones included.
    pub characters: u64,
    /// What of this was for speculative replies that were discarded.
    pub discarded: DiscardedUse,
}

/// What speculation used for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiscardedUse {
    /// Generations.
    pub generations: u64,
    /// Tokens, where they were reported before.
    pub tokens: TokenUsage,
    /// Pieces of text the model gave; about one a token.
    pub llm_deltas: u64,
    /// Characters handed to the TTS.
    pub characters: u64,
}

impl Cost {
    /// How many engines are told apart: more than any list of engines is long.
    pub const MAX_ENGINES: usize = 16;

    /// Tokens of all models, where they report them.
    pub fn tokens(&self) -> TokenUsage {
        let mut sum = TokenUsage::default();
        self.engines.iter().for_each(|engine| add_tokens(&mut sum, engine.tokens));
        sum
    }

    /// Characters handed to the TTS.
    pub fn tts_characters(&self) -> u64 {
        self.engines.iter().map(|engine| engine.characters).sum()
    }

    /// Audio given to the STT.
    pub fn stt_audio_ms(&self) -> u64 {
        self.engines.iter().map(|engine| engine.audio_ms).sum()
    }

    /// Pieces of text the model gave for speculative replies that were discarded; about one a token.
    pub fn discarded_llm_deltas(&self) -> u64 {
        self.engines.iter().map(|engine| engine.discarded.llm_deltas).sum()
    }

    /// Characters handed to the TTS for them.
    pub fn discarded_tts_characters(&self) -> u64 {
        self.engines.iter().map(|engine| engine.discarded.characters).sum()
    }

    /// Notes something at an engine's account.
    pub(super) fn note(&mut self, stage: Stage, engine: &str, note: impl FnOnce(&mut EngineUse)) {
        let known = self.engines.iter().position(|account| account.stage == stage && account.engine == engine);
        if known.is_none() && self.engines.len() < Self::MAX_ENGINES {
            self.engines.push(EngineUse::new(stage, engine));
        }
        let at = known.unwrap_or(self.engines.len().saturating_sub(1));
        if let Some(account) = self.engines.get_mut(at) {
            note(account);
        }
    }

    /// Adds all of `other`. Allocates nothing where its engines are known.
    pub(super) fn add(&mut self, other: Self) {
        for used in other.engines {
            self.note(used.stage, &used.engine, |account| account.add(&used));
        }
    }
}

impl EngineUse {
    fn add(&mut self, other: &Self) {
        self.audio_ms += other.audio_ms;
        self.generations += other.generations;
        add_tokens(&mut self.tokens, other.tokens);
        self.deltas += other.deltas;
        self.unreported_generations += other.unreported_generations;
        self.unreported_deltas += other.unreported_deltas;
        self.characters += other.characters;
        self.discarded.generations += other.discarded.generations;
        add_tokens(&mut self.discarded.tokens, other.discarded.tokens);
        self.discarded.llm_deltas += other.discarded.llm_deltas;
        self.discarded.characters += other.discarded.characters;
    }

    fn new(stage: Stage, engine: &str) -> Self {
        Self {
            stage,
            engine: engine.to_owned(),
            audio_ms: 0,
            generations: 0,
            tokens: TokenUsage::default(),
            deltas: 0,
            unreported_generations: 0,
            unreported_deltas: 0,
            characters: 0,
            discarded: DiscardedUse::default(),
        }
    }
}

pub(super) fn add_tokens(sum: &mut TokenUsage, usage: TokenUsage) {
    sum.input_tokens = sum.input_tokens.saturating_add(usage.input_tokens);
    sum.cached_tokens = sum.cached_tokens.saturating_add(usage.cached_tokens);
    sum.output_tokens = sum.output_tokens.saturating_add(usage.output_tokens);
}

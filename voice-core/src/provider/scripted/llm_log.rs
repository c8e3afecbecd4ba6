//! The record of what a scripted language model was asked, and of what became of it.

use super::clock::lock;
use crate::stage::{LlmEvent, LlmRequest, StageError};
use std::sync::{Arc, Mutex};

/// Generations a log keeps; later ones are only counted.
const MAX_GENERATIONS: usize = 10_000;

/// What became of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationEnd {
    /// It is not over.
    Running,
    /// It was read to its end.
    Complete,
    /// It broke by script.
    Failed,
    /// Its stream was dropped before the end: cancelled.
    Dropped,
}

/// One generation.
#[derive(Clone, Debug)]
pub struct Generation {
    /// What was asked.
    pub request: LlmRequest,
    /// How many tokens were read.
    pub tokens: usize,
    /// What became of it.
    pub end: GenerationEnd,
}

/// The record of a [`super::ScriptedLlm`]. Cheap to clone. Keeps the first 10 000 generations.
#[derive(Clone, Debug, Default)]
pub struct LlmLog(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    count: usize,
    generations: Vec<Generation>,
}

impl LlmLog {
    /// Every generation so far, in order.
    pub fn generations(&self) -> Vec<Generation> {
        lock(&self.0).generations.clone()
    }

    /// How many generations were asked for.
    pub fn count(&self) -> usize {
        lock(&self.0).count
    }

    /// Tokens read from generations that were dropped before their end.
    pub fn discarded_tokens(&self) -> usize {
        let dropped = |generation: &&Generation| generation.end == GenerationEnd::Dropped;
        lock(&self.0).generations.iter().filter(dropped).map(|generation| generation.tokens).sum()
    }

    pub(super) fn begin(&self, request: LlmRequest) -> LogEntry {
        let mut record = lock(&self.0);
        let index = record.count;
        record.count += 1;
        if index < MAX_GENERATIONS {
            record.generations.push(Generation { request, tokens: 0, end: GenerationEnd::Running });
        }
        LogEntry { log: self.clone(), index, end: GenerationEnd::Running }
    }
}

/// One generation's line in the record; dropping it before the end is a cancellation.
pub(super) struct LogEntry {
    log: LlmLog,
    index: usize,
    end: GenerationEnd,
}

impl LogEntry {
    /// A line in no record.
    pub(super) fn unrecorded() -> Self {
        Self { log: LlmLog::default(), index: 0, end: GenerationEnd::Running }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end != GenerationEnd::Running
    }

    pub(super) fn note(&mut self, item: &Result<LlmEvent, StageError>) {
        match item {
            Ok(LlmEvent::Delta(_)) => self.update(|generation| generation.tokens += 1),
            Ok(LlmEvent::Done(_)) => self.close(GenerationEnd::Complete),
            Err(_) => self.close(GenerationEnd::Failed),
            Ok(_) => {}
        }
    }

    pub(super) fn close(&mut self, end: GenerationEnd) {
        self.end = end;
        self.update(|generation| generation.end = end);
    }

    fn update(&self, change: impl FnOnce(&mut Generation)) {
        if let Some(generation) = lock(&self.log.0).generations.get_mut(self.index) {
            change(generation);
        }
    }
}

impl Drop for LogEntry {
    fn drop(&mut self) {
        if !self.is_over() {
            self.close(GenerationEnd::Dropped);
        }
    }
}

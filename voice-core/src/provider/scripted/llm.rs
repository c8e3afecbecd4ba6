//! The scripted language model, and the record of what was asked and what became of it.

use super::clock::{Schedule, lock};
use super::llm_script::{LlmConfig, LlmFault, LlmReply};
use super::rng::Rng;
use crate::stage::{Fault, FinishReason, Llm, LlmEvent, LlmRequest, LlmStream, StageError};
use futures::{StreamExt, stream};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ENGINE: &str = "the scripted LLM";

/// Generations a log keeps; later ones are only counted.
const MAX_GENERATIONS: usize = 10_000;

/// A language model that says what its script says.
pub struct ScriptedLlm {
    config: LlmConfig,
    answer: Box<Answer>,
    log: LlmLog,
}

type Answer = dyn Fn(&LlmRequest, usize) -> LlmReply + Send + Sync;

impl ScriptedLlm {
    /// Gives `replies` in order, one a generation (a speculative one counts too), and starts over after the last.
    /// Without replies every generation is empty.
    pub fn new(config: LlmConfig, replies: Vec<LlmReply>) -> Self {
        Self::with(config, move |_, index| {
            let index = index.checked_rem(replies.len()).unwrap_or_default();
            replies.get(index).cloned().unwrap_or_default()
        })
    }

    /// Asks `answer` for the reply to a request; its second argument counts the generations from 0.
    pub fn with(config: LlmConfig, answer: impl Fn(&LlmRequest, usize) -> LlmReply + Send + Sync + 'static) -> Self {
        Self { config, answer: Box::new(answer), log: LlmLog::default() }
    }

    /// What was asked, and what became of it.
    pub fn log(&self) -> LlmLog {
        self.log.clone()
    }
}

impl fmt::Debug for ScriptedLlm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedLlm").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Llm for ScriptedLlm {
    fn generate(&self, request: LlmRequest) -> LlmStream {
        let index = self.log.count();
        let reply = (self.answer)(&request, index);
        let jitter_ms = Rng::stream(self.config.seed, index as u64).up_to(self.config.jitter_ms);
        let entry = self.log.begin(request);
        Box::pin(play(reply, &self.config, jitter_ms, entry))
    }
}

/// Plays one reply; `entry` is told of every event and of the end.
pub(super) fn play(
    reply: LlmReply,
    config: &LlmConfig,
    jitter_ms: u64,
    entry: LogEntry,
) -> impl futures::Stream<Item = Result<LlmEvent, StageError>> + Send + use<> {
    let speaker = Speaker {
        tail: tail_of(&reply),
        fault: reply.fault,
        tokens: reply.tokens,
        given: 0,
        first_token: Duration::from_millis(config.first_token_ms + jitter_ms),
        token: Duration::from_millis(config.token_ms),
        schedule: Schedule::default(),
        entry,
    };
    stream::unfold(speaker, |mut speaker| async {
        let item = speaker.next().await?;
        speaker.entry.note(&item);
        Some((item, speaker))
    })
    .fuse()
}

fn tail_of(reply: &LlmReply) -> VecDeque<LlmEvent> {
    let reason = if reply.tool_calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
    let calls = reply.tool_calls.iter().cloned().map(LlmEvent::ToolCall);
    calls.chain(reply.usage.map(LlmEvent::Usage)).chain([LlmEvent::Done(reason)]).collect()
}

struct Speaker {
    tokens: Vec<String>,
    tail: VecDeque<LlmEvent>,
    fault: Option<LlmFault>,
    given: usize,
    first_token: Duration,
    token: Duration,
    schedule: Schedule,
    entry: LogEntry,
}

impl Speaker {
    async fn next(&mut self) -> Option<Result<LlmEvent, StageError>> {
        if self.entry.is_over() {
            return None;
        }
        if self.given == 0 || self.token_at(self.given).is_some() {
            let delay = if self.given == 0 { self.first_token } else { self.token_delay() };
            self.schedule.wait(delay).await;
        }
        match self.fault {
            Some(LlmFault::ErrorAfter(count)) if count == self.given => return Some(Err(self.scripted_error())),
            Some(LlmFault::StallAfter(count)) if count == self.given => std::future::pending().await,
            Some(LlmFault::BreakAfter(count)) if count == self.given => {
                self.entry.close(GenerationEnd::Failed);
                return None;
            }
            _ => {}
        }
        if let Some(token) = self.token_at(self.given) {
            self.given += 1;
            return Some(Ok(LlmEvent::Delta(token)));
        }
        // Past the tokens: a reply without any must not wait for its first token again.
        self.first_token = Duration::ZERO;
        self.tail.pop_front().map(Ok)
    }

    fn token_at(&self, index: usize) -> Option<String> {
        match self.fault {
            Some(LlmFault::Endless) => self.tokens.get(index.checked_rem(self.tokens.len())?).cloned(),
            _ => self.tokens.get(index).cloned(),
        }
    }

    fn token_delay(&self) -> Duration {
        match self.fault {
            Some(LlmFault::Endless) => self.token.max(Duration::from_millis(1)),
            _ => self.token,
        }
    }

    fn scripted_error(&self) -> StageError {
        let reason = format!("the script says so after {} tokens", self.given);
        StageError::Stream { engine: ENGINE, reason, fault: Fault::Engine }
    }
}

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

/// The record of a [`ScriptedLlm`]. Cheap to clone. Keeps the first 10 000 generations.
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

    fn is_over(&self) -> bool {
        self.end != GenerationEnd::Running
    }

    fn note(&mut self, item: &Result<LlmEvent, StageError>) {
        match item {
            Ok(LlmEvent::Delta(_)) => self.update(|generation| generation.tokens += 1),
            Ok(LlmEvent::Done(_)) => self.close(GenerationEnd::Complete),
            Err(_) => self.close(GenerationEnd::Failed),
            Ok(_) => {}
        }
    }

    fn close(&mut self, end: GenerationEnd) {
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

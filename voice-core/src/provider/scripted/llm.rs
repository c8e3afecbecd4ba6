//! The scripted language model.

use super::clock::Schedule;
use super::llm_log::{GenerationEnd, LlmLog, LogEntry};
use super::llm_script::{LlmConfig, LlmFault, LlmReply};
use super::rng::Rng;
use crate::stage::{Fault, FinishReason, Llm, LlmEvent, LlmRequest, LlmStream, StageError};
use futures::{StreamExt, stream};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

const ENGINE: &str = "the scripted LLM";

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
        first_token: Duration::from_millis(config.first_token_ms.saturating_add(jitter_ms)),
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

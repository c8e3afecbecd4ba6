//! Language models in order: the first that begins to answer gives the answer.

use super::FallbackConfig;
use super::choice::{Choice, error_of_all};
use super::health::{Candidate, Rest};
use crate::provider::clock;
use crate::stage::{FinishReason, Llm, LlmEvent, LlmRequest, LlmStream, StageError};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Several language models as one. A generation asks them in order, those that failed lately last, until one begins to
/// answer; each has a time for it, but not the last of those that are worth asking.
///
/// A model that breaks off in mid-answer is not followed by another: models asked to go on where another stopped tend to
/// begin anew, and the caller would hear it twice. Where its words end a sentence the answer ends there; else its error
/// is the generation's.
#[derive(Clone)]
pub struct FallbackLlm {
    choice: Choice<dyn Llm>,
}

impl FallbackLlm {
    /// Engines in the order in which they are preferred.
    ///
    /// # Errors
    /// [`StageError::Open`] if there is none.
    pub fn new(engines: Vec<Arc<dyn Llm>>, config: FallbackConfig) -> Result<Self, StageError> {
        Ok(Self { choice: Choice::new(engines, config, |engine| engine.name())? })
    }
}

impl Llm for FallbackLlm {
    fn generate(&self, request: LlmRequest) -> LlmStream {
        let generation = Generation {
            candidates: self.choice.order(),
            choice: self.choice.clone(),
            request,
            asked: None,
            errors: Vec::new(),
            over: Over::No,
        };
        stream::unfold(generation, |mut generation| async { generation.next().await.map(|item| (item, generation)) })
            .fuse()
            .boxed()
    }

    /// The first engine's; events say when it is another's.
    fn name(&self) -> &str {
        &self.choice.first
    }

    fn warm(&self) -> BoxFuture<'static, ()> {
        let next = self.choice.order().pop_front().and_then(|candidate| self.choice.engine(candidate.at));
        next.map_or_else(|| std::future::ready(()).boxed(), |engine| engine.warm())
    }
}

struct Generation {
    choice: Choice<dyn Llm>,
    request: LlmRequest,
    candidates: VecDeque<Candidate>,
    asked: Option<Asked>,
    errors: Vec<StageError>,
    over: Over,
}

#[derive(PartialEq, Eq)]
enum Over {
    No,
    Yes,
}

/// The engine that is asked.
struct Asked {
    at: usize,
    stream: LlmStream,
    /// Until when it must have begun to answer.
    deadline: Option<Instant>,
    answer: Answer,
}

/// What it has given.
enum Answer {
    Nothing,
    /// The end of the text so far.
    Words(String),
    /// A function was called: words alone are no whole answer.
    ToolCalls,
}

/// As much of the text's end as tells whether it ends a sentence.
const TAIL_CHARS: usize = 16;

impl Generation {
    async fn next(&mut self) -> Option<Result<LlmEvent, StageError>> {
        loop {
            if self.over == Over::Yes {
                return None;
            }
            let Some(asked) = &mut self.asked else { return Some(self.ask_next()) };
            match asked.next(&self.choice.config).await {
                Ok(event) => {
                    if let Some(event) = self.take(event) {
                        return Some(Ok(event));
                    }
                }
                Err(error) => {
                    if let Some(end) = self.broke(error) {
                        return Some(end);
                    }
                }
            }
        }
    }

    /// Asks the next engine, or says that there is none.
    fn ask_next(&mut self) -> Result<LlmEvent, StageError> {
        let next = self.candidates.pop_front().map(|candidate| candidate.at);
        let Some((at, engine)) = next.and_then(|at| Some((at, self.choice.engine(at)?))) else {
            self.over = Over::Yes;
            return Err(error_of_all(std::mem::take(&mut self.errors)));
        };
        let another = self.candidates.iter().any(|candidate| candidate.rest == Rest::Awake);
        let wait = Duration::from_millis(self.choice.config.first_token_ms);
        let deadline = clock::now().checked_add(wait).filter(|_| another);
        self.asked =
            Some(Asked { at, stream: engine.generate(self.request.clone()), deadline, answer: Answer::Nothing });
        Ok(LlmEvent::Serving(self.choice.serving(at)))
    }

    /// Notes what an event means; an empty piece means nothing.
    fn take(&mut self, event: LlmEvent) -> Option<LlmEvent> {
        let asked = self.asked.as_mut()?;
        let had_nothing = matches!(asked.answer, Answer::Nothing);
        match &event {
            LlmEvent::Delta(text) if text.is_empty() => return None,
            LlmEvent::Delta(text) => asked.answer.add(text),
            LlmEvent::ToolCall(_) => asked.answer = Answer::ToolCalls,
            LlmEvent::Done(_) => self.over = Over::Yes,
            LlmEvent::Serving(_) | LlmEvent::Usage(_) => return Some(event),
        }
        asked.deadline = None;
        if had_nothing {
            self.choice.works(asked.at);
        }
        Some(event)
    }

    /// The engine failed: how the generation ends, unless another is asked.
    fn broke(&mut self, error: StageError) -> Option<Result<LlmEvent, StageError>> {
        let asked = self.asked.take()?;
        self.choice.failed(asked.at, &error);
        match asked.answer {
            Answer::Nothing => {
                self.errors.push(error);
                None
            }
            Answer::Words(tail) if ends_a_sentence(&tail) => {
                self.over = Over::Yes;
                Some(Ok(LlmEvent::Done(FinishReason::Stop)))
            }
            Answer::Words(_) | Answer::ToolCalls => {
                self.over = Over::Yes;
                Some(Err(error))
            }
        }
    }
}

impl Asked {
    async fn next(&mut self, config: &FallbackConfig) -> Result<LlmEvent, StageError> {
        let item = match self.deadline {
            Some(deadline) => {
                let waited = Duration::from_millis(config.first_token_ms);
                let late = StageError::Stalled { engine: "the model", waited };
                tokio::time::timeout_at(deadline, self.stream.next()).await.map_err(|_| late)?
            }
            None => self.stream.next().await,
        };
        item.unwrap_or(Err(StageError::Ended { engine: "the model" }))
    }
}

impl Answer {
    fn add(&mut self, text: &str) {
        match self {
            Self::Nothing => *self = Self::Words(tail(text)),
            Self::Words(words) => {
                words.push_str(text);
                *words = tail(words);
            }
            Self::ToolCalls => {}
        }
    }
}

fn tail(text: &str) -> String {
    let from = text.char_indices().rev().nth(TAIL_CHARS - 1).map_or(0, |(at, _)| at);
    text.get(from..).unwrap_or_default().to_owned()
}

/// Whether the words can stand as they are: they end with a full stop or its like, quotes and brackets aside.
fn ends_a_sentence(text: &str) -> bool {
    let closing = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '*');
    text.trim_end_matches(closing).ends_with(['.', '!', '?', '…', '。', '！', '？', '．'])
}

#[cfg(test)]
#[path = "llm_tests.rs"]
mod tests;

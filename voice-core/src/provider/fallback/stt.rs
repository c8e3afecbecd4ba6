//! STTs in order: the first that opens listens, until its stream breaks.

use super::FallbackConfig;
use super::choice::{Choice, error_of_all};
use crate::stage::{StageError, Stt, SttEvent, SttSession};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::sync::Arc;

/// Several STTs as one. Each opening asks them in order, those that failed lately last; a stream that breaks is the
/// break of its engine, and whoever opens the next gets another one. What was said meanwhile is theirs to give again.
#[derive(Clone)]
pub struct FallbackStt {
    choice: Choice<dyn Stt>,
}

impl FallbackStt {
    /// Engines in the order in which they are preferred.
    ///
    /// # Errors
    /// [`StageError::Open`] if there is none.
    pub fn new(engines: Vec<Arc<dyn Stt>>, config: FallbackConfig) -> Result<Self, StageError> {
        Ok(Self { choice: Choice::new(engines, config, |engine| engine.name())? })
    }
}

impl Stt for FallbackStt {
    /// The first engine's; events say when it is another's.
    fn name(&self) -> &str {
        &self.choice.first
    }

    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        open_any(self.choice.clone()).boxed()
    }
}

async fn open_any(choice: Choice<dyn Stt>) -> Result<SttSession, StageError> {
    let mut errors = Vec::new();
    for candidate in choice.order() {
        let Some(engine) = choice.engine(candidate.at) else { continue };
        match choice.clone().opened(candidate.at, "the STT", engine.open()).await {
            Ok(session) => return Ok(watched(session, choice, candidate.at)),
            Err(error) => {
                choice.failed(candidate.at, &error);
                errors.push(error);
            }
        }
    }
    Err(error_of_all(errors))
}

/// The session, which says first who listens, and whose fate is its engine's.
fn watched(session: SttSession, choice: Choice<dyn Stt>, at: usize) -> SttSession {
    let SttSession { feed, events } = session;
    let serving = stream::iter([Ok(SttEvent::Serving(choice.serving(at)))]);
    let state = Watched { choice, at, works: Works::NotYet };
    let events = stream::unfold((events, state), |(mut events, mut state)| async {
        let item = events.next().await;
        state.note(item.as_ref());
        item.map(|item| (item, (events, state)))
    });
    SttSession { feed, events: serving.chain(events).fuse().boxed() }
}

struct Watched {
    choice: Choice<dyn Stt>,
    at: usize,
    works: Works,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Works {
    NotYet,
    Yes,
}

impl Watched {
    fn note(&mut self, item: Option<&Result<SttEvent, StageError>>) {
        match item {
            Some(Ok(_)) if self.works == Works::NotYet => {
                self.works = Works::Yes;
                self.choice.works(self.at);
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => self.choice.failed(self.at, error),
            None => self.choice.failed(self.at, &StageError::Ended { engine: "the STT" }),
        }
    }
}

#[cfg(test)]
#[path = "stt_tests.rs"]
mod tests;

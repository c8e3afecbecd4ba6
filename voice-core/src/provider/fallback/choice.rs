//! The list of engines with their health, shared by all calls that one value serves.

use super::FallbackConfig;
use super::health::{Candidate, Health};
use crate::provider::clock;
use crate::stage::{Fault, Serving, StageError};
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// The engines of one stage.
pub(super) struct Choice<E: ?Sized> {
    engines: Arc<[Arc<E>]>,
    health: Arc<Mutex<Health>>,
    pub(super) config: FallbackConfig,
    /// The name of the first one, which stands for all until another is asked.
    pub(super) first: String,
}

impl<E: ?Sized> Clone for Choice<E> {
    fn clone(&self) -> Self {
        Self {
            engines: Arc::clone(&self.engines),
            health: Arc::clone(&self.health),
            config: self.config.clone(),
            first: self.first.clone(),
        }
    }
}

impl<E: ?Sized> Choice<E> {
    pub(super) fn new(engines: Vec<Arc<E>>, config: FallbackConfig, name: fn(&E) -> &str) -> Result<Self, StageError> {
        let names: Vec<String> = engines.iter().map(|engine| name(engine).to_owned()).collect();
        let Some(first) = names.first().cloned() else {
            let reason = "it has no engine: give it at least one".to_owned();
            return Err(StageError::Open { engine: "the fallback", reason, fault: Fault::Configuration });
        };
        let health = Arc::new(Mutex::new(Health::new(names, &config)));
        Ok(Self { engines: engines.into(), health, config, first })
    }

    pub(super) fn engine(&self, at: usize) -> Option<&Arc<E>> {
        self.engines.get(at)
    }

    pub(super) fn len(&self) -> usize {
        self.engines.len()
    }

    /// In which order to ask now.
    pub(super) fn order(&self) -> VecDeque<Candidate> {
        self.with_health(|health| health.order(clock::now().into_std())).into()
    }

    pub(super) fn failed(&self, at: usize, why: &StageError) {
        let engine = self.serving(at).engine;
        tracing::warn!(engine, error = %why, "an engine failed");
        self.with_health(|health| health.failed(at, why.clone(), clock::now().into_std()));
    }

    /// Waits until an engine is open, as long as that may take. What it says is for the caller to note.
    pub(super) async fn opened<T>(
        self,
        at: usize,
        stage: &'static str,
        open: BoxFuture<'static, Result<T, StageError>>,
    ) -> Result<T, StageError> {
        let waited = self.config.open_deadline();
        let mut attempt = Attempt { choice: self, at, stage, since: Some(clock::now()) };
        let opened = tokio::time::timeout(waited, open).await;
        attempt.since = None;
        opened.unwrap_or(Err(StageError::Stalled { engine: stage, waited }))
    }

    pub(super) fn works(&self, at: usize) {
        self.with_health(|health| health.works(at));
    }

    pub(super) fn serving(&self, at: usize) -> Serving {
        self.with_health(|health| health.serving(at))
    }

    fn with_health<T>(&self, f: impl FnOnce(&mut Health) -> T) -> T {
        f(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An engine that is being opened. Whoever waits for the list as a whole may give up first: then the one that was being
/// asked has failed, or the next try would wait for it again. A call that ends while it opens says nothing of it.
struct Attempt<E: ?Sized> {
    choice: Choice<E>,
    at: usize,
    stage: &'static str,
    /// Nothing once it is over.
    since: Option<Instant>,
}

impl<E: ?Sized> Drop for Attempt<E> {
    fn drop(&mut self) {
        let Some(since) = self.since else { return };
        let waited = clock::now().saturating_duration_since(since);
        if waited >= self.choice.config.open_deadline() / 2 {
            self.choice.failed(self.at, &StageError::Stalled { engine: self.stage, waited });
        }
    }
}

/// The error of a list of which every engine failed: the last, unless it says that trying again is useless and another
/// of them does not, or wants to be asked later than another of them.
pub(super) fn error_of_all(errors: Vec<StageError>) -> StageError {
    let worth_a_retry =
        errors.iter().rev().filter(|error| error.is_retryable()).min_by_key(|error| error.retry_after());
    let worth_a_retry = worth_a_retry.or(errors.last());
    worth_a_retry.cloned().unwrap_or(StageError::Ended { engine: "the fallback" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_list_that_failed_is_tried_again_as_soon_as_its_least_busy_engine_allows() {
        let busy = |s| StageError::Busy {
            engine: "busy",
            reason: "a test".into(),
            fault: Fault::Overload,
            retry_after: Duration::from_secs(s),
        };
        let refused = StageError::Open { engine: "x", reason: "a test".into(), fault: Fault::Configuration };
        let ended = |engine| StageError::Ended { engine };
        assert_eq!(error_of_all(vec![ended("A"), ended("B"), busy(9), refused.clone()]), ended("B"));
        assert_eq!(error_of_all(vec![busy(3), busy(9), refused.clone()]), busy(3));
        assert_eq!(error_of_all(vec![refused.clone()]), refused);
    }
}

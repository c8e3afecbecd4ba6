//! The list of engines with their health, shared by all calls that one value serves.

use super::FallbackConfig;
use super::health::{Candidate, Health};
use crate::provider::clock;
use crate::stage::{Fault, Serving, StageError};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

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

/// The error of a list of which every engine failed: the last, unless it says that trying again is useless and another
/// of them does not.
pub(super) fn error_of_all(errors: Vec<StageError>) -> StageError {
    let worth_a_retry = errors.iter().rev().find(|error| error.is_retryable()).or(errors.last());
    worth_a_retry.cloned().unwrap_or(StageError::Ended { engine: "the fallback" })
}

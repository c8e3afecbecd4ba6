//! Who may start a call.
//!
//! Invariant: an admitted call holds its place from the answer to the request until its last message is written, so
//! that there are never more than the limit and shutdown waits for each.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The places for calls.
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    calls: TaskTracker,
}

/// A place for a call; given back on drop.
pub(crate) struct Admitted {
    _place: OwnedSemaphorePermit,
    _call: TaskTrackerToken,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("all places for calls are taken; try again later")]
    Full,
    #[error("the server is shutting down; try another one")]
    Draining,
    #[error("what is said in calls could not be kept now; try another server")]
    NotKept,
}

impl Refusal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Draining => "draining",
            Self::NotKept => "not_kept",
        }
    }
}

impl Admission {
    pub(crate) fn new(max_calls: usize) -> Self {
        let places = Arc::new(Semaphore::new(max_calls.min(Semaphore::MAX_PERMITS)));
        Self { places, calls: TaskTracker::new() }
    }

    /// Takes a place.
    pub(crate) fn admit(&self) -> Result<Admitted, Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => Refusal::Full,
            TryAcquireError::Closed => Refusal::Draining,
        })?;
        Ok(Admitted { _place: place, _call: self.calls.token() })
    }

    /// Whether a call would be admitted now.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.places.is_closed() {
            return Err(Refusal::Draining);
        }
        if self.places.available_permits() == 0 { Err(Refusal::Full) } else { Ok(()) }
    }

    /// Admits nobody any more.
    pub(crate) fn close(&self) {
        self.places.close();
        self.calls.close();
    }

    /// Ready once closed and every call is over.
    pub(crate) async fn emptied(&self) {
        self.calls.wait().await;
    }

    /// Calls that are not over.
    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn there_are_never_more_calls_than_places() {
        let admission = Admission::new(1);
        let first = admission.admit();
        assert!(first.is_ok());
        assert_eq!((admission.admit().err(), admission.check()), (Some(Refusal::Full), Err(Refusal::Full)));
        drop(first);
        assert_eq!(admission.check(), Ok(()));
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn a_closed_door_waits_for_those_inside() {
        let admission = Admission::new(2);
        let inside = admission.admit();
        admission.close();
        assert_eq!((admission.admit().err(), admission.check()), (Some(Refusal::Draining), Err(Refusal::Draining)));
        assert!(admission.emptied().now_or_never().is_none());
        drop(inside);
        assert!(admission.emptied().now_or_never().is_some());
    }
}

//! Keeping the way to the model ready while the caller speaks.
//!
//! Invariant: one attempt at a time, bounded in time; nobody waits for it and its failure is the generation's to tell.

use crate::stage::Llm;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::task::{Context, Poll};
use std::time::Duration;

/// An attempt that takes longer helps no reply that begins soon.
const WARM_DEADLINE: Duration = Duration::from_secs(5);

/// The attempt of one call that is under way.
#[derive(Default)]
pub(super) struct Warmth {
    attempt: Option<BoxFuture<'static, ()>>,
}

impl Warmth {
    /// A generation may follow soon.
    pub(super) fn begin(&mut self, llm: &dyn Llm) {
        if self.attempt.is_none() {
            let warm = llm.warm();
            self.attempt = Some(tokio::time::timeout(WARM_DEADLINE, warm).map(drop).boxed());
        }
    }

    /// Lets the attempt go on. Cancellation safe.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        if self.attempt.as_mut().is_some_and(|attempt| attempt.poll_unpin(cx) != Poll::Pending) {
            self.attempt = None;
        }
    }
}

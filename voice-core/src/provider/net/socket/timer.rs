//! A deadline that is armed, put off and called off.

use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Fires once each time it was armed and not called off.
pub(super) struct Timer {
    after: Duration,
    sleep: Pin<Box<Sleep>>,
    armed: bool,
}

impl Timer {
    /// A timer that is not armed.
    pub(super) fn new(after: Duration) -> Self {
        Self { after, sleep: Box::pin(sleep(after)), armed: false }
    }

    /// Fires after the whole time from now on, however long of it had passed.
    pub(super) fn arm(&mut self) {
        self.sleep.set(sleep(self.after));
        self.armed = true;
    }

    /// Arms it unless it is armed already.
    pub(super) fn arm_once(&mut self) {
        if !self.armed {
            self.arm();
        }
    }

    pub(super) fn call_off(&mut self) {
        self.armed = false;
    }

    pub(super) fn is_armed(&self) -> bool {
        self.armed
    }

    /// How long it waits.
    pub(super) fn after(&self) -> Duration {
        self.after
    }

    /// Waits for it, for ever while it is not armed. Cancellation safe.
    pub(super) async fn fired(&mut self) {
        if !self.armed {
            std::future::pending::<()>().await;
        }
        self.sleep.as_mut().await;
        self.armed = false;
    }
}

//! The time by which deadlines are told: the runtime's, so that tests may simulate it.
#![expect(clippy::disallowed_methods, reason = "deadlines of requests are absolute: they span tries and polls")]

use tokio::time::Instant;

/// Now.
pub(super) fn now() -> Instant {
    Instant::now()
}

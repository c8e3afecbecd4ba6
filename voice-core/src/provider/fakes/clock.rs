//! Time for the fakes: delays of faults, and what a vendor does after so long without input.
#![expect(clippy::disallowed_methods, reason = "a fake server paces itself; its clock is tokio's")]

use std::time::Duration;
use tokio::time::Instant;

/// The instant `delay` from now.
pub(super) fn after(delay: Duration) -> Instant {
    Instant::now() + delay
}

//! Where the engines' rest is told time.
#![expect(clippy::disallowed_methods, reason = "rest is measured across calls; everything else is given its instants")]

use std::time::Instant;

/// The instant now, by tokio's clock.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

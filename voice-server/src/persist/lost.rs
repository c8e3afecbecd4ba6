//! The task that ends the calls of servers that are gone for good.
//!
//! Invariant: it waits for nothing but the database, and ends no call of this server: of those that its last run left its start
//! takes care, and those of this run it holds, whatever the clocks say.

use crate::store::{Orphans, SystemStore};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::sleep;
use tracing::{info, warn};
use uuid::Uuid;

/// How often it is looked for such calls.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Ends calls for all tenants.
pub(super) struct Lost {
    pub(super) store: Arc<dyn SystemStore>,
    /// This server.
    pub(super) this: Uuid,
    /// No server holds a call that began longer ago.
    pub(super) lost_after: Duration,
}

impl Lost {
    /// Never ends. Cancellation safe: what was not ended is found again.
    pub(super) async fn run(self) {
        loop {
            self.end(OffsetDateTime::now_utc()).await;
            sleep(LOOK_EVERY).await;
        }
    }

    async fn end(&self, now: OffsetDateTime) {
        let age = time::Duration::try_from(self.lost_after).unwrap_or(time::Duration::MAX);
        let Some(begun_before) = now.checked_sub(age) else { return };
        match self.store.end_orphans(Orphans::OfOthers { this: self.this, begun_before }, now).await {
            Ok(0) => {}
            Ok(calls) => info!(calls, "ended calls that servers which are gone left running"),
            Err(error) => warn!(%error, "calls that servers which are gone left running go on: trying again later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::testing::ScriptedStore;

    const LOST_AFTER: Duration = Duration::from_secs(90_000);

    #[tokio::test(start_paused = true)]
    async fn calls_of_servers_that_are_gone_are_ended_at_once_and_every_hour() {
        let store = Arc::new(ScriptedStore::default());
        let lost = Lost { store: Arc::clone(&store) as _, this: Uuid::nil(), lost_after: LOST_AFTER };
        let two_hours = LOOK_EVERY * 2 + Duration::from_secs(1);
        tokio::time::timeout(two_hours, lost.run()).await.unwrap_err();
        assert_eq!(store.lost_after(), [LOST_AFTER; 3].map(|age| time::Duration::try_from(age).unwrap()));
    }
}

//! The task that ends the calls that nobody holds: of servers that are gone for good, and of this one.
//!
//! Invariant: it waits for nothing but the database, and ends no call that this server holds, whichever way its clock is set.
//! It can be wrong only of a call whose end is still to be written, and that end holds then.

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
    /// When it was started: before any call of this run.
    pub(super) started_at: OffsetDateTime,
    /// No server holds a call that began longer ago.
    pub(super) lost_after: Duration,
}

impl Lost {
    /// Never ends. Cancellation safe: what was not ended is found again.
    pub(super) async fn run(self) {
        let mut up = Duration::ZERO;
        loop {
            let now = OffsetDateTime::now_utc();
            let begun_before = now.saturating_sub(whole(self.lost_after));
            self.end(Orphans::OfOthers { this: self.this, begun_before }, now).await;
            sleep(LOOK_EVERY).await;
            up += LOOK_EVERY;
            // Not before: what the last run left in the journal is written first, and may be their ends.
            let now = OffsetDateTime::now_utc();
            let begun_before = self.held_since(up, now);
            self.end(Orphans::LeftBy { server: self.this, begun_before }, now).await;
        }
    }

    /// This server holds no call that began earlier: its last run did, or it is older than any call, by the wall clock and
    /// by how long this run is `up` at least. A clock that is set ahead is none that anybody lived through.
    fn held_since(&self, up: Duration, now: OffsetDateTime) -> OffsetDateTime {
        let by_run = self.started_at.saturating_add(whole(up.saturating_sub(self.lost_after)));
        let by_clock = now.saturating_sub(whole(self.lost_after));
        by_run.min(by_clock).max(self.started_at)
    }

    async fn end(&self, which: Orphans, now: OffsetDateTime) {
        match self.store.end_orphans(which, now).await {
            Ok(0) => {}
            Ok(calls) => info!(calls, ?which, "ended calls that nobody holds"),
            Err(error) => warn!(%error, ?which, "calls that nobody holds go on: trying again later"),
        }
    }
}

/// When a call that is answered at `now` begins: not before its run, since what began earlier is ended as what an earlier
/// run left.
pub(super) fn begins(now: OffsetDateTime, run_started_at: OffsetDateTime) -> OffsetDateTime {
    whole_micros(now).max(run_started_at)
}

/// To the microsecond, which is as exactly as every store keeps it.
pub(super) fn whole_micros(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.microsecond() * 1_000).unwrap_or(at)
}

fn whole(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::testing::ScriptedStore;

    const LOST_AFTER: Duration = Duration::from_secs(90_000);

    fn lost(store: &Arc<ScriptedStore>, started_at: OffsetDateTime) -> Lost {
        Lost { store: Arc::clone(store) as _, this: Uuid::nil(), started_at, lost_after: LOST_AFTER }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_servers_that_are_gone_are_ended_at_once_and_every_hour() {
        let store = Arc::new(ScriptedStore::default());
        let two_hours = LOOK_EVERY * 2 + Duration::from_secs(1);
        tokio::time::timeout(two_hours, lost(&store, OffsetDateTime::now_utc()).run()).await.unwrap_err();
        assert_eq!(store.lost_after(), [whole(LOST_AFTER); 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_ended_at_the_start_is_ended_within_the_hour() {
        let (store, started_at) = (Arc::new(ScriptedStore::default()), OffsetDateTime::now_utc());
        let two_hours = LOOK_EVERY * 2 + Duration::from_secs(1);
        tokio::time::timeout(two_hours, lost(&store, started_at).run()).await.unwrap_err();
        assert_eq!(store.left_before(), [started_at; 2]);
    }

    #[test]
    fn a_call_of_this_run_is_lost_once_it_is_older_than_any_and_never_because_a_clock_was_set() {
        let started_at = OffsetDateTime::UNIX_EPOCH + time::Duration::days(1_000);
        let lost = lost(&Arc::default(), started_at);
        let hours = |hours: u32| LOOK_EVERY * hours;
        let held_since = |up, clock: time::Duration| lost.held_since(up, started_at + clock) - started_at;
        assert_eq!(held_since(hours(30), whole(hours(30))), whole(hours(5)));
        assert_eq!(held_since(hours(25), whole(hours(25))), time::Duration::ZERO);
        assert_eq!(held_since(hours(30), time::Duration::days(9_000)), whole(hours(5)), "ahead");
        let back = time::Duration::days(-900);
        assert_eq!(held_since(hours(60), back), time::Duration::ZERO, "back");
        assert_eq!(begins(started_at + back, started_at), started_at, "also one that is answered then");
    }
}

//! How long a tenant has talked this month.
//!
//! Invariant: the store is asked once in a while and not for every call: what it said is believed for 15 s, so that a
//! tenant goes over its minutes by no more than its calls of that time; and it is asked once at a time of each tenant: whoever
//! else wants to know waits for the answer.

use super::clock;
use crate::principal::TenantId;
use crate::shares::Shares;
use crate::store::Stored;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::{Date, Month, OffsetDateTime};
use tokio::time::Instant;

/// How long an answer is believed.
const BELIEVED: Duration = Duration::from_secs(15);

/// What the store said of each tenant lately.
pub(super) struct Minutes {
    said: Mutex<HashMap<TenantId, (Duration, Instant)>>,
    /// Who asks.
    asking: Shares,
}

impl Default for Minutes {
    fn default() -> Self {
        Self { said: Mutex::default(), asking: Shares::new(1) }
    }
}

impl Minutes {
    /// How long the calls of `tenant` lasted since the month of `now` began, which is what `ask` is asked for. Cancellation
    /// safe as far as `ask` is.
    pub(super) async fn talked(
        &self,
        tenant: TenantId,
        now: OffsetDateTime,
        ask: impl AsyncFnOnce(OffsetDateTime) -> Stored<Duration>,
    ) -> Stored<Duration> {
        if let Some(talked) = self.believed(tenant) {
            return Ok(talked);
        }
        let _asking = self.asking.take(tenant).await;
        // Whoever asked meanwhile asked for those who waited, too.
        if let Some(talked) = self.believed(tenant) {
            return Ok(talked);
        }
        let talked = ask(start_of_month(now)).await?;
        self.lock().insert(tenant, (talked, clock::now()));
        Ok(talked)
    }

    fn believed(&self, tenant: TenantId) -> Option<Duration> {
        let (now, mut said) = (clock::now(), self.lock());
        said.retain(|_, (_, at)| now.saturating_duration_since(*at) < BELIEVED);
        said.get(&tenant).map(|(talked, _)| *talked)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, (Duration, Instant)>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start_of_month(now: OffsetDateTime) -> OffsetDateTime {
    let first = now.to_offset(time::UtcOffset::UTC).date().replace_day(1);
    first.unwrap_or(now.date()).midnight().assume_utc()
}

/// How long it is until the next month begins.
pub(super) fn until_next_month(now: OffsetDateTime) -> Duration {
    let first = start_of_month(now).date();
    let (year, month) = match first.month() {
        Month::December => (first.year() + 1, Month::January),
        month => (first.year(), month.next()),
    };
    let next = Date::from_calendar_date(year, month, 1).unwrap_or(first).midnight().assume_utc();
    Duration::try_from(next - now).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::cell::Cell;
    use time::format_description::well_known::Rfc3339;
    use tokio::task::yield_now;
    use uuid::Uuid;

    fn at(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_while_somebody_asks_gets_that_answer() {
        let (minutes, asked, now) = (Minutes::default(), Cell::new(0), at("2026-03-01T00:00:00Z"));
        let talked = |tenant| {
            minutes.talked(TenantId(Uuid::from_u128(tenant)), now, async |_| {
                asked.set(asked.get() + 1);
                yield_now().await;
                Ok(Duration::from_secs(7))
            })
        };
        let answers = join_all([1, 1, 1, 2, 1].map(talked)).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(talked) if talked.as_secs() == 7)));
        assert_eq!(asked.get(), 2, "once for each tenant");
    }

    #[test]
    fn a_month_is_the_calendars_in_utc() {
        assert_eq!(start_of_month(at("2026-02-28T23:59:59Z")), at("2026-02-01T00:00:00Z"));
        assert_eq!(start_of_month(at("2026-03-01T00:30:00+01:00")), at("2026-02-01T00:00:00Z"));
        for (now, left_s) in
            [("2026-12-31T23:59:00Z", 60), ("2026-02-28T00:00:00Z", 86_400), ("2028-02-28T00:00:00Z", 172_800)]
        {
            assert_eq!(until_next_month(at(now)), Duration::from_secs(left_s), "{now}");
        }
    }
}

//! How long a tenant has talked this month.
//!
//! Invariant: the store is asked once in a while and not for every call: what it said is believed for 15 s, so that a
//! tenant goes over its minutes by no more than its calls of that time; and it is asked once at a time of each tenant: whoever
//! else wants to know waits for the answer.

use super::believed::{Believed, Lives};
use super::error::AuthError;
use crate::principal::TenantId;
use std::time::Duration;
use time::{Date, Month, OffsetDateTime};

/// A failure is shared by whoever asks soon after, so that those who wait do not find it out one after the other.
const LIVES: Lives = Lives { answer: Duration::from_secs(15), failure: Duration::from_secs(1) };

/// What the store said of each tenant lately.
pub(super) struct Minutes(Believed<TenantId, Duration>);

impl Default for Minutes {
    fn default() -> Self {
        Self(Believed::new(LIVES))
    }
}

impl Minutes {
    /// How long the calls of `tenant` lasted since the month of `now` began, which is what `ask` is asked for. Cancellation
    /// safe.
    ///
    /// # Errors
    /// That of `ask`.
    pub(super) async fn talked<F>(
        &self,
        tenant: TenantId,
        now: OffsetDateTime,
        ask: impl FnOnce(OffsetDateTime) -> F,
    ) -> Result<Duration, AuthError>
    where
        F: Future<Output = Result<Duration, AuthError>> + Send + 'static,
    {
        self.0.get(tenant, || ask(start_of_month(now))).await
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
    use tokio::time::sleep;
    use uuid::Uuid;

    fn at(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_store_fails_all_who_wait_and_who_come_soon_are_told_at_once() {
        let (minutes, asked, now) = (Minutes::default(), Cell::new(0), at("2026-03-01T00:00:00Z"));
        let talked = |_| {
            minutes.talked(TenantId(Uuid::nil()), now, |_| {
                asked.set(asked.get() + 1);
                async {
                    sleep(Duration::from_secs(5)).await;
                    Err(AuthError::NoStore)
                }
            })
        };
        assert!(join_all([(); 9].map(talked)).await.iter().all(Result::is_err));
        assert_eq!(asked.get(), 1);
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

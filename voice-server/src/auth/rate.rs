//! How often each of many may ask.
//!
//! Invariant: what one does at its bound changes nothing for another. Those who have not asked lately have no entry, so that
//! memory is bounded by how many ask within a moment. What is asked, and by whom, is not known here.

use super::clock;
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use std::hash::Hash;
use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Beyond so many entries those of whoever has not asked lately are dropped, and again when there are twice as many as were
/// left: dropping costs no request more than another.
const MAX_IDLE: usize = 1_000;

/// A token bucket for each key.
pub(super) struct Rate<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, HashMapStateStore<K>, AuthClock, NoOpMiddleware<Moment>>,
    max_entries: AtomicUsize,
}

/// The bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooOften {
    /// When it is worth trying again.
    pub(super) retry_after: Duration,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    /// `per_second` in the long run, at least one; twice as many may come at once.
    pub(super) fn new(per_second: u32) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second));
        let quota = quota.allow_burst(at_least_one(per_second.saturating_mul(2)));
        Self { limiter: RateLimiter::hashmap_with_clock(quota, AuthClock), max_entries: AtomicUsize::new(MAX_IDLE) }
    }

    /// Counts one that `key` asks for.
    pub(super) fn take(&self, key: &K) -> Result<(), TooOften> {
        self.forget();
        self.limiter.check_key(key).map_err(|until| too_often(&until))
    }

    fn forget(&self) {
        if self.limiter.len() > self.max_entries.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            self.max_entries.store(MAX_IDLE.max(2 * self.limiter.len()), Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.limiter.len()
    }
}

fn too_often(until: &NotUntil<Moment>) -> TooOften {
    TooOften { retry_after: until.wait_time_from(AuthClock.now()) }
}

/// The clock that tokens' lives are counted on.
#[derive(Clone, Debug)]
struct AuthClock;

/// A time on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Instant);

impl Clock for AuthClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(clock::now())
    }
}

impl Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, time: Nanos) -> Self {
        Self(self.0 + Duration::from(time))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, time: Nanos) -> Self {
        Self(self.0.checked_sub(time.into()).unwrap_or(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn twice_a_second_is_four_at_once_and_then_one_each_half_second() {
        let rate = Rate::new(2);
        assert!((0..4).all(|_| rate.take(&"ann").is_ok()));
        let too_often = rate.take(&"ann").unwrap_err();
        assert!(too_often.retry_after > Duration::ZERO && too_often.retry_after <= Duration::from_millis(500));
        assert!(rate.take(&"bob").is_ok(), "another's bound is another's");
        advance(Duration::from_millis(500)).await;
        assert!(rate.take(&"ann").is_ok());
        assert!(rate.take(&"ann").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_not_asked_lately_is_forgotten_and_who_is_at_the_bound_is_not() {
        let rate = Rate::new(1);
        (0..=MAX_IDLE).for_each(|key| assert!(rate.take(&key).is_ok()));
        advance(Duration::from_secs(3)).await;
        assert!((0..2).all(|_| rate.take(&0).is_ok()));
        assert!(rate.take(&0).is_err());
        assert!(rate.entries() <= 2, "{}", rate.entries());
    }
}

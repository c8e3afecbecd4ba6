//! How often somebody may ask.
//!
//! Invariant: in any stretch of time no more is admitted than the burst and one for each interval of it, whatever was asked
//! before. It is given its instants and knows neither who asks nor what becomes of what is not admitted.

use std::time::{Duration, Instant};

/// Whether a request is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    TooFast,
}

/// The pace of one who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    every: Duration,
    /// How far ahead of time what was admitted may reach.
    ahead: Duration,
    /// What was admitted would reach until here if it had come one each interval.
    spent_until: Instant,
}

impl Pace {
    /// `burst` at once, and one more for each `every`.
    pub(crate) fn new(burst: u32, every: Duration, now: Instant) -> Self {
        Self { every, ahead: every.saturating_mul(burst.saturating_sub(1)), spent_until: now }
    }

    /// Counts a request.
    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        if self.spent_until > now + self.ahead {
            return Admission::TooFast;
        }
        self.spent_until = self.spent_until.max(now) + self.every;
        Admission::Admitted
    }

    /// When the next request is admitted; in the past where that is at any time.
    pub(crate) fn next(&self) -> Instant {
        self.spent_until.checked_sub(self.ahead).unwrap_or(self.spent_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_flood_gets_its_burst_and_then_what_time_allows() {
        let start = Instant::now();
        let mut pace = Pace::new(64, Duration::from_millis(500), start);
        let admitted = |pace: &mut Pace, at: Duration| {
            (0..1_000).filter(|_| pace.admit(start + at) == Admission::Admitted).count()
        };
        assert_eq!(admitted(&mut pace, Duration::from_secs(60)), 64, "time before does not add up");
        assert_eq!(pace.next(), start + Duration::from_millis(60_500));
        assert_eq!(admitted(&mut pace, Duration::from_millis(61_000)), 2);
        assert_eq!(admitted(&mut pace, Duration::from_millis(61_499)), 0);
        assert_eq!(admitted(&mut pace, Duration::from_millis(61_500)), 1);
        assert_eq!(admitted(&mut pace, Duration::from_secs(10_000)), 64);
    }
}

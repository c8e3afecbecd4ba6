//! How often the far end may ask for what costs a reply.
//!
//! Invariant: in any stretch of time no more is admitted than [`BURST`] and one for each [`EVERY`] of it, so that what
//! a call costs and keeps is bounded by how long it lasts. It decides nothing else and is given its instants.

use std::time::{Duration, Instant};

/// Admitted at once: the longest key entry twice, as a telephone dials it by itself.
const BURST: u32 = 64;
/// One more is admitted after this long: nobody presses keys or sends texts faster for minutes.
const EVERY: Duration = Duration::from_millis(500);

/// Whether a request is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Admitted,
    TooFast,
}

/// The pace of one call.
#[derive(Debug)]
pub(super) struct RequestPace {
    left: u32,
    /// Until here what is left was counted.
    counted: Instant,
}

impl RequestPace {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, counted: now }
    }

    /// Counts a request.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        while self.left < BURST && now.saturating_duration_since(self.counted) >= EVERY {
            self.counted += EVERY;
            self.left += 1;
        }
        if self.left == BURST {
            self.counted = now;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Admission::Admitted
            }
            None => Admission::TooFast,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gets_its_burst_and_then_what_time_allows() {
        let start = super::super::clock::now();
        let mut pace = RequestPace::new(start);
        let admitted = |pace: &mut RequestPace, at: Duration| {
            (0..1_000).filter(|_| pace.admit(start + at) == Admission::Admitted).count()
        };
        assert_eq!(admitted(&mut pace, Duration::from_secs(60)), BURST as usize, "time before does not add up");
        assert_eq!(admitted(&mut pace, Duration::from_millis(61_000)), 2);
        assert_eq!(admitted(&mut pace, Duration::from_millis(61_499)), 0);
        assert_eq!(admitted(&mut pace, Duration::from_millis(61_500)), 1);
        assert_eq!(admitted(&mut pace, Duration::from_secs(10_000)), BURST as usize);
    }
}

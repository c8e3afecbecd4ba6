//! How long to wait before another try.

use std::time::Duration;

/// The wait before try number `attempt + 1`: between half and all of `base`·2^`attempt`, and of `cap` where that is less,
/// so that many calls that failed together do not come back together.
pub(crate) fn backoff(attempt: u32, base: Duration, cap: Duration) -> Duration {
    let whole = base.saturating_mul(2_u32.saturating_pow(attempt)).min(cap);
    whole.mul_f64(0.5 + 0.5 * fastrand::f64()).min(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);
    const CAP: Duration = Duration::from_secs(5);

    #[test]
    fn doubles_up_to_the_cap_and_is_never_less_than_half() {
        for (attempt, whole_ms) in [(0, 100), (1, 200), (4, 1600), (6, 5000), (40, 5000), (u32::MAX, 5000)] {
            let whole = Duration::from_millis(whole_ms);
            for _ in 0..100 {
                let wait = backoff(attempt, BASE, CAP);
                assert!(wait >= whole / 2 && wait <= whole, "attempt {attempt}: {wait:?}");
            }
        }
    }

    #[test]
    fn two_calls_do_not_wait_alike() {
        let waits: std::collections::HashSet<_> = (0..50).map(|_| backoff(3, BASE, CAP)).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }

    #[test]
    fn no_base_is_no_wait() {
        assert_eq!(backoff(9, Duration::ZERO, CAP), Duration::ZERO);
    }
}

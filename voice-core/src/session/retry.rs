//! How long to wait before an engine is asked again.
//!
//! Invariant: pure. Calls that an engine has dropped in one instant come back apart, and one call waits the same each
//! time it is replayed: the spread comes from its id. An engine is not asked before the time that it named.

use crate::stage::StageError;
use crate::units::CallId;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// An engine that names a longer time is asked after this one all the same.
const MAX_ASKED: Duration = Duration::from_secs(30);

/// The waits of one call.
pub(super) struct Retry {
    seed: u64,
    drawn: u64,
}

impl Retry {
    pub(super) fn of(call: &CallId) -> Self {
        Self { seed: hash_of(call.as_str()), drawn: 0 }
    }

    /// The wait after `error` where `usual` is the usual one: between half and one and a half of it, but not less than
    /// the engine asked for and up to a quarter more than that.
    pub(super) fn wait(&mut self, usual: Duration, error: &StageError) -> Duration {
        self.drawn += 1;
        let share = (hash_of((self.seed, self.drawn)) % 1_000) as u32;
        let asked = error.retry_after().unwrap_or_default().min(MAX_ASKED);
        let own = usual / 2 + usual / 1_000 * share;
        own.max(asked + asked / 4_000 * share)
    }
}

/// The same for the same value in every process.
fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Fault;
    use std::collections::BTreeSet;

    const USUAL: Duration = Duration::from_secs(1);

    fn busy(retry_after: Duration) -> StageError {
        StageError::Busy { engine: "x", reason: "full".into(), fault: Fault::Overload, retry_after }
    }

    fn retry(n: usize) -> Retry {
        Retry::of(&CallId::new(format!("call-{n}")))
    }

    #[test]
    fn calls_that_broke_together_come_back_apart_and_each_as_it_did_before() {
        let ended = StageError::Ended { engine: "x" };
        let waits: Vec<_> = (0..100).map(|n| retry(n).wait(USUAL, &ended)).collect();
        assert!(waits.iter().all(|wait| (USUAL / 2..USUAL * 3 / 2).contains(wait)), "{waits:?}");
        assert!(waits.iter().collect::<BTreeSet<_>>().len() > 80, "{waits:?}");
        let again: Vec<_> = (0..100).map(|n| retry(n).wait(USUAL, &ended)).collect();
        assert_eq!(waits, again);
        assert_eq!(retry(0).wait(Duration::ZERO, &ended), Duration::ZERO, "at once is at once");
    }

    #[test]
    fn an_engine_is_not_asked_before_the_time_it_named() {
        for n in 0..100 {
            let wait = retry(n).wait(USUAL, &busy(USUAL * 8));
            assert!((USUAL * 8..=USUAL * 10).contains(&wait), "{wait:?}");
            let short = retry(n).wait(USUAL, &busy(USUAL / 10));
            assert!((USUAL / 2..USUAL * 3 / 2).contains(&short), "{short:?}");
            assert!(retry(n).wait(USUAL, &busy(USUAL * 3_600)) <= MAX_ASKED * 5 / 4);
        }
    }
}

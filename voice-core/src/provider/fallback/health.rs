//! Which engine of a list failed when, and so who is asked next.
//!
//! Invariant: pure; instants are given. An engine rests after a failure, twice as long after each further one in a row,
//! and a success wakes it. Where all rest they are asked all the same, the one that rests least first.

use super::FallbackConfig;
use crate::stage::{Fault, PassedOver, Serving, StageError};
use std::time::{Duration, Instant};

/// How the engines of one list have done.
#[derive(Debug)]
pub(super) struct Health {
    rest: Duration,
    longest_rest: Duration,
    engines: Vec<Engine>,
}

#[derive(Debug)]
struct Engine {
    name: String,
    failure: Option<Failure>,
}

/// The failures since the last success.
#[derive(Debug)]
struct Failure {
    in_a_row: u32,
    rests_until: Instant,
    why: StageError,
}

/// One engine of the order in which they are to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its place in the list.
    pub(super) at: usize,
    pub(super) rest: Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rest {
    Awake,
    Resting,
}

impl Health {
    pub(super) fn new(names: Vec<String>, config: &FallbackConfig) -> Self {
        Self {
            rest: Duration::from_millis(config.rest_ms),
            longest_rest: Duration::from_millis(config.longest_rest_ms),
            engines: names.into_iter().map(|name| Engine { name, failure: None }).collect(),
        }
    }

    /// In which order to ask: those awake, best first, then those that rest, by who rests least.
    pub(super) fn order(&self, now: Instant) -> Vec<Candidate> {
        let mut order: Vec<_> =
            self.engines.iter().enumerate().map(|(at, engine)| (engine.rests_until(now), at)).collect();
        order.sort();
        let candidate = |(until, at): (Option<Instant>, usize)| Candidate {
            at,
            rest: if until.is_some() { Rest::Resting } else { Rest::Awake },
        };
        order.into_iter().map(candidate).collect()
    }

    pub(super) fn failed(&mut self, at: usize, why: StageError, now: Instant) {
        let Some(engine) = self.engines.get_mut(at) else { return };
        let before = engine.failure.as_ref().map_or(0, |failure| failure.in_a_row);
        let rest = match why.fault() {
            Fault::Configuration => self.longest_rest,
            Fault::Engine | Fault::Overload => {
                let rest = self.rest.saturating_mul(2u32.saturating_pow(before));
                rest.max(why.retry_after().unwrap_or_default()).min(self.longest_rest)
            }
        };
        let rests_until = now.checked_add(rest).unwrap_or(now);
        engine.failure = Some(Failure { in_a_row: before.saturating_add(1), rests_until, why });
    }

    pub(super) fn works(&mut self, at: usize) {
        if let Some(engine) = self.engines.get_mut(at) {
            engine.failure = None;
        }
    }

    /// What to say when engine `at` is asked.
    pub(super) fn serving(&self, at: usize) -> Serving {
        let passed = |engine: &Engine| {
            let why = engine.failure.as_ref()?.why.clone();
            Some(PassedOver { engine: engine.name.clone(), why })
        };
        let engine = self.engines.get(at).map(|engine| engine.name.clone()).unwrap_or_default();
        Serving { engine, passed_over: self.engines.iter().take(at).filter_map(passed).collect() }
    }
}

impl Engine {
    /// Until when it rests; none where it is awake.
    fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.failure.as_ref().map(|failure| failure.rests_until).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::clock;

    fn error(fault: Fault) -> StageError {
        StageError::Stream { engine: "x", reason: "a test".into(), fault }
    }

    fn order(health: &Health, now: Instant) -> Vec<usize> {
        health.order(now).into_iter().map(|candidate| candidate.at).collect()
    }

    #[test]
    fn an_engine_rests_as_long_as_it_asked_for() {
        let start = clock::now().into_std();
        let at = |s: u64| start + Duration::from_secs(s);
        let busy = |s| StageError::Busy {
            engine: "x",
            reason: "a test".into(),
            fault: Fault::Overload,
            retry_after: Duration::from_secs(s),
        };
        let mut health = Health::new(vec!["A".into(), "B".into()], &FallbackConfig::default());
        for (asked, rest) in [(45, 45), (3_600, 300)] {
            health.works(0);
            health.failed(0, busy(asked), start);
            assert_eq!((order(&health, at(rest - 1)), order(&health, at(rest))), (vec![1, 0], vec![0, 1]));
        }
    }

    #[test]
    fn an_engine_rests_longer_with_each_failure_and_a_success_wakes_it() {
        let start = clock::now().into_std();
        let at = |s: u64| start + Duration::from_secs(s);
        let mut health = Health::new(vec!["A".into(), "B".into()], &FallbackConfig::default());
        assert_eq!(order(&health, at(0)), [0, 1]);
        health.failed(0, error(Fault::Engine), at(0));
        assert_eq!((order(&health, at(29)), order(&health, at(30))), (vec![1, 0], vec![0, 1]));
        health.failed(0, error(Fault::Overload), at(30));
        assert_eq!((order(&health, at(89)), order(&health, at(90))), (vec![1, 0], vec![0, 1]));
        for _ in 0..10 {
            health.failed(0, error(Fault::Engine), at(100));
        }
        assert_eq!(
            (order(&health, at(399)), order(&health, at(400))),
            (vec![1, 0], vec![0, 1]),
            "five minutes at most"
        );
        health.works(0);
        health.failed(0, error(Fault::Engine), at(500));
        assert_eq!(order(&health, at(530)), [0, 1], "counted anew");
    }

    #[test]
    fn a_wrong_configuration_rests_longest_and_where_all_rest_the_shortest_is_first() {
        let start = clock::now().into_std();
        let mut health = Health::new(vec!["A".into(), "B".into(), "C".into()], &FallbackConfig::default());
        health.failed(0, error(Fault::Configuration), start);
        health.failed(1, error(Fault::Engine), start + Duration::from_secs(1));
        health.failed(2, error(Fault::Engine), start);
        assert_eq!(order(&health, start + Duration::from_secs(2)), [2, 1, 0]);
        assert!(health.order(start).iter().all(|candidate| candidate.rest == Rest::Resting));
        assert_eq!(order(&health, start + Duration::from_secs(299)), [1, 2, 0]);
        assert_eq!(order(&health, start + Duration::from_secs(300)), [0, 1, 2]);
    }

    #[test]
    fn who_serves_is_said_with_the_better_ones_that_failed() {
        let mut health = Health::new(vec!["A".into(), "B".into(), "C".into()], &FallbackConfig::default());
        health.failed(0, error(Fault::Engine), clock::now().into_std());
        let passed = PassedOver { engine: "A".into(), why: error(Fault::Engine) };
        assert_eq!(health.serving(2), Serving { engine: "C".into(), passed_over: vec![passed] });
        assert_eq!(health.serving(0), Serving { engine: "A".into(), passed_over: vec![] });
    }
}

//! Every call's turn-taking is recorded, and run again at its end.

use std::sync::{Arc, Mutex, PoisonError};
use voice_core::session::Session;
use voice_core::turn_log::{ReplayOutcome, TurnLog, replay};

/// The log of a call, as it grows.
#[derive(Default)]
pub struct Recorded(Arc<Mutex<Vec<u8>>>);

impl Recorded {
    pub fn of(session: &mut Session) -> Self {
        let recorded = Self::default();
        let lines = Arc::clone(&recorded.0);
        let write = move |line: &[u8]| lines.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
        session.witness(Box::new(TurnLog::new(u64::MAX, write)));
        recorded
    }

    pub fn bytes(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn check(&self) {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let replayed = replay(log.as_slice(), super::now().into_std()).expect("a log is read back");
        assert!(replayed.inputs > 0);
        assert_eq!(replayed.outcome, ReplayOutcome::Identical, "{}", String::from_utf8_lossy(&log));
    }
}

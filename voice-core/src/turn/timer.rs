//! The machine's timers: an enum and a fixed table.
//!
//! Invariant: the table holds nothing the state does not say; it is worked out anew after every input, so that a timer
//! never outlives its reason and new thresholds apply at once.

use std::time::{Duration, Instant};

/// Why the machine wants to be woken. Of several that are due the first in this order goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The longest call.
    MaxCall,
    /// Speech over the agent has lasted: a bid.
    CommitSpeech,
    /// No verdict came on overlapping speech that ended.
    Verdict,
    /// The longest pause.
    MaxPause,
    /// A reply makes no progress.
    ReplyStall,
    /// The final transcript did not come.
    FinalWait,
    /// No further key was pressed.
    KeyGap,
    /// The longest turn.
    MaxTurn,
    /// Silence, and the turn model says complete.
    EotModel,
    /// Silence past the limit.
    EotSilence,
    /// Silence worth a speculative reply.
    Speculate,
    /// Nobody speaks.
    CallerIdle,
}

impl Timer {
    const ALL: [Self; 12] = [
        Self::MaxCall,
        Self::CommitSpeech,
        Self::Verdict,
        Self::MaxPause,
        Self::ReplyStall,
        Self::FinalWait,
        Self::KeyGap,
        Self::MaxTurn,
        Self::EotModel,
        Self::EotSilence,
        Self::Speculate,
        Self::CallerIdle,
    ];
}

/// When each timer is due.
#[derive(Debug, Default)]
pub(super) struct TimerTable {
    at: [Option<Instant>; Timer::ALL.len()],
}

impl TimerTable {
    /// Disarms all.
    pub(super) fn clear(&mut self) {
        self.at = Default::default();
    }

    /// Arms `timer` where there is an instant, disarms it otherwise.
    pub(super) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        if let Some(slot) = self.at.get_mut(timer as usize) {
            *slot = at;
        }
    }

    /// The first timer that is due.
    pub(super) fn due(&self, now: Instant) -> Option<Timer> {
        let due = self.at.iter().position(|at| at.is_some_and(|at| at <= now))?;
        Timer::ALL.get(due).copied()
    }

    /// The earliest instant of all.
    pub(super) fn next(&self) -> Option<Instant> {
        self.at.iter().flatten().min().copied()
    }
}

/// `ms` milliseconds after `start`; never where time cannot say it.
pub(super) fn after(start: Instant, ms: u64) -> Option<Instant> {
    start.checked_add(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_its_own_slot() {
        for (slot, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, slot);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_threshold_beyond_time_never_comes() {
        let now = Some(Instant::now());
        let end_of_time = (0..1_000).fold(now, |at, _| at.and_then(|at| after(at, u64::MAX)));
        assert_eq!(end_of_time, None);
    }
}

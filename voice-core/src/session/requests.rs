//! How much of what the far end asks for is served, and when.
//!
//! Invariant: what a call costs and keeps is bounded by how long it lasts, whatever its far end sends: replies that it asks
//! for beyond its pace are dropped, changes of its microphone beyond it come later, the last one alone. It performs
//! nothing and is given its instants.

use crate::pace::{Admission, Pace};
use crate::turn::Muted;
use std::time::{Duration, Instant};

/// Admitted at once: the longest key entry twice, as a telephone dials it by itself.
const BURST: u32 = 64;
/// One more is admitted after this long: nobody presses keys, sends texts or mutes faster for minutes.
const EVERY: Duration = Duration::from_millis(500);

/// The requests of one call.
#[derive(Debug)]
pub(super) struct Requests {
    replies: Pace,
    changes: Pace,
    muted: Muted,
    /// The microphone's state that waits for its time; never the one it has.
    waits: Option<Muted>,
}

impl Requests {
    pub(super) fn new(now: Instant) -> Self {
        let pace = Pace::new(BURST, EVERY, now);
        Self { replies: pace, changes: pace, muted: Muted::Off, waits: None }
    }

    /// Counts a request that costs a reply.
    pub(super) fn reply(&mut self, now: Instant) -> Admission {
        self.replies.admit(now)
    }

    /// The far end's microphone is off, or on again. [`Requests::due_change`] says when that counts.
    pub(super) fn microphone(&mut self, muted: Muted) {
        self.waits = (muted != self.muted).then_some(muted);
    }

    /// The microphone's new state, once, when it counts.
    pub(super) fn due_change(&mut self, now: Instant) -> Option<Muted> {
        let muted = self.waits.filter(|_| self.changes.admit(now) == Admission::Admitted)?;
        self.command(muted);
        Some(muted)
    }

    /// The embedding program sets the microphone, at its own pace. Says whether that changes its state.
    pub(super) fn command(&mut self, muted: Muted) -> bool {
        let had = std::mem::replace(&mut self.muted, muted);
        self.waits = None;
        had != muted
    }

    /// Whether what the microphone gives may be the caller's: not while it is off, and not while it waits to be.
    pub(super) fn hears(&self) -> bool {
        self.muted == Muted::Off && self.waits.is_none()
    }

    /// When there is a change to ask for.
    pub(super) fn next_change(&self) -> Option<Instant> {
        self.waits.map(|_| self.changes.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_of_changes_the_last_one_counts_and_the_caller_is_not_heard_before() {
        let start = super::super::clock::now();
        let mut requests = Requests::new(start);
        let mut told = Vec::new();
        for n in 0..1_001 {
            requests.microphone(if n % 2 == 0 { Muted::On } else { Muted::Off });
            told.extend(requests.due_change(start));
        }
        assert_eq!((told.len(), told.last()), (BURST as usize, Some(&Muted::Off)));
        assert!(!requests.hears(), "the last wish counts at once as far as it silences");
        assert_eq!(requests.next_change(), Some(start + EVERY));
        assert_eq!(requests.due_change(start + EVERY), Some(Muted::On));
        assert_eq!((requests.due_change(start + EVERY), requests.next_change()), (None, None));
    }

    #[test]
    fn a_state_that_it_has_already_is_no_change() {
        let start = super::super::clock::now();
        let mut requests = Requests::new(start);
        requests.microphone(Muted::Off);
        assert_eq!((requests.due_change(start), requests.next_change()), (None, None));
        assert!(requests.command(Muted::On) && !requests.command(Muted::On));
        requests.microphone(Muted::On);
        assert_eq!(requests.due_change(start), None);
        assert!(!requests.hears());
    }
}

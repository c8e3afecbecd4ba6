//! Whether the client of a socket gives signs of life, and takes what is sent.
//!
//! Invariant: a network that is silently gone is noticed within a few seconds, by whichever way it is used.

use super::socket::Presence;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks in a row without a sign of life before a client counts as away, or without progress before its socket counts as
/// lost: more than browsers and mobile networks take for a pong, less than a session waits for a line that takes nothing.
const LOOKS: u32 = 3;

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It lives.
    Well,
    /// It said nothing since the last look: ask.
    Quiet,
    /// It answers nothing any more.
    Silent,
    /// It takes nothing any more.
    Stalled,
}

/// Looks after one client.
pub(super) struct Pulse {
    look: Interval,
    /// Signs of life when one was last noted.
    heard: u64,
    quiet_looks: u32,
    stalled_looks: u32,
    /// Something waits to be taken.
    is_writing: bool,
    away_since: Option<Instant>,
}

/// A look that was due.
pub(super) struct Look<'p>(&'p mut Pulse);

impl Pulse {
    pub(super) fn new() -> Self {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset();
        Self { look, heard: 0, quiet_looks: 0, stalled_looks: 0, is_writing: false, away_since: None }
    }

    /// Another socket: what was found of the one before is of no matter.
    pub(super) fn restart(&mut self) {
        (self.heard, self.quiet_looks, self.stalled_looks, self.is_writing) = (0, 0, 0, false);
        self.look.reset();
    }

    /// Ready when it is time to look.
    pub(super) fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<Look<'_>> {
        ready!(self.look.poll_tick(cx));
        Poll::Ready(Look(self))
    }

    /// Notes whether a write waits.
    pub(super) fn writing<T>(&mut self, written: Poll<T>) -> Poll<T> {
        self.is_writing = written.is_pending();
        written
    }

    /// Whether there was a sign of life since this was last asked, `heard` being all there ever were.
    pub(super) fn beats(&mut self, heard: u64) -> bool {
        let beats = heard != self.heard;
        if beats {
            (self.heard, self.quiet_looks) = (heard, 0);
        }
        beats
    }

    /// Notes since when the client is away, or that it is not.
    pub(super) fn turned(&mut self, presence: Presence) {
        self.away_since = match presence {
            Presence::Away => Some(now()),
            Presence::Here => None,
        };
    }

    /// How long the client has been away.
    pub(super) fn away(&self) -> Duration {
        self.away_since.map(|since| now().saturating_duration_since(since)).unwrap_or_default()
    }
}

impl Look<'_> {
    /// What there is to find, `heard` being all signs of life there ever were.
    pub(super) fn of(self, heard: u64) -> Finding {
        let Pulse { quiet_looks, stalled_looks, is_writing, .. } = &mut *self.0;
        *stalled_looks = if *is_writing { *stalled_looks + 1 } else { 0 };
        *quiet_looks += 1;
        let is_stalled = *stalled_looks >= LOOKS;
        self.0.beats(heard);
        match self.0.quiet_looks {
            _ if is_stalled => Finding::Stalled,
            // A sign of life since the look before.
            0 | 1 => Finding::Well,
            quiet if quiet > LOOKS => Finding::Silent,
            _ => Finding::Quiet,
        }
    }
}

/// Tokio's clock, so that simulated time works.
#[expect(clippy::disallowed_methods, reason = "the client is told how long it was away")]
fn now() -> Instant {
    Instant::now()
}

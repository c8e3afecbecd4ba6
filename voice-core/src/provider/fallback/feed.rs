//! The clauses of a reply on their way to whichever voice speaks it.
//!
//! Invariant: clauses are kept until they are spoken, at most [`MAX_CLAUSES`] of them, and handed to the present voice in order,
//! each once. Which voice that is, is not decided here.

use super::script::Script;
use crate::stage::{Handed, StageError, TtsFeed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Clauses of a reply that are kept; further ones are refused.
const MAX_CLAUSES: usize = 4_096;

/// What the two halves of a reply share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) script: Script,
    /// The present voice's.
    pub(super) feed: Option<Box<dyn TtsFeed>>,
    /// What each voice was handed, in order; the present one's is the last.
    pub(super) handed: Vec<Handed>,
    /// How many clauses of the script the present voice was given.
    pub(super) fed: usize,
    pub(super) finish: Finish,
    /// The present voice refused a clause for good.
    pub(super) broken: Option<StageError>,
    pub(super) waker: Option<Waker>,
}

/// Whether more clauses come, and whether the present voice knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Finish {
    #[default]
    No,
    Wanted,
    Told,
    Cancelled,
}

impl Shared {
    /// Gives the present voice what it was not given yet. A full one is tried again at the next poll.
    pub(super) fn feed_voice(&mut self) {
        let Some(feed) = &mut self.feed else { return };
        while let Some(clause) = self.script.for_voice(self.fed) {
            match feed.speak(clause) {
                Ok(()) => {
                    self.fed += 1;
                    if let Some(handed) = self.handed.last_mut() {
                        handed.characters += clause.chars().count() as u64;
                    }
                }
                Err(StageError::Full { .. }) => return,
                Err(error) => {
                    self.broken.get_or_insert(error);
                    return;
                }
            }
        }
        if self.finish == Finish::Wanted {
            self.finish = Finish::Told;
            feed.finish();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

pub(super) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The half that is fed.
pub(super) struct Feed {
    shared: Arc<Mutex<Shared>>,
}

impl Feed {
    pub(super) fn of(shared: &Arc<Mutex<Shared>>) -> Self {
        Self { shared: Arc::clone(shared) }
    }
}

impl TtsFeed for Feed {
    fn speak(&mut self, clause: &str) -> Result<(), StageError> {
        let mut shared = lock(&self.shared);
        if shared.finish != Finish::No {
            return Err(StageError::Ended { engine: "the TTS" });
        }
        if shared.script.len() >= MAX_CLAUSES {
            return Err(StageError::Full { engine: "the TTS" });
        }
        shared.script.push(clause);
        shared.feed_voice();
        shared.wake();
        Ok(())
    }

    fn finish(&mut self) {
        let mut shared = lock(&self.shared);
        if shared.finish == Finish::No {
            shared.finish = Finish::Wanted;
            shared.feed_voice();
            shared.wake();
        }
    }

    fn cancel(&mut self) {
        let mut shared = lock(&self.shared);
        shared.finish = Finish::Cancelled;
        if let Some(mut feed) = shared.feed.take() {
            feed.cancel();
        }
        shared.wake();
    }

    fn take_handed(&mut self) -> Option<Vec<Handed>> {
        let mut shared = lock(&self.shared);
        let present = shared.handed.last().map(|handed| Handed { characters: 0, ..handed.clone() });
        let handed = std::mem::take(&mut shared.handed);
        shared.handed.extend(present);
        Some(handed)
    }
}

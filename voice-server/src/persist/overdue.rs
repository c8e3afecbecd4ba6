//! What calls that are over could not get into the journal: given again until it has room.
//!
//! Invariant: nobody waits for it, nothing of it was told as final, and it is bounded: first the words go that nobody was
//! told of, then whole calls, loudly. No call keeps another from the journal. Without it a call whose end the journal refused would run on in the store, and count
//! into its tenant's minutes, until the next start.

use super::backoff::Backoff;
use super::journal::{Journal, JournalError};
use super::stats::{Stats, add, subtract};
use crate::store::Entry;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

/// Entries kept with all that a call left; of further calls only the start and the end are kept.
const MAX_WHOLE: usize = 10_000;

/// Entries kept at all. Words apart, an entry has about a kilobyte.
const MAX_ENTRIES: usize = 20_000;

/// What waits for the journal, of all calls.
pub(crate) struct Overdue {
    journal: Journal,
    stats: Arc<Stats>,
    waiting: Mutex<Waiting>,
    added: Notify,
}

/// Oldest first.
#[derive(Default)]
struct Waiting {
    calls: VecDeque<Vec<Entry>>,
    entries: usize,
}

impl Overdue {
    pub(super) fn new(journal: Journal, stats: Arc<Stats>) -> Self {
        Self { journal, stats, waiting: Mutex::default(), added: Notify::new() }
    }

    /// Takes what is left of one call, in order. At the bound it is dropped, words before ends, and that is told.
    pub(crate) fn add(&self, mut left: Vec<Entry>) {
        let mut waiting = self.lock();
        let whole = left.len();
        if waiting.entries + left.len() > MAX_WHOLE {
            left.retain(|entry| matches!(entry, Entry::CallStart(_) | Entry::CallEnd(_)));
        }
        if waiting.entries + left.len() > MAX_ENTRIES {
            left.clear();
        }
        let (kept, dropped) = (left.len(), whole - left.len());
        if dropped > 0 {
            error!(kept, dropped, "the journal refuses what calls left, and too much waits for it: this is lost");
        }
        add(&self.stats.overdue, kept as u64);
        add(&self.stats.lost, dropped as u64);
        if kept > 0 {
            waiting.entries += kept;
            waiting.calls.push_back(left);
            self.added.notify_one();
        }
    }

    /// Gives the journal what waits whenever it has room. Never ends. Cancellation safe: what was given and not told to be
    /// taken is given again, which changes nothing.
    pub(super) async fn run(self: Arc<Self>) {
        let mut backoff = Backoff::default();
        loop {
            self.added.notified().await;
            while let Err(error) = self.give_if_there_is_room().await {
                let wait = backoff.next_wait();
                warn!(%error, entries = self.lock().entries, wait_ms = wait.as_millis(), "ends of calls wait for the journal");
                sleep(wait).await;
            }
            backoff = Backoff::default();
        }
    }

    /// Gives the journal what waits a last time, within `within`. What it does not take is lost; the next start ends the
    /// calls.
    pub(super) async fn flush(&self, within: Duration) {
        // What went wrong is told by what is left.
        let _ = timeout(within, self.give()).await;
        let entries = self.lock().entries;
        if entries > 0 {
            add(&self.stats.lost, entries as u64);
            error!(
                entries,
                "the journal did not take what calls left: this is lost, and the next start ends the calls"
            );
        }
    }

    async fn give_if_there_is_room(&self) -> Result<(), JournalError> {
        self.journal.check()?;
        self.give().await
    }

    /// Gives what waits, oldest first. What there is no room for does not keep what is shorter.
    async fn give(&self) -> Result<(), JournalError> {
        let (mut place, mut outcome) = (0, Ok(()));
        while let Some(call) = self.at(place) {
            match self.give_call(&call).await {
                Ok(lost) => self.given(place, call.len(), lost),
                Err(JournalError::Full) => {
                    outcome = Err(JournalError::Full);
                    place += 1;
                }
                Err(error) => return Err(error),
            }
        }
        outcome
    }

    /// Gives one call; gives how many of its entries no journal ever takes.
    async fn give_call(&self, call: &[Entry]) -> Result<usize, JournalError> {
        match self.journal.append(call).await {
            Err(JournalError::TooLong(_)) => {}
            taken => return taken.map(|()| 0),
        }
        let mut lost = 0;
        for entry in call {
            match self.journal.append(std::slice::from_ref(entry)).await {
                Err(error @ JournalError::TooLong(_)) => {
                    error!(call = %entry.header().call, %error, "an entry of a call is lost");
                    lost += 1;
                }
                taken => taken?,
            }
        }
        Ok(lost)
    }

    /// Only what gives takes from the list, so that the place is still that of the call.
    fn given(&self, place: usize, entries: usize, lost: usize) {
        let mut waiting = self.lock();
        waiting.calls.remove(place);
        waiting.entries -= entries;
        subtract(&self.stats.overdue, entries as u64);
        add(&self.stats.lost, lost as u64);
        info!(entries = entries - lost, "what a call left is kept after all");
    }

    fn at(&self, place: usize) -> Option<Vec<Entry>> {
        self.lock().calls.get(place).cloned()
    }

    /// The value is whole at every instant, so a thread that panicked holding it left nothing half done.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::PersistLimits;
    use crate::persist::journal::{MAX_PAYLOAD_BYTES, Opened};
    use crate::persist::stats::get;
    use crate::persist::testing::{call_end, call_start, quick, said};

    /// One whose journal nobody empties.
    fn overdue() -> (Overdue, tempfile::TempDir) {
        let (folder, stats) = (tempfile::tempdir().unwrap(), Arc::new(Stats::default()));
        let Opened { journal, .. } = Journal::open(folder.path(), &quick(), Arc::clone(&stats)).unwrap();
        (Overdue::new(journal, stats), folder)
    }

    #[tokio::test]
    async fn at_the_bound_words_go_before_ends_and_what_goes_is_counted() {
        let (overdue, _folder) = overdue();
        let call = |call: u128| vec![call_start(call), said(call, 0, "words"), call_end(call)];
        (0..10_000).for_each(|number| overdue.add(call(number)));
        let waiting = overdue.lock();
        assert!(waiting.entries <= MAX_ENTRIES && waiting.entries > MAX_ENTRIES - 3, "{}", waiting.entries);
        assert_eq!(waiting.entries, waiting.calls.iter().map(Vec::len).sum::<usize>());
        assert_eq!((waiting.calls[0].len(), waiting.calls.back().unwrap().len()), (3, 2));
        assert_eq!(get(&overdue.stats.overdue), waiting.entries as u64);
        assert_eq!(get(&overdue.stats.lost), 30_000 - waiting.entries as u64);
    }

    #[tokio::test]
    async fn what_the_journal_takes_does_not_wait_any_more() {
        let (overdue, _folder) = overdue();
        overdue.add(vec![call_start(1), call_end(1)]);
        overdue.flush(Duration::from_secs(60)).await;
        assert_eq!((get(&overdue.stats.overdue), get(&overdue.stats.lost)), (0, 0));
        assert_eq!(get(&overdue.stats.journaled), 2);
    }

    /// One whose journal has room for so much.
    fn overdue_with(journal_bytes: u64) -> (Overdue, tempfile::TempDir) {
        let (folder, stats) = (tempfile::tempdir().unwrap(), Arc::new(Stats::default()));
        let limits = PersistLimits { journal_bytes, ..quick() };
        let Opened { journal, .. } = Journal::open(folder.path(), &limits, Arc::clone(&stats)).unwrap();
        (Overdue::new(journal, stats), folder)
    }

    #[tokio::test]
    async fn an_entry_that_no_journal_takes_is_lost_and_keeps_nothing_else() {
        let (overdue, _folder) = overdue();
        overdue.add(vec![call_start(1), said(1, 0, &"x".repeat(MAX_PAYLOAD_BYTES)), call_end(1)]);
        overdue.add(vec![call_start(2), call_end(2)]);
        overdue.give().await.unwrap();
        assert_eq!((get(&overdue.stats.overdue), get(&overdue.stats.lost)), (0, 1));
        assert_eq!(get(&overdue.stats.journaled), 4);
    }

    #[tokio::test]
    async fn a_call_for_which_there_is_no_room_does_not_keep_a_shorter_one() {
        let (overdue, _folder) = overdue_with(16 * 1024);
        overdue.add(vec![call_start(1), said(1, 0, &"x".repeat(20 * 1024)), call_end(1)]);
        overdue.add(vec![call_start(2), call_end(2)]);
        assert_eq!(overdue.give().await, Err(JournalError::Full));
        assert_eq!((get(&overdue.stats.overdue), get(&overdue.stats.journaled)), (3, 2));
        assert_eq!(overdue.at(0).unwrap().len(), 3);
    }
}

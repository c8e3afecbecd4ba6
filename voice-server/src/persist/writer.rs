//! The task that gives the store what the journal holds.
//!
//! Invariant: entries reach the store in the journal's order. A piece of work is done only when the store has each of its
//! entries, or has refused it for good and it lies with the dead letters: one entry that can never be written does not
//! stop the others. A database that is away or slow stops nothing but this task.

use super::backoff::Backoff;
use super::dead_letters::{DeadLetter, DeadLetters};
use super::journal::{Batch, Work};
use super::limits::PersistLimits;
use super::stats::{Stats, add};
use crate::store::{Entry, StoreError, SystemStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use uuid::Uuid;

/// An answer that only a fault can explain is heard so often before its entry is taken for the reason.
const TRIES_OF_AN_ENTRY: u32 = 5;

/// Writes to one store.
pub(super) struct Writer {
    store: Arc<dyn SystemStore>,
    run: Uuid,
    write_within: Duration,
    dead_letters: DeadLetters,
    stats: Arc<Stats>,
}

/// The store does not take an entry, now or ever.
struct Refused(StoreError);

impl Writer {
    pub(super) fn new(
        store: Arc<dyn SystemStore>,
        run: Uuid,
        spool: &Path,
        limits: &PersistLimits,
        stats: Arc<Stats>,
    ) -> Self {
        let dead_letters = DeadLetters::new(spool.join("dead-letters.jsonl"), limits.dead_letter_bytes);
        Self { store, run, write_within: limits.write_within, dead_letters, stats }
    }

    /// Does the work that comes until no more will.
    ///
    /// Cancellation safe: work that was not finished is not told to be, and is done again at the next start.
    pub(super) async fn run(self, mut work: mpsc::Receiver<Work>) {
        if self.dead_letters.exist().await {
            warn!(
                "there are dead letters: entries of earlier calls that the store refused and somebody should look into"
            );
        }
        while let Some(work) = work.recv().await {
            let done = match work {
                Work::Batch(batch, done) => {
                    self.store_batch(&batch).await;
                    done
                }
                Work::LeftoversRead(done) => {
                    self.end_orphans().await;
                    done
                }
            };
            // The journal has no reader any more: it reads this again at the next start.
            let _ = done.send(());
        }
    }

    async fn store_batch(&self, batch: &Batch) {
        for record in &batch.unreadable {
            self.bury(&DeadLetter::Unreadable { record }).await;
        }
        // The next part is at the end.
        let mut parts = vec![batch.entries.as_slice()];
        while let Some(part) = parts.pop() {
            match self.write(part).await {
                Ok(()) => {
                    add(&self.stats.batches, 1);
                    add(&self.stats.stored, part.len() as u64);
                }
                Err(Refused(why)) => match part {
                    [entry] => self.bury(&DeadLetter::Entry { entry, why: why.to_string() }).await,
                    _ => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                },
            }
        }
    }

    /// Tries until the store has them or refuses them.
    async fn write(&self, entries: &[Entry]) -> Result<(), Refused> {
        let mut backoff = Backoff::default();
        if entries.is_empty() {
            return Ok(());
        }
        loop {
            let error = match timeout(self.write_within, self.store.write(entries)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(slow) => {
                    self.wait(&mut backoff, slow.to_string()).await;
                    continue;
                }
            };
            if self.is_final(&error, entries, backoff.tries()).await {
                return Err(Refused(error));
            }
            self.wait(&mut backoff, error.to_string()).await;
        }
    }

    /// Whether asking again for the same entries is of no use. No entry is the reason for what a database says that does
    /// not answer at all: a login that is locked out, a role that lost its rights.
    async fn is_final(&self, error: &StoreError, entries: &[Entry], tries: u32) -> bool {
        match error {
            StoreError::Unavailable(_) => false,
            StoreError::Conflict { .. } => true,
            // Among several, which one is the reason is found out first; then it is given a few tries.
            _ => (entries.len() > 1 || tries >= TRIES_OF_AN_ENTRY) && self.answers().await,
        }
    }

    async fn answers(&self) -> bool {
        matches!(timeout(self.write_within, self.store.ping()).await, Ok(Ok(())))
    }

    async fn end_orphans(&self) {
        let mut backoff = Backoff::default();
        loop {
            match timeout(self.write_within, self.store.end_orphans(self.run, OffsetDateTime::now_utc())).await {
                Ok(Ok(0)) => return,
                Ok(Ok(calls)) => return info!(calls, "ended calls that an earlier run of the server left running"),
                Ok(Err(error)) => self.wait(&mut backoff, error.to_string()).await,
                Err(slow) => self.wait(&mut backoff, slow.to_string()).await,
            }
        }
    }

    async fn wait(&self, backoff: &mut Backoff, why: String) {
        let wait = backoff.next_wait();
        warn!(
            error = why,
            tries = backoff.tries(),
            wait_ms = wait.as_millis(),
            "the store took nothing: the journal keeps it"
        );
        add(&self.stats.retries, 1);
        sleep(wait).await;
    }

    /// Lays an entry with the dead letters, however long that takes.
    async fn bury(&self, letter: &DeadLetter<'_>) {
        let mut backoff = Backoff::default();
        while let Err(error) = self.dead_letters.add(letter).await {
            error!(%error, "a dead letter cannot be kept: nothing is written to the store");
            sleep(backoff.next_wait()).await;
        }
        add(&self.stats.dead_letters, 1);
        match letter {
            DeadLetter::Entry { entry, why } => {
                let call = entry.header().call;
                error!(%call, why, "the store refuses an entry for good: it lies with the dead letters");
            }
            DeadLetter::Unreadable { .. } => {
                error!("the journal holds a record of another version: it lies with the dead letters")
            }
        }
    }
}

#[cfg(test)]
mod tests;

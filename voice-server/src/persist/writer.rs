//! The task that gives the store what the journal holds.
//!
//! Invariant: entries reach the store in the journal's order. A piece of work is done only when the store has each of its
//! entries, or has refused it for good and it lies with the dead letters: one entry that can never be written does not
//! stop the others. A database that is away or slow stops nothing but this task. Dead letters are given again at each
//! start, once.
//!
//! A recording or turn log whose call is gone, past its retention, has its object deleted: nothing would ever lead to it again.
//! Where that is not certain, the object stays and its entry is a dead letter.

mod letters;

use super::backoff::Backoff;
use super::dead_letters::{DeadLetter, DeadLetters};
use super::journal::{Batch, Work};
use super::limits::PersistLimits;
use super::objects::delete_object;
use super::stats::{Stats, add};
use crate::principal::CallUuid;
use crate::store::{Entry, Orphans, StoreError, SystemStore};
use object_store::ObjectStore;
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

/// The shortest retention that a tenant can have: a call that is younger cannot be past it.
const SHORTEST_RETENTION: time::Duration = time::Duration::DAY;

/// Writes to one store.
pub(super) struct Writer {
    store: Arc<dyn SystemStore>,
    objects: Arc<dyn ObjectStore>,
    server: Uuid,
    started_at: OffsetDateTime,
    write_within: Duration,
    dead_letters: DeadLetters,
    stats: Arc<Stats>,
}

/// What a writer works for.
pub(super) struct WriterOf<'p> {
    pub(super) store: Arc<dyn SystemStore>,
    /// Where recordings and turn logs are.
    pub(super) objects: Arc<dyn ObjectStore>,
    /// This server.
    pub(super) server: Uuid,
    /// When it was started: before any call of its own.
    pub(super) started_at: OffsetDateTime,
    /// The journal's directory.
    pub(super) spool: &'p Path,
}

/// The store does not take an entry, now or ever.
struct Refused(StoreError);

/// Why a write failed.
enum Blame {
    /// It fails whenever it is tried.
    Entries,
    /// The database works otherwise.
    Perhaps,
    /// It may work later.
    Database,
}

impl Writer {
    pub(super) fn new(of: WriterOf<'_>, limits: &PersistLimits, stats: Arc<Stats>) -> Self {
        let WriterOf { store, objects, server, started_at, spool } = of;
        let dead_letters = DeadLetters::new(spool.join("dead-letters.jsonl"), limits.dead_letter_bytes);
        Self { store, objects, server, started_at, write_within: limits.write_within, dead_letters, stats }
    }

    /// Does the work that comes until no more will.
    ///
    /// Cancellation safe: work that was not finished is not told to be, and is done again at the next start.
    pub(super) async fn run(self, mut work: mpsc::Receiver<Work>) {
        self.retry_dead_letters().await;
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
                    [entry] => self.refused(entry, &why).await,
                    _ => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                },
            }
        }
    }

    /// What is done with an entry that the store refuses for good.
    async fn refused(&self, entry: &Entry, why: &StoreError) {
        if let (Some(key), StoreError::NotFound { .. }) = (object_key(entry), why)
            && self.delete_unknown(entry, key).await
        {
            return;
        }
        self.bury(&DeadLetter::Entry { entry, why: why.to_string() }).await;
    }

    /// Deletes the object of a call that the store does not have; says whether it is gone. Where the call's start lies with
    /// the dead letters, or may do so, the call may come yet, and the object stays.
    async fn delete_unknown(&self, entry: &Entry, key: &str) -> bool {
        let (call, started_at) = (entry.header().call, entry.header().started_at);
        if OffsetDateTime::now_utc() - started_at < SHORTEST_RETENTION || self.may_come(call).await {
            return false;
        }
        match timeout(self.write_within, delete_object(&*self.objects, &key.into())).await {
            Ok(Ok(())) => {
                info!(%call, key, "a file of a call came after the call was deleted, and was deleted as well");
                return true;
            }
            Ok(Err(error)) => warn!(%call, key, %error, "a file of a call that is gone cannot be deleted"),
            Err(slow) => warn!(%call, key, error = %slow, "a file of a call that is gone cannot be deleted"),
        }
        false
    }

    /// Whether dead letters may hold the call.
    async fn may_come(&self, call: CallUuid) -> bool {
        self.dead_letters.name(&call.to_string()).await.unwrap_or_else(|error| {
            warn!(%call, %error, "the dead letters cannot be read: a file whose call is unknown stays");
            true
        })
    }

    /// Tries until the store has them or refuses them.
    async fn write(&self, entries: &[Entry]) -> Result<(), Refused> {
        let (mut backoff, mut blamed) = (Backoff::default(), 0);
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
            match self.blame(&error).await {
                Blame::Entries => return Err(Refused(error)),
                Blame::Perhaps => blamed += 1,
                Blame::Database => {}
            }
            // Among several, which one is the reason is found out first; then it is given a few tries.
            if blamed > TRIES_OF_AN_ENTRY || (blamed > 0 && entries.len() > 1) {
                return Err(Refused(error));
            }
            self.wait(&mut backoff, error.to_string()).await;
        }
    }

    /// Whose fault it is. No entry is the reason for what a database says that does not answer at all: a login that is
    /// locked out, a role that lost its rights. One that came back just after it refused answers too, so that one answer
    /// proves nothing.
    async fn blame(&self, error: &StoreError) -> Blame {
        match error {
            StoreError::Unavailable(_) => Blame::Database,
            StoreError::Conflict { .. } | StoreError::NotFound { .. } => Blame::Entries,
            StoreError::Database(said) if may_be_of_entries(said) && self.answers().await => Blame::Perhaps,
            _ => Blame::Database,
        }
    }

    async fn answers(&self) -> bool {
        matches!(timeout(self.write_within, self.store.ping()).await, Ok(Ok(())))
    }

    /// Comes before the first entry of this run: of this server's calls none is another's to end. A database that is away is
    /// waited for; what it refuses it would refuse the next time, and entries do not wait for that: it is asked again every hour.
    async fn end_orphans(&self) {
        let left = Orphans::LeftBy { server: self.server, begun_before: self.started_at };
        let mut backoff = Backoff::default();
        loop {
            match timeout(self.write_within, self.store.end_orphans(left, OffsetDateTime::now_utc())).await {
                Ok(Ok(0)) => return,
                Ok(Ok(calls)) => return info!(calls, "ended calls that this server left running"),
                Ok(Err(error)) if is_refusal(&error) => {
                    return error!(%error, "calls that this server left running are not ended: trying again within the hour");
                }
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

/// Whether an entry may be the reason: the database itself said it, or was never asked because a value cannot be put to it.
/// What becomes of a connection is none's fault.
fn may_be_of_entries(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_) | sqlx::Error::Encode(_))
}

/// Whether the database would say so again.
fn is_refusal(error: &StoreError) -> bool {
    match error {
        StoreError::Conflict { .. } => true,
        StoreError::Database(said) => may_be_of_entries(said),
        _ => false,
    }
}

/// The object that an entry tells of.
fn object_key(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Recording(recording) => Some(&recording.object_key),
        Entry::TurnLog(log) => Some(&log.object_key),
        Entry::CallStart(_) | Entry::Utterance(_) | Entry::Conversation(_) | Entry::CallEnd(_) => None,
    }
}

#[cfg(test)]
mod tests;

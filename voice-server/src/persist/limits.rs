//! How much is kept between a call and its store, and for how long one waits for the other.

use std::time::Duration;

/// How much the journal holds and how the store is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistLimits {
    /// The journal's size on disk. At nine tenths of it no new call is taken, at all of it no entry is.
    pub journal_bytes: u64,
    /// A segment's size: what the store has is deleted in pieces of it.
    pub segment_bytes: u64,
    /// Entries written to the store at once.
    pub batch_entries: usize,
    /// Bytes of them.
    pub batch_bytes: usize,
    /// How long entries are collected for a batch.
    pub batch_wait: Duration,
    /// The store takes a batch within this, or it is given it again.
    pub write_within: Duration,
    /// What the store refuses for good is kept in a file of at most this size. When it is full, nothing more is written
    /// to the store until somebody has looked into it.
    pub dead_letter_bytes: u64,
    /// The longest log of a call's turn-taking; there it is cut. 0 is no logs.
    pub turn_log_bytes: u64,
    /// How much of such logs waits on this machine's disk while the object store is away; beyond it the oldest are dropped.
    pub waiting_turn_logs_bytes: u64,
    /// At shutdown: how long to go on writing to the store. What is left then is written at the next start.
    pub flush_within: Duration,
}

impl Default for PersistLimits {
    fn default() -> Self {
        Self {
            journal_bytes: 1 << 30,
            segment_bytes: 16 << 20,
            batch_entries: 500,
            batch_bytes: 1 << 20,
            batch_wait: Duration::from_millis(50),
            write_within: Duration::from_secs(5),
            dead_letter_bytes: 64 << 20,
            turn_log_bytes: 8 << 20,
            waiting_turn_logs_bytes: 1 << 30,
            flush_within: Duration::from_secs(10),
        }
    }
}

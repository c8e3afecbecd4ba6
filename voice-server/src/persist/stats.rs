//! What the journal and the writer count, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that threads and tasks share. Each is right by itself; together they are of about one instant.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Bytes of the journal's segments on disk.
    pub(crate) journal_bytes: AtomicU64,
    /// Records written to the journal.
    pub(crate) journaled: AtomicU64,
    /// Entries that the journal did not take.
    pub(crate) refused: AtomicU64,
    /// Damaged stretches found in the journal.
    pub(crate) damaged: AtomicU64,
    /// Bytes of the journal that the store does not have.
    pub(crate) unstored_bytes: AtomicU64,
    /// Entries that the store has.
    pub(crate) stored: AtomicU64,
    /// Batches that the store took.
    pub(crate) batches: AtomicU64,
    /// Batches that the store did not take for now.
    pub(crate) retries: AtomicU64,
    /// Entries that the store refused for good.
    pub(crate) dead_letters: AtomicU64,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Takes from a gauge, not below zero.
pub(crate) fn subtract(gauge: &AtomicU64, count: u64) {
    // The closure always gives a value, so there is no failure.
    let _ = gauge.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| Some(value.saturating_sub(count)));
}

/// The value now.
pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

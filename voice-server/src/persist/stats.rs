//! What the journal and the writer count, for the metrics.

use metrics::{counter, describe_counter, describe_gauge, gauge};
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
    /// Entries of calls that are over and wait for the journal.
    pub(crate) overdue: AtomicU64,
    /// Entries of such calls that were given up.
    pub(crate) lost: AtomicU64,
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
    /// Turn logs that were dropped because too many waited for the object store.
    pub(crate) turn_logs_dropped: AtomicU64,
}

impl Stats {
    /// Tells the recorder of this thread what is counted.
    pub(crate) fn publish(&self) {
        gauge!("voice_journal_bytes").set(get(&self.journal_bytes) as f64);
        gauge!("voice_journal_unstored_bytes").set(get(&self.unstored_bytes) as f64);
        counter!("voice_journal_records_total").absolute(get(&self.journaled));
        counter!("voice_journal_refused_total").absolute(get(&self.refused));
        gauge!("voice_journal_overdue_entries").set(get(&self.overdue) as f64);
        counter!("voice_journal_lost_total").absolute(get(&self.lost));
        counter!("voice_journal_damaged_total").absolute(get(&self.damaged));
        counter!("voice_store_entries_total").absolute(get(&self.stored));
        counter!("voice_store_batches_total").absolute(get(&self.batches));
        counter!("voice_store_retries_total").absolute(get(&self.retries));
        counter!("voice_store_dead_letters_total").absolute(get(&self.dead_letters));
        counter!("voice_turn_logs_dropped_total").absolute(get(&self.turn_logs_dropped));
    }
}

/// Says what the counters are, to the recorder of this thread.
pub(crate) fn describe() {
    describe_gauge!("voice_journal_bytes", "The journal's size on disk.");
    describe_gauge!("voice_journal_unstored_bytes", "What of it the database does not have.");
    describe_counter!("voice_journal_records_total", "Entries written to the journal.");
    describe_counter!(
        "voice_journal_refused_total",
        "Entries that the journal did not take: full, or its disk failed."
    );
    describe_gauge!("voice_journal_overdue_entries", "Entries of calls that are over and wait for the journal.");
    describe_counter!("voice_journal_lost_total", "Entries of such calls that were given up; none was told as final.");
    describe_counter!("voice_journal_damaged_total", "Damaged stretches found in the journal.");
    describe_counter!("voice_store_entries_total", "Entries that the database took.");
    describe_counter!("voice_store_batches_total", "Batches that the database took.");
    describe_counter!("voice_store_retries_total", "Batches that the database did not take for now.");
    describe_counter!("voice_store_dead_letters_total", "Entries that the database refused for good.");
    describe_counter!("voice_turn_logs_dropped_total", "Turn logs that were dropped: too many waited to be kept.");
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

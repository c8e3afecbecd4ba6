//! How many may do something at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A limited number of places, shared by its clones.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

impl Slots {
    pub(super) fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<Slot> {
        let grown = |taken: usize| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, grown).ok()?;
        Some(Slot(Arc::clone(&self.taken)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let slots = Slots::new(1);
        let first = slots.take();
        assert!(first.is_some() && slots.clone().take().is_none());
        drop(first);
        assert!(slots.take().is_some());
    }
}

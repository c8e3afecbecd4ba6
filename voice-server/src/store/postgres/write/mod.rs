//! What calls leave behind, as it is written.
//!
//! Invariant: a batch is one transaction; what is there stays as it is, whatever comes again; nothing is written under a
//! call that the same tenant does not have.

mod calls;
mod phases;
mod rows;

use super::pools::WorkerPool;
use super::transaction::{Access, Acting};
use crate::store::{Entry, StoreError, Stored};
use phases::phases;

pub(super) async fn write(worker: WorkerPool, entries: Vec<Entry>) -> Stored<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut acting = worker.begin(Access::Write).await?;
    for phase in phases(&entries) {
        write_phase(&mut acting, &phase).await?;
    }
    acting.commit().await
}

/// Writes entries of one kind with one statement, and refuses them if any is of a call that was not begun.
async fn write_phase(acting: &mut Acting, phase: &[&Entry]) -> Stored<()> {
    let without_call = match phase.first() {
        Some(Entry::CallStart(_)) => calls::start(acting, phase).await?,
        Some(Entry::Utterance(_)) => rows::utterances(acting, phase).await?,
        Some(Entry::Conversation(_)) => rows::conversations(acting, phase).await?,
        Some(Entry::Recording(_)) => rows::recordings(acting, phase).await?,
        Some(Entry::TurnLog(_)) => calls::without(acting, phase).await?,
        Some(Entry::CallEnd(_)) => calls::end(acting, phase).await?,
        None => 0,
    };
    if without_call == 0 { Ok(()) } else { Err(StoreError::NotFound { what: "call" }) }
}

//! Keeping a call: what was said is in the journal before the client is told that it is final.
//!
//! Invariant: runs beside the session and never makes it wait. Entries of a call reach the journal in order and without a
//! hole: what it refused is given again before anything later. A call that began ends, whatever becomes of its task: a
//! [`Keeper`] that is dropped ends it, and an end that the journal refuses is overdue until it takes it.

use super::names::SERVER_FAULT;
use super::transcript::Transcript;
use crate::cost::Prices;
use crate::persist::{JournalError, Persistence};
use crate::principal::UserId;
use crate::store::{CallStart, Entry, Header};
use std::time::Duration;
use tokio::time::sleep;
use tracing::{info, warn};
use voice_core::session::{CallRecord, SessionEvent};
use voice_core::transport::native::{ErrorCode, ServerMessage};
use voice_core::units::SampleRate;

/// When a call is over and the journal refuses its end: how often it is asked again.
const LAST_TRIES: u32 = 3;

/// How long to wait before each.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Why a call ended that could not be kept and was therefore never held.
const UNAVAILABLE: &str = "unavailable";

/// Whether what an event tells may be told as final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It survives this process.
    Safe,
    /// It does not, for now.
    NotYet,
}

/// Keeps one call.
pub(super) struct Keeper<'s> {
    /// None once the call is over.
    transcript: Option<Transcript<'s>>,
    backlog: Backlog<'s>,
}

/// What is to be written.
struct Backlog<'s> {
    persistence: Option<&'s Persistence>,
    /// What the journal refused comes first. Bounded by what can be said in a call.
    entries: Vec<Entry>,
    state: Kept,
}

/// A call that is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) header: Header,
    pub(super) user: UserId,
    /// Of the line.
    pub(super) rate: SampleRate,
}

impl<'s> Keeper<'s> {
    /// Keeps that a call was answered. Without a journal nothing is ever kept, and everything may be told.
    ///
    /// # Errors
    /// [`JournalError`]: then there is to be no call. Should the journal have its start all the same, it ends at once.
    pub(super) async fn answer(
        persistence: Option<&'s Persistence>,
        answered: Answered,
        prices: &'s Prices,
    ) -> Result<Self, JournalError> {
        let Answered { header, user, rate } = answered;
        let transcript = Transcript::new(header, rate, prices);
        let mut backlog = Backlog { persistence, entries: Vec::new(), state: Kept::Safe };
        if let Some(persistence) = persistence {
            let server = persistence.server();
            backlog.entries.push(Entry::CallStart(CallStart { header, user, lead: None, server }));
            if let Err(error) = persistence.journal().append(&backlog.entries).await {
                if error.may_be_written() {
                    transcript.finish(None, UNAVAILABLE, &mut backlog.entries);
                    backlog.hand_over();
                }
                return Err(error);
            }
            backlog.entries.clear();
        }
        Ok(Self { transcript: Some(transcript), backlog })
    }

    /// Keeps what an event tells; of most there is nothing to keep. Not cancellation safe: dropped, the event may be kept
    /// without anybody knowing.
    pub(super) async fn keep(&mut self, event: &SessionEvent) -> Kept {
        let known = self.backlog.entries.len();
        if let Some(transcript) = &mut self.transcript {
            transcript.observe(event, &mut self.backlog.entries);
        }
        if self.backlog.entries.len() == known { Kept::Safe } else { self.backlog.write().await }
    }

    /// Keeps what is left when the call is over; without a record, it broke off, and `broke_off` says why. What the journal
    /// does not take in time is overdue, and not safe. Not cancellation safe.
    pub(super) async fn finish(mut self, record: Option<&CallRecord>, broke_off: &str) -> Kept {
        self.end(record, broke_off);
        for _ in 0..LAST_TRIES {
            if self.backlog.write().await == Kept::Safe {
                return Kept::Safe;
            }
            sleep(LAST_WAIT).await;
        }
        self.backlog.write().await
    }

    fn end(&mut self, record: Option<&CallRecord>, broke_off: &str) {
        if let Some(transcript) = self.transcript.take() {
            transcript.finish(record, broke_off, &mut self.backlog.entries);
        }
    }
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        self.end(None, SERVER_FAULT);
        self.backlog.hand_over();
    }
}

impl Backlog<'_> {
    async fn write(&mut self) -> Kept {
        let Some(persistence) = self.persistence else {
            self.entries.clear();
            return Kept::Safe;
        };
        let before = self.state;
        self.state = match persistence.journal().append(&self.entries).await {
            Ok(()) => Kept::Safe,
            Err(error) => {
                warn!(%error, entries = self.entries.len(), "what was said is not kept yet");
                Kept::NotYet
            }
        };
        if self.state == Kept::Safe {
            self.entries.clear();
        }
        if (before, self.state) == (Kept::NotYet, Kept::Safe) {
            info!("what was said is kept after all");
        }
        self.state
    }

    /// Gives what is left to whoever tries again when the call is over.
    fn hand_over(&mut self) {
        let left = std::mem::take(&mut self.entries);
        if let Some(persistence) = self.persistence
            && !left.is_empty()
        {
            warn!(entries = left.len(), "a call is over and the journal does not have all of it: it is given again");
            persistence.overdue().add(left);
        }
    }
}

/// What the client is told of something that is not safe: nothing as final, and why.
pub(super) fn withhold(messages: &mut Vec<ServerMessage>) {
    messages.retain_mut(|message| match message {
        ServerMessage::Transcript { r#final, .. } => {
            *r#final = false;
            true
        }
        ServerMessage::AgentText { outcome, .. } => {
            *outcome = None;
            true
        }
        ServerMessage::Turn(_) | ServerMessage::Bye { .. } => false,
        _ => true,
    });
    let message = "what is said cannot be stored for now; it is not final".into();
    messages.push(ServerMessage::Error { code: ErrorCode::Storage, message });
}

#[cfg(test)]
mod tests;

//! Keeping a call: what was said is in the journal before the client is told that it is final.
//!
//! Invariant: runs beside the session and never makes it wait. Entries of a call reach the journal in order and without a
//! hole: what it refused is given again before anything later.

use super::transcript::Transcript;
use crate::cost::Prices;
use crate::persist::{Journal, JournalError, Persistence};
use crate::principal::UserId;
use crate::store::{CallStart, Entry, Header};
use std::time::Duration;
use tokio::time::sleep;
use tracing::{error, info, warn};
use voice_core::session::{CallRecord, SessionEvent};
use voice_core::transport::native::{ErrorCode, ServerMessage};
use voice_core::units::SampleRate;

/// When a call is over and the journal refuses its end: how often it is asked again.
const LAST_TRIES: u32 = 3;

/// How long to wait before each.
const LAST_WAIT: Duration = Duration::from_secs(1);

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
    transcript: Transcript<'s>,
    backlog: Backlog<'s>,
}

/// What is to be written.
struct Backlog<'s> {
    journal: Option<&'s Journal>,
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
    /// [`JournalError`]: then there is to be no call.
    pub(super) async fn answer(
        persistence: Option<&'s Persistence>,
        answered: Answered,
        prices: &'s Prices,
    ) -> Result<Self, JournalError> {
        let Answered { header, user, rate } = answered;
        let journal = persistence.map(Persistence::journal);
        if let Some(persistence) = persistence {
            let run = persistence.run();
            persistence.journal().append(&[Entry::CallStart(CallStart { header, user, lead: None, run })]).await?;
        }
        let backlog = Backlog { journal, entries: Vec::new(), state: Kept::Safe };
        Ok(Self { transcript: Transcript::new(header, rate, prices), backlog })
    }

    /// Keeps what an event tells; of most there is nothing to keep. Not cancellation safe: dropped, the event may be kept
    /// without anybody knowing.
    pub(super) async fn keep(&mut self, event: &SessionEvent) -> Kept {
        let known = self.backlog.entries.len();
        self.transcript.observe(event, &mut self.backlog.entries);
        if self.backlog.entries.len() == known { Kept::Safe } else { self.backlog.write().await }
    }

    /// Keeps what is left when the call is over; without a record, it broke off, and `broke_off` says why. Not cancellation
    /// safe.
    pub(super) async fn finish(mut self, record: Option<&CallRecord>, broke_off: &str) -> Kept {
        self.transcript.finish(record, broke_off, &mut self.backlog.entries);
        for _ in 0..LAST_TRIES {
            if self.backlog.write().await == Kept::Safe {
                return Kept::Safe;
            }
            sleep(LAST_WAIT).await;
        }
        let kept = self.backlog.write().await;
        if kept == Kept::NotYet {
            let entries = self.backlog.entries.len();
            error!(entries, "the call is over and could not be kept: this is lost, and was not told as final");
        }
        kept
    }
}

impl Backlog<'_> {
    async fn write(&mut self) -> Kept {
        let Some(journal) = self.journal else {
            self.entries.clear();
            return Kept::Safe;
        };
        let before = self.state;
        self.state = match journal.append(&self.entries).await {
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
mod tests {
    use super::*;
    use crate::persist::testing::{Meets, ScriptedStore, header, quick};
    use crate::persist::{PersistConfig, PersistLimits};
    use object_store::memory::InMemory;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use uuid::Uuid;
    use voice_core::turn::{CallerTurn, EotSource};
    use voice_core::units::{Position, TurnId};

    fn said(turn: u32) -> SessionEvent {
        SessionEvent::CallerTurn(CallerTurn {
            turn: TurnId(turn),
            text: format!("said {turn}"),
            source: EotSource::Silence,
            onset: Position(0),
            end: Position(1),
        })
    }

    #[tokio::test]
    async fn what_the_journal_refused_is_kept_in_its_place_when_there_is_room_again() {
        let (data, store, prices) =
            (tempfile::tempdir().unwrap(), Arc::new(ScriptedStore::default()), Prices::default());
        // The database is away until it is told to be back.
        store.will_meet([Meets::Away; 1_000]);
        let limits = PersistLimits { journal_bytes: 2_000, ..quick() };
        let config = PersistConfig { data: data.path().to_owned(), limits };
        let objects = Arc::new(InMemory::new());
        let (persistence, tasks) = Persistence::start(&config, Arc::clone(&store) as _, objects).unwrap();
        let answered = Answered { header: header(1), user: UserId(Uuid::nil()), rate: SampleRate::Hz8000 };
        let mut keeper = Keeper::answer(Some(&persistence), answered, &prices).await.unwrap();
        let mut turn = 1;
        while keeper.keep(&said(turn)).await == Kept::Safe {
            turn += 1;
        }
        assert!(turn > 1);
        store.is_back();
        while persistence.stats().unstored_bytes.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        turn += 1;
        assert_eq!(keeper.keep(&said(turn)).await, Kept::Safe);
        assert_eq!(keeper.finish(None, "server_fault").await, Kept::Safe);
        tasks.stop().await;
        assert_eq!(store.texts(), (1..=turn).map(|turn| format!("said {turn}")).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_safe_is_not_told_as_final() {
        let agent_text = |outcome: Option<&str>| ServerMessage::AgentText {
            turn: 1,
            reply: 1,
            text: "At ten.".into(),
            heard: "At".into(),
            outcome: outcome.map(Into::into),
        };
        let mut messages = vec![
            ServerMessage::Transcript { turn: 1, text: "When?".into(), r#final: true },
            agent_text(Some("completed")),
            ServerMessage::Turn(Box::default()),
            ServerMessage::Bye { reason: "shutdown".into() },
        ];
        withhold(&mut messages);
        let told = [ServerMessage::Transcript { turn: 1, text: "When?".into(), r#final: false }, agent_text(None)];
        assert_eq!(messages[..2], told);
        assert!(matches!(messages[2..], [ServerMessage::Error { code: ErrorCode::Storage, .. }]), "{messages:?}");
    }
}

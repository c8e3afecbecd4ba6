//! Keeping a call: what was said is in the journal before the client is told that it is final.
//!
//! Invariant: runs beside the session and never makes it wait. Entries of a call reach the journal in order and without a
//! hole: what it refused is given again before anything later. A call that began ends, whatever becomes of its task: a
//! [`Keeper`] that is dropped ends it, and an end that the journal refuses is overdue until it takes it.

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

/// Why a call ended whose task went away.
const SERVER_FAULT: &str = "server_fault";

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
            let run = persistence.run();
            backlog.entries.push(Entry::CallStart(CallStart { header, user, lead: None, run }));
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
mod tests {
    use super::*;
    use crate::persist::testing::{Meets, ScriptedStore, header, quick};
    use crate::persist::{PersistConfig, PersistLimits, PersistenceTasks, get};
    use object_store::memory::InMemory;
    use std::sync::Arc;
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

    /// A journal of few bytes, and a database that is away until it is told to be back.
    struct World {
        data: tempfile::TempDir,
        store: Arc<ScriptedStore>,
        persistence: Persistence,
        tasks: PersistenceTasks,
        prices: Prices,
    }

    impl World {
        fn new() -> Self {
            let (data, store) = (tempfile::tempdir().unwrap(), Arc::new(ScriptedStore::default()));
            store.will_meet([Meets::Away; 1_000]);
            let limits = PersistLimits { journal_bytes: 2_000, ..quick() };
            let config = PersistConfig { data: data.path().to_owned(), limits };
            let objects = Arc::new(InMemory::new());
            let (persistence, tasks) = Persistence::start(&config, Arc::clone(&store) as _, objects).unwrap();
            Self { data, store, persistence, tasks, prices: Prices::default() }
        }

        async fn answer(&self, call: u128) -> Result<Keeper<'_>, JournalError> {
            let answered = Answered { header: header(call), user: UserId(Uuid::nil()), rate: SampleRate::Hz8000 };
            Keeper::answer(Some(&self.persistence), answered, &self.prices).await
        }

        async fn until_stored(&self) {
            let stats = self.persistence.stats();
            while get(&stats.unstored_bytes) > 0 || get(&stats.overdue) > 0 {
                tokio::task::yield_now().await;
            }
        }

        /// Why each call ended, of those that did.
        fn ends(&self) -> Vec<String> {
            let end = |entry: Entry| if let Entry::CallEnd(end) = entry { Some(end.reason.clone()) } else { None };
            self.store.rows().into_iter().filter_map(end).collect()
        }
    }

    /// Says something in a call until the journal is full; gives how many times.
    async fn fill(keeper: &mut Keeper<'_>) -> u32 {
        let mut turn = 1;
        while keeper.keep(&said(turn)).await == Kept::Safe {
            turn += 1;
        }
        turn
    }

    fn texts(turns: u32) -> Vec<String> {
        (1..=turns).map(|turn| format!("said {turn}")).collect()
    }

    #[tokio::test]
    async fn what_the_journal_refused_is_kept_in_its_place_when_there_is_room_again() {
        let world = World::new();
        let mut keeper = world.answer(1).await.unwrap();
        let turns = fill(&mut keeper).await + 1;
        assert!(turns > 2);
        world.store.is_back();
        world.until_stored().await;
        assert_eq!(keeper.keep(&said(turns)).await, Kept::Safe);
        assert_eq!(keeper.finish(None, "line_lost").await, Kept::Safe);
        world.until_stored().await;
        assert_eq!((world.store.texts(), world.ends()), (texts(turns), vec!["line_lost".into()]));
        world.tasks.stop().await;
    }

    #[tokio::test]
    async fn a_call_whose_end_the_journal_refuses_ends_when_there_is_room_again() {
        let world = World::new();
        let mut keeper = world.answer(1).await.unwrap();
        let turns = fill(&mut keeper).await;
        // Its tries are a second apart.
        tokio::time::pause();
        assert_eq!(keeper.finish(None, "line_lost").await, Kept::NotYet);
        assert_eq!(get(&world.persistence.stats().overdue), 2);
        world.store.is_back();
        while world.ends().is_empty() {
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert_eq!((world.store.texts(), world.ends()), (texts(turns), vec!["line_lost".into()]));
    }

    #[tokio::test]
    async fn a_call_whose_task_goes_away_ends() {
        let world = World::new();
        world.store.is_back();
        drop(world.answer(1).await.unwrap());
        world.until_stored().await;
        assert_eq!(world.ends(), ["server_fault"]);
    }

    #[tokio::test]
    async fn a_call_whose_start_may_have_been_written_although_it_was_refused_ends() {
        let world = World::new();
        let (spool, away) = (world.data.path().join("spool"), world.data.path().join("away"));
        std::fs::rename(&spool, &away).unwrap();
        assert!(matches!(world.answer(1).await.err(), Some(JournalError::Disk(_))));
        std::fs::rename(&away, &spool).unwrap();
        world.store.is_back();
        world.until_stored().await;
        assert!(matches!(world.store.rows()[..], [Entry::CallStart(_), Entry::CallEnd(_)]));
        assert_eq!(world.ends(), ["unavailable"]);
    }

    #[tokio::test]
    async fn a_call_that_a_full_journal_refused_was_never_there() {
        let world = World::new();
        fill(&mut world.answer(1).await.unwrap()).await;
        assert_eq!(world.answer(2).await.err(), Some(JournalError::Full));
        world.store.is_back();
        world.until_stored().await;
        assert!(world.store.rows().iter().all(|entry| entry.header() == header(1)));
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

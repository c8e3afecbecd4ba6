use super::*;
use crate::limits::LONGEST_CALL;
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
        let (persistence, tasks) = Persistence::start(&config, Arc::clone(&store) as _, objects, LONGEST_CALL).unwrap();
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

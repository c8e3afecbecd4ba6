use super::*;
use crate::persist::journal::{Opened, Work};
use crate::persist::stats::get;
use crate::persist::testing::{header, quick};
use crate::store::{Entry, TurnLogEntry};
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use std::time::{Duration, Instant};
use voice_core::turn::{Command as Said, EndReason, Input, Output, TurnConfig, TurnMachine, TurnWitness};
use voice_core::turn_log::{ReplayOutcome, replay};
use voice_core::units::SampleRate;

const WITHIN: Duration = Duration::from_secs(10);

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn any_instant() -> Instant {
    Instant::now()
}

/// What logs are made with, and where they tell that they are kept.
struct World {
    data: tempfile::TempDir,
    journal: Journal,
    work: mpsc::Receiver<Work>,
    stats: Arc<Stats>,
}

impl World {
    fn new() -> Self {
        Self::of(quick())
    }

    fn of(limits: PersistLimits) -> Self {
        let data = tempfile::tempdir().unwrap();
        let Opened { journal, work, .. } = Journal::open(&data.path().join("spool"), &limits, Arc::default()).unwrap();
        Self { data, journal, work, stats: Arc::default() }
    }

    fn start(&self, objects: &Arc<impl ObjectStore>, limits: &PersistLimits) -> (TurnLogs, TurnLogTasks) {
        let objects = Arc::clone(objects) as Arc<dyn ObjectStore>;
        start(self.data.path(), objects, self.journal.clone(), limits, Arc::clone(&self.stats)).unwrap()
    }

    /// Logs of this length at most.
    fn logs(&self, objects: &Arc<impl ObjectStore>, turn_log_bytes: u64) -> (TurnLogs, TurnLogTasks) {
        self.start(objects, &PersistLimits { turn_log_bytes, ..quick() })
    }

    fn folders(&self) -> Folders {
        Folders::open(&self.data.path().join("turn-logs"), keep::SUFFIX).unwrap()
    }

    /// What the journal has.
    async fn entries(mut self) -> Vec<Entry> {
        self.journal.close().await;
        let mut found = Vec::new();
        while let Some(work) = self.work.recv().await {
            match work {
                Work::Batch(batch, done) => {
                    found.extend(batch.entries);
                    done.send(()).unwrap();
                }
                Work::LeftoversRead(done) => done.send(()).unwrap(),
            }
        }
        found
    }
}

/// A call that is hung up at once.
fn talk(mut log: TurnLog) {
    let (config, rate, now) = (TurnConfig::default(), SampleRate::Hz8000, any_instant());
    log.began(&config, rate, now);
    let mut machine = TurnMachine::new(config, rate, now);
    let input = Input::Command(Said::HangUp(EndReason::CallerHungUp));
    log.told(&input, now);
    machine.handle(input, now);
    while let Some(output) = machine.poll_output() {
        log.said(&output);
    }
}

async fn kept(objects: &dyn ObjectStore, call: u128) -> Vec<u8> {
    objects.get(&key(&header(call))).await.unwrap().bytes().await.unwrap().to_vec()
}

fn outcome(log: &[u8]) -> ReplayOutcome {
    replay(log, any_instant()).unwrap().outcome
}

#[tokio::test]
async fn the_log_of_a_call_is_kept_and_can_be_run_again() {
    let (world, objects) = (World::new(), Arc::new(InMemory::new()));
    let (logs, tasks) = world.logs(&objects, 1 << 20);
    talk(logs.of(header(1)).unwrap());
    tasks.stop(WITHIN).await;
    assert_eq!(outcome(&kept(&*objects, 1).await), ReplayOutcome::Identical);
    let object_key = key(&header(1)).to_string();
    assert_eq!(world.entries().await, [Entry::TurnLog(TurnLogEntry { header: header(1), object_key })]);
}

#[tokio::test]
async fn where_more_wait_than_there_is_room_for_the_oldest_go_and_are_counted() {
    let (world, bucket) = (World::new(), tempfile::tempdir().unwrap());
    let objects = Arc::new(LocalFileSystem::new_with_prefix(bucket.path()).unwrap());
    // In the way of the tenant's folder.
    std::fs::write(bucket.path().join(header(1).tenant.to_string()), b"").unwrap();
    let folders = world.folders();
    for call in 1..=5 {
        std::fs::write(folders.running(&header(call)), [b'x'; 100]).unwrap();
        folders.set_ready(&header(call)).unwrap();
    }
    let (_, tasks) = world.start(&objects, &PersistLimits { waiting_turn_logs_bytes: 250, ..quick() });
    tasks.stop(WITHIN).await;
    let left = folders.ready().await.unwrap().into_iter().map(|(header, _)| header).collect::<Vec<_>>();
    assert_eq!((left, get(&world.stats.turn_logs_dropped)), ([4, 5].map(header).to_vec(), 3));
}

#[tokio::test]
async fn a_backlog_beyond_the_bound_is_kept_where_the_object_store_takes_it() {
    let (world, objects) = (World::new(), Arc::new(InMemory::new()));
    let folders = world.folders();
    for call in 1..=5 {
        std::fs::write(folders.running(&header(call)), [b'x'; 100]).unwrap();
        folders.set_ready(&header(call)).unwrap();
    }
    let (_, tasks) = world.start(&objects, &PersistLimits { waiting_turn_logs_bytes: 250, ..quick() });
    tasks.stop(WITHIN).await;
    assert_eq!((objects.list(None).count().await, get(&world.stats.turn_logs_dropped)), (5, 0));
}

#[tokio::test]
async fn while_the_journal_is_full_the_object_store_is_given_nothing() {
    let (world, objects) = (World::of(PersistLimits { journal_bytes: 0, ..quick() }), Arc::new(InMemory::new()));
    let folders = world.folders();
    std::fs::write(folders.running(&header(1)), b"x").unwrap();
    folders.set_ready(&header(1)).unwrap();
    world.logs(&objects, 1 << 20).1.stop(WITHIN).await;
    assert_eq!((objects.list(None).count().await, folders.ready().await.unwrap().len()), (0, 1));
}

#[tokio::test]
async fn a_log_that_was_not_written_fast_enough_says_where_it_ends() {
    let (world, objects) = (World::new(), Arc::new(InMemory::new()));
    let (logs, tasks) = world.logs(&objects, 1 << 30);
    let mut log = logs.of(header(1)).unwrap();
    let now = any_instant();
    log.began(&TurnConfig::default(), SampleRate::Hz8000, now);
    // More than the queue holds, all at once; a thread that is quick may need more of them.
    (0..200 * QUEUED).for_each(|_| log.told(&Input::TimerFired, now));
    log.said(&Output::CallerIdle);
    drop(log);
    tasks.stop(WITHIN).await;
    assert!(
        matches!(outcome(&kept(&*objects, 1).await), ReplayOutcome::IdenticalUntilCut(why) if why.contains("busy"))
    );
}

#[tokio::test]
async fn what_a_dead_run_left_is_kept_at_the_next_start() {
    let (world, objects) = (World::new(), Arc::new(InMemory::new()));
    let folders = world.folders();
    std::fs::write(folders.running(&header(7)), b"{\"turn_log\":1,\"rate\":8000,\"config\":{}}\n{\"at_").unwrap();
    let (_, tasks) = world.logs(&objects, 1 << 20);
    tasks.stop(WITHIN).await;
    assert!(matches!(outcome(&kept(&*objects, 7).await), ReplayOutcome::IdenticalUntilCut(_)));
}

#[tokio::test]
async fn a_log_that_a_dead_run_left_between_two_lines_is_no_whole_one() {
    let (world, objects) = (World::new(), Arc::new(InMemory::new()));
    let folders = world.folders();
    let head = "{\"turn_log\":1,\"rate\":8000,\"config\":{}}\n";
    let told = "{\"at_ns\":5,\"in\":{\"command\":{\"hang_up\":\"caller_hung_up\"}}}\n";
    // What the machine said to that was not written any more.
    std::fs::write(folders.running(&header(7)), format!("{head}{told}")).unwrap();
    let whole = format!("{head}{told}{{\"out\":{{\"end_call\":\"caller_hung_up\"}}}}\n");
    std::fs::write(folders.running(&header(8)), whole).unwrap();
    let (_, tasks) = world.logs(&objects, 1 << 20);
    tasks.stop(WITHIN).await;
    assert!(
        matches!(outcome(&kept(&*objects, 7).await), ReplayOutcome::IdenticalUntilCut(why) if why.contains("killed"))
    );
    assert_eq!(outcome(&kept(&*objects, 8).await), ReplayOutcome::Identical);
}

#[tokio::test]
async fn a_bound_of_nothing_turns_logs_off() {
    let world = World::new();
    let (logs, tasks) = world.logs(&Arc::new(InMemory::new()), 0);
    assert!(logs.of(header(1)).is_none());
    tasks.stop(WITHIN).await;
}

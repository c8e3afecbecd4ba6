use super::*;
use crate::persist::testing::header;
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
    let (data, objects) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let (logs, tasks) = start(data.path(), Arc::clone(&objects) as _, 1 << 20).unwrap();
    talk(logs.of(header(1)).unwrap());
    tasks.stop(WITHIN).await;
    assert_eq!(outcome(&kept(&*objects, 1).await), ReplayOutcome::Identical);
}

#[tokio::test]
async fn a_log_that_was_not_written_fast_enough_says_where_it_ends() {
    let (data, objects) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let (logs, tasks) = start(data.path(), Arc::clone(&objects) as _, 1 << 30).unwrap();
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
    let (data, objects) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let folders = Folders::open(&data.path().join("turn-logs"), keep::SUFFIX).unwrap();
    std::fs::write(folders.running(&header(7)), b"{\"turn_log\":1,\"rate\":8000,\"config\":{}}\n{\"at_").unwrap();
    let (_, tasks) = start(data.path(), Arc::clone(&objects) as _, 1 << 20).unwrap();
    tasks.stop(WITHIN).await;
    assert!(matches!(outcome(&kept(&*objects, 7).await), ReplayOutcome::IdenticalUntilCut(_)));
}

#[tokio::test]
async fn a_log_that_a_dead_run_left_between_two_lines_is_no_whole_one() {
    let (data, objects) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let folders = Folders::open(&data.path().join("turn-logs"), keep::SUFFIX).unwrap();
    let head = "{\"turn_log\":1,\"rate\":8000,\"config\":{}}\n";
    let told = "{\"at_ns\":5,\"in\":{\"command\":{\"hang_up\":\"caller_hung_up\"}}}\n";
    // What the machine said to that was not written any more.
    std::fs::write(folders.running(&header(7)), format!("{head}{told}")).unwrap();
    let whole = format!("{head}{told}{{\"out\":{{\"end_call\":\"caller_hung_up\"}}}}\n");
    std::fs::write(folders.running(&header(8)), whole).unwrap();
    let (_, tasks) = start(data.path(), Arc::clone(&objects) as _, 1 << 20).unwrap();
    tasks.stop(WITHIN).await;
    assert!(
        matches!(outcome(&kept(&*objects, 7).await), ReplayOutcome::IdenticalUntilCut(why) if why.contains("killed"))
    );
    assert_eq!(outcome(&kept(&*objects, 8).await), ReplayOutcome::Identical);
}

#[tokio::test]
async fn a_bound_of_nothing_turns_logs_off() {
    let data = tempfile::tempdir().unwrap();
    let (logs, tasks) = start(data.path(), Arc::new(InMemory::new()), 0).unwrap();
    assert!(logs.of(header(1)).is_none());
    tasks.stop(WITHIN).await;
}

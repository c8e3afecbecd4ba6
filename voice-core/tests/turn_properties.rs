//! Random conversations, legal and not, held against the turn machine's invariants after every event.
//!
//! `TURN_SEED=<n>` replays one conversation; a failure names its seed. `TURN_EVENTS=<n>` sets how many events there are
//! in total.

#![allow(clippy::panic, clippy::expect_used, reason = "a panic is how a test fails")]

mod turn_support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use turn_support::{Conversation, Rules, Thresholds, any_instant};
use voice_core::turn::{Command, EndReason, Input, Output, TurnConfig, TurnMachine, TurnWitness};
use voice_core::turn_log::{ReplayOutcome, TurnLog, replay};
use voice_core::units::SampleRate;

const EVENTS: u64 = 1_000_000;
const EVENTS_A_CALL: u64 = 1_000;
/// Every output, barge-ins and turns by kind.
const KINDS: usize = 28;
/// A call that only time goes on in ends within so many timers.
const STEPS_TO_REST: usize = 200;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_conversations_keep_the_rules_with_usual_thresholds() {
    random_calls(Thresholds::Usual);
}

#[test]
fn random_conversations_keep_the_rules_with_mad_thresholds() {
    random_calls(Thresholds::Mad);
}

fn random_calls(thresholds: Thresholds) {
    if let Some(seed) = from_env("TURN_SEED") {
        random_call(seed, thresholds);
        return;
    }
    let calls = (from_env("TURN_EVENTS").unwrap_or(EVENTS) / 2).div_ceil(EVENTS_A_CALL);
    let mut seen = BTreeMap::new();
    for seed in 1..=calls {
        let of_call = std::panic::catch_unwind(|| random_call(seed, thresholds))
            .unwrap_or_else(|_| panic!("TURN_SEED={seed} replays this"));
        for (kind, count) in of_call {
            *seen.entry(kind).or_insert(0) += count;
        }
    }
    println!("{} events: {seen:?}", calls * EVENTS_A_CALL);
    assert_eq!(seen.len(), KINDS, "some kind of output never came: {seen:?}");
}

/// One call: random events, then either a hang-up or nothing but time.
fn random_call(seed: u64, thresholds: Thresholds) -> BTreeMap<&'static str, u64> {
    let start = any_instant();
    let mut conversation = Conversation::new(seed);
    let config = conversation.config(thresholds);
    let mut machine = TurnMachine::new(config.clone(), SampleRate::Hz16000, start);
    let mut rules = Rules::new(SampleRate::Hz16000);
    let mut journal = Vec::new();
    let mut now = start;
    for _ in 0..EVENTS_A_CALL {
        now += conversation.pause(machine.poll_timeout().map(|at| at.saturating_duration_since(now)));
        let input = conversation.input(rules.live_reply(), thresholds);
        step(&mut machine, &mut rules, &mut journal, input, now);
    }
    if seed.is_multiple_of(2) {
        comes_to_rest(&mut machine, &mut rules, &mut journal);
    }
    step(&mut machine, &mut rules, &mut journal, Input::Command(Command::HangUp(EndReason::CallerHungUp)), now);
    rules.call_over();
    if seed.is_multiple_of(8) {
        replays_equally(&journal, start, &config);
    }
    rules.seen().clone()
}

type Journal = Vec<(Input, Instant, Vec<Output>)>;

fn step(machine: &mut TurnMachine, rules: &mut Rules, journal: &mut Journal, input: Input, now: Instant) {
    rules.input(&input);
    machine.handle(input.clone(), now);
    let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll_output()).collect();
    rules.outputs(&outputs);
    journal.push((input, now, outputs));
    if let Some(at) = machine.poll_timeout() {
        assert!(at > now, "a timer is due though the input was handled: {}", tail(journal));
    }
}

fn comes_to_rest(machine: &mut TurnMachine, rules: &mut Rules, journal: &mut Journal) {
    for _ in 0..STEPS_TO_REST {
        let Some(at) = machine.poll_timeout() else { return };
        step(machine, rules, journal, Input::TimerFired, at);
    }
    panic!("never comes to rest: {}", tail(journal));
}

fn replays_equally(journal: &Journal, start: Instant, config: &TurnConfig) {
    let (sink, lines) = channel();
    let mut log = TurnLog::new(u64::MAX, move |line| drop(sink.send(line.to_vec())));
    log.began(config, SampleRate::Hz16000, start);
    for (input, now, outputs) in journal {
        log.told(input, *now);
        outputs.iter().for_each(|output| log.said(output));
    }
    drop(log);
    let log: Vec<u8> = lines.into_iter().flatten().collect();
    let replayed = replay(log.as_slice(), any_instant()).expect("a log is read back");
    assert_eq!(replayed.outcome, ReplayOutcome::Identical);
    assert_eq!(replayed.inputs, journal.len() as u64);
}

fn tail(journal: &Journal) -> String {
    let first = journal.len().saturating_sub(12);
    journal[first..].iter().fold(String::new(), |mut text, (input, now, outputs)| {
        let _ = write!(text, "\n{now:?} {input:?} => {outputs:?}");
        text
    })
}

#[test]
fn time_that_goes_backwards_counts_as_the_latest() {
    let start = any_instant() + Duration::from_secs(10);
    let mut machine = TurnMachine::new(TurnConfig::default(), SampleRate::Hz16000, start);
    machine.handle(Input::TimerFired, start + Duration::from_secs(5));
    let timeout = machine.poll_timeout();
    machine.handle(Input::TimerFired, start - Duration::from_secs(5));
    assert_eq!(machine.poll_timeout(), timeout);
}

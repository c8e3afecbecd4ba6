//! Logs made by hand, and logs that somebody spoilt.

use super::*;
use crate::turn::{Command, EndReason, Input, Output, Protection, ReplyInput, TurnConfig, TurnMachine, TurnWitness};
use crate::units::{Position, ReplyId, SampleRate};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn any_instant() -> Instant {
    Instant::now()
}

/// An agent that says something and is interrupted; instants are of no matter but their distances.
fn recorded(max_bytes: u64) -> String {
    let (sink, lines) = channel();
    let mut log = TurnLog::new(max_bytes, move |line| drop(sink.send(String::from_utf8(line.to_vec()))));
    let start = any_instant();
    let (config, rate) = (TurnConfig::default(), SampleRate::Hz16000);
    log.began(&config, rate, start);
    let mut machine = TurnMachine::new(config, rate, start);
    let text = "It is \"ten\" o'clock.";
    let reply = |input| Input::Reply(ReplyId(1), input);
    let inputs = [
        Input::Command(Command::Say { text: text.into(), protection: Protection::default() }),
        reply(ReplyInput::Clause { text: text.into() }),
        reply(ReplyInput::GenerationDone),
        reply(ReplyInput::Audio { samples: 32_000 }),
        reply(ReplyInput::Played { samples: 8_000 }),
        Input::SpeechStarted { onset: Position(9_000), confidence: 0.9 },
        Input::Command(Command::Interrupt),
        Input::Command(Command::HangUp(EndReason::CallerHungUp)),
    ];
    for (n, input) in inputs.into_iter().enumerate() {
        let now = start + Duration::from_nanos(100_000_001) * u32::try_from(n).unwrap();
        log.told(&input, now);
        machine.handle(input, now);
        while let Some(output) = machine.poll_output() {
            log.said(&output);
        }
    }
    drop(log);
    lines.into_iter().map(Result::unwrap).collect()
}

fn run(log: &str) -> Result<Replayed, ReplayError> {
    replay(log.as_bytes(), any_instant())
}

#[test]
fn what_was_said_is_said_again_at_any_other_time() {
    let log = recorded(u64::MAX);
    let replayed = run(&log).unwrap();
    assert_eq!(replayed.outcome, ReplayOutcome::Identical);
    assert_eq!((replayed.inputs, replayed.duration), (8, Duration::from_nanos(700_000_007)));
    assert!(log.contains("\"barge_in\"") && log.contains("\"committed_at_ns\":600000006"), "{log}");
}

#[test]
fn the_first_difference_is_named() {
    let log = recorded(u64::MAX);
    let (number, line) = log.lines().enumerate().find(|(_, line)| line.contains("\"pause\"")).unwrap();
    let replayed = run(&log.replace(line, &line.replace("pause", "resume"))).unwrap();
    let ReplayOutcome::Different(difference) = replayed.outcome else { panic!("{replayed:?}") };
    assert_eq!(difference.line, number as u64 + 1);
    assert_eq!(difference.recorded.as_deref(), Some(r#"{"out":{"resume":1}}"#));
    assert_eq!(difference.replayed.as_deref(), Some(r#"{"out":{"pause":1}}"#));
}

#[test]
fn an_output_too_few_or_too_many_is_a_difference() {
    let log = recorded(u64::MAX);
    let last = log.lines().last().unwrap();
    let missing = run(log.strip_suffix(&format!("{last}\n")).unwrap()).unwrap();
    assert!(matches!(missing.outcome, ReplayOutcome::Different(d) if d.recorded.is_none() && d.replayed.is_some()));
    let doubled = run(&format!("{log}{last}\n")).unwrap();
    assert!(matches!(doubled.outcome, ReplayOutcome::Different(d) if d.recorded.is_some() && d.replayed.is_none()));
}

#[test]
fn a_log_is_cut_at_its_bound_and_says_so() {
    let whole = recorded(u64::MAX);
    for bound in [0, 1_000, 1_500, whole.len() as u64] {
        let log = recorded(bound);
        assert!(log.len() as u64 <= bound.max(128), "{} bytes of {bound}", log.len());
        assert!(log.ends_with("{\"cut\":\"the log reached its longest\"}\n"), "{log}");
    }
    let outcome = run(&recorded(1_500)).unwrap().outcome;
    assert_eq!(outcome, ReplayOutcome::IdenticalUntilCut("the log reached its longest".into()));
}

#[test]
fn a_log_whose_process_was_killed_is_read_as_far_as_it_got() {
    let log = recorded(u64::MAX);
    let outcome = run(&log[..log.len() - 5]).unwrap().outcome;
    assert!(matches!(outcome, ReplayOutcome::IdenticalUntilCut(why) if why.contains("killed")));
}

#[test]
fn what_is_no_log_is_refused_with_the_line() {
    for (log, says) in [
        ("", "no turn log"),
        ("{}\n", "no turn log"),
        ("{\"turn_log\":2,\"rate\":16000,\"config\":{}}\n", "it is 2"),
        ("{\"turn_log\":1,\"rate\":44100,\"config\":{}}\n", "44100"),
        ("{\"turn_log\":1,\"rate\":16000,\"config\":{}}\nnonsense\n", "line 2"),
        ("{\"turn_log\":1,\"rate\":16000,\"config\":{}}\n{\"at_ns\":5}\n", "line 2"),
        ("{\"turn_log\":1,\"rate\":16000,\"config\":{}}\n{\"at_ns\":5,\"in\":{\"dance\":1}}\n", "dance"),
    ] {
        let error = run(log).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let long = format!("{{\"turn_log\":1,\"rate\":16000,\"config\":{{}}}}\n{}\n", " ".repeat(2 << 20));
    assert!(run(&long).unwrap_err().to_string().contains("longer than"));
}

#[test]
fn a_cut_log_takes_nothing_more() {
    let (sink, lines) = channel();
    let mut log = TurnLog::new(0, move |line| drop(sink.send(line.to_vec())));
    let start = any_instant();
    log.began(&TurnConfig::default(), SampleRate::Hz8000, start);
    log.told(&Input::TimerFired, start);
    log.said(&Output::CallerIdle);
    drop(log);
    assert_eq!(lines.into_iter().count(), 1);
}

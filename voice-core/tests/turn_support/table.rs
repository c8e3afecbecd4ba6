//! Conversations as tables: when, what happened, what the machine did.
//!
//! A row is `<ms> <input> => <output>; <output>`; lines that begin with `#` are remarks. Timers fire when they are due, as
//! a row `<ms> -` of their own where they have outputs. `speech` was noticed 60 ms after its onset and `quiet` 90 ms
//! after its end, unless a number says otherwise; audio is counted in milliseconds.

use super::any_instant;
use std::time::{Duration, Instant};
use voice_core::turn::{
    Command, EndReason, Input, Muted, Output, Protection, ReplyInput, ReplyKind, SttInput, TurnConfig, TurnMachine,
};
use voice_core::units::{Position, ReplyId, SampleRate, ToolRunId};

const RATE: SampleRate = SampleRate::Hz16000;

/// Plays a table with the default thresholds.
pub fn play(table: &str) {
    play_with(TurnConfig::default(), table);
}

/// Plays a table; panics with the row that went otherwise.
pub fn play_with(config: TurnConfig, table: &str) {
    let start = any_instant();
    let mut machine = TurnMachine::new(config.clone(), RATE, start);
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (told, expected) = row.split_once("=>").unwrap_or((row, ""));
        let (ms, told) = told.trim().split_once(' ').unwrap_or_else(|| panic!("no input in: {row}"));
        let ms: u64 = ms.parse().unwrap_or_else(|_| panic!("no time in: {row}"));
        let now = start + Duration::from_millis(ms);
        fire_silent_timers(&mut machine, start, now, row);
        machine.handle(input(told.trim(), ms, &config), now);
        let got = drain(&mut machine).join("; ");
        let expected = expected.split(';').map(str::trim).filter(|one| !one.is_empty()).collect::<Vec<_>>().join("; ");
        assert_eq!(got, expected, "\nin row: {row}\n");
    }
}

fn fire_silent_timers(machine: &mut TurnMachine, start: Instant, now: Instant, row: &str) {
    while let Some(at) = machine.poll_timeout().filter(|at| *at < now) {
        machine.handle(Input::TimerFired, at);
        let got = drain(machine);
        let at = at.saturating_duration_since(start);
        assert!(got.is_empty(), "at {at:?}, before row: {row}\nunexpected: {}", got.join("; "));
    }
}

fn drain(machine: &mut TurnMachine) -> Vec<String> {
    std::iter::from_fn(|| machine.poll_output()).map(|output| shown(&output)).collect()
}

fn input(told: &str, ms: u64, config: &TurnConfig) -> Input {
    let (word, rest) = told.split_once(' ').unwrap_or((told, ""));
    let text = rest.trim().to_owned();
    let number = || text.parse::<u64>().unwrap_or_else(|_| panic!("no number in: {told}"));
    if let Some(reply) = word.strip_prefix('r').and_then(|id| id.parse().ok()) {
        return Input::Reply(ReplyId(reply), reply_input(&text));
    }
    match word {
        "-" => Input::TimerFired,
        "speech" => {
            let ago = if text.is_empty() { 60 } else { number() };
            Input::SpeechStarted { onset: at(ms.saturating_sub(ago)), confidence: 0.9 }
        }
        "quiet" => {
            let silence_ms = if text.is_empty() { 90 } else { number() };
            Input::SpeechEnded { end: at(ms.saturating_sub(silence_ms)), silence_ms }
        }
        "start" => Input::Stt(SttInput::StartOfTurn { text }),
        "interim" => Input::Stt(SttInput::Interim { text }),
        "eager" => Input::Stt(SttInput::EagerEndOfTurn { text }),
        "resumed" => Input::Stt(SttInput::TurnResumed),
        "final" => Input::Stt(SttInput::Final { text, end: None }),
        "final-to" => {
            let (end, text) = text.split_once(' ').unwrap_or_else(|| panic!("no words in: {told}"));
            Input::Stt(SttInput::Final { text: text.to_owned(), end: Some(at(end.parse().unwrap())) })
        }
        "eot" => Input::Stt(SttInput::EndOfTurn { text }),
        "stt-broke" => Input::Stt(SttInput::Interrupted),
        "stt-failed" => Input::Stt(SttInput::Failed),
        "verdict" => Input::TurnVerdict { complete: text.parse().unwrap() },
        "say" => Input::Command(Command::Say { text, protection: Protection::Interruptible }),
        "say-protected" => Input::Command(Command::Say { text, protection: Protection::Protected }),
        "interrupt" => Input::Command(Command::Interrupt),
        "mute" => Input::Command(Command::Mute(Muted::On)),
        "unmute" => Input::Command(Command::Mute(Muted::Off)),
        "key" => Input::Command(Command::Dtmf(text.chars().next().unwrap())),
        "protect" => Input::Command(Command::Protect(Protection::Protected)),
        "unprotect" => Input::Command(Command::Protect(Protection::Interruptible)),
        "idle-after" => configure(TurnConfig { caller_idle_ms: number(), ..config.clone() }),
        "eot-after" => configure(TurnConfig { eot_unclear_ms: number(), ..config.clone() }),
        "never" => configure(TurnConfig { barge_in: voice_core::turn::BargeInPolicy::Never, ..config.clone() }),
        "hang-up" => Input::Command(Command::HangUp(EndReason::CallerHungUp)),
        _ => panic!("unknown input: {told}"),
    }
}

fn configure(config: TurnConfig) -> Input {
    Input::Command(Command::Configure(Box::new(config)))
}

fn reply_input(told: &str) -> ReplyInput {
    let (word, text) = told.split_once(' ').unwrap_or((told, ""));
    let number = || text.trim().parse::<u64>().unwrap_or_else(|_| panic!("no number in: {told}"));
    let run = || ToolRunId(u32::try_from(number()).unwrap());
    match word {
        "token" => ReplyInput::FirstToken,
        "clause" => ReplyInput::Clause { text: format!("{} ", text.trim()) },
        "tool" => ReplyInput::ToolRequested { run: run() },
        "tool-done" => ReplyInput::ToolFinished { run: run() },
        "done" => ReplyInput::GenerationDone,
        "failed" => ReplyInput::GenerationFailed,
        "audio" => ReplyInput::Audio { samples: RATE.samples_in_ms(number()) },
        "clause-end" => ReplyInput::ClauseEnd { clauses: u32::try_from(number()).unwrap() },
        "spoken" => ReplyInput::SpeechDone,
        "mute" => ReplyInput::SpeechFailed,
        "played" => ReplyInput::Played { samples: RATE.samples_in_ms(number()) },
        "drained" => ReplyInput::Drained { samples: RATE.samples_in_ms(number()) },
        _ => panic!("unknown reply input: {told}"),
    }
}

fn at(ms: u64) -> Position {
    Position(RATE.samples_in_ms(ms))
}

fn ms(position: Position) -> u64 {
    position.0 / RATE.samples_in_ms(1)
}

/// An output as the tables write it.
fn shown(output: &Output) -> String {
    match output {
        Output::Pause(id) => format!("pause {}", id.0),
        Output::Resume(id) => format!("resume {}", id.0),
        Output::Clear(id) => format!("clear {}", id.0),
        Output::BargeIn(signal) => {
            let (cause, onset) = (signal.cause, ms(signal.onset));
            format!("barge-in {} {cause:?} from {onset}: {}", signal.reply.0, signal.heard_text()).trim_end().to_owned()
        }
        Output::Cancel(id) => format!("cancel {}", id.0),
        Output::StartReply(start) => {
            let kind = if start.kind == ReplyKind::Speculative { "guess" } else { "answer" };
            format!("{kind} {} to {}: {}", start.reply.0, start.turn.0, start.caller_text)
        }
        Output::StartSay { reply, turn, text, .. } => format!("say {} in {}: {text}", reply.0, turn.0),
        Output::Release(id) => format!("release {}", id.0),
        Output::Discard(id) => format!("discard {}", id.0),
        Output::Speak { reply, text } => format!("speak {} {}", reply.0, text.trim()),
        Output::FinishSpeech(id) => format!("finish {}", id.0),
        Output::RunTool { reply, run } => format!("tool {} {}", reply.0, run.0),
        Output::FinalizeStt => "finalize".to_owned(),
        Output::CallerTurn(turn) => {
            let (source, from, to) = (turn.source, ms(turn.onset), ms(turn.end));
            format!("turn {} {source:?} {from}-{to}: {}", turn.turn.0, turn.text)
        }
        Output::AgentTurn(turn) => {
            format!("end {} {:?}: {}", turn.reply.0, turn.outcome, turn.heard_text()).trim_end().to_owned()
        }
        Output::SayDropped { text } => format!("dropped {text}"),
        Output::CallerIdle => "idle".to_owned(),
        Output::EndCall(reason) => format!("over {reason:?}"),
    }
}

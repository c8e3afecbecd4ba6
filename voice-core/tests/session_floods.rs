//! Far ends that ask for more than anybody needs, in whole calls in simulated time: what a call costs and keeps is bounded by
//! how long it lasts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use support::{Call, LINE, quick_agent};
use voice_core::provider::scripted::{ScriptedStt, SttConfig, Utterance};
use voice_core::session::{Agent, SessionEvent};
use voice_core::transport::{LineCommand, LineInfo, LineInput, PlayedReports};
use voice_core::turn::Muted;
use voice_core::units::ReplyId;

const LONG: &str = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";

fn hello() -> ScriptedStt {
    let utterances = vec![Utterance::say("Hello there."), Utterance::say("On Tuesday.")];
    ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() })
}

/// A call in which the caller has said hello.
async fn greeted(info: LineInfo, agent: Agent) -> Call {
    let mut call = Call::start_on(info, agent);
    call.silent(200).await;
    call.speak(800).await;
    call
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_and_texts_costs_no_more_replies_than_a_person_could_ask_for() {
    let mut call = greeted(LINE, quick_agent(hello(), &["Hello."])).await;
    for _ in 0..200 {
        for _ in 0..10 {
            call.ask(LineCommand::Dtmf('#'));
            call.ask(LineCommand::Say("Hello.".into()));
        }
        call.silent(20).await;
    }
    let (record, call) = call.hang_up().await;
    assert!(record.turns.len() < 100 && record.caller_turns.len() < 100, "{} replies", record.turns.len());
    assert!(call.count(|event| matches!(event, SessionEvent::KeyDropped('#'))) > 0);
    assert!(call.count(|event| matches!(event, SessionEvent::SayDropped { .. })) > 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_what_costs_no_reply_makes_no_longer_log_than_a_quiet_far_end() {
    let reported = LineInfo { played: PlayedReports::Reported, ..LINE };
    let mut logs = Vec::new();
    for floods in [false, true] {
        let mut call = greeted(reported, quick_agent(hello(), &[LONG])).await;
        call.until_agent_speaks(1).await;
        for n in 0..1_500_u32 {
            for m in 0..10 {
                if floods {
                    call.ask(if m % 2 == 0 { LineCommand::Mute } else { LineCommand::Unmute });
                }
                let samples = u64::from(n * 10 + m) * if floods { 1 } else { 10 };
                if floods || m == 0 {
                    let _ = call.peer.send(LineInput::Played { reply: ReplyId(1), samples });
                }
            }
            call.silent(20).await;
        }
        for _ in 0..500 {
            (0..10).filter(|_| floods).for_each(|_| call.ask(LineCommand::Interrupt));
            call.silent(20).await;
        }
        logs.push(call.log_bytes());
        call.hang_up().await;
    }
    assert!(logs[1] < logs[0] + 20_000, "{logs:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_flood_of_mutes_the_last_one_counts() {
    let mut call = greeted(LINE, quick_agent(hello(), &["Hello.", "Tuesday it is."])).await;
    call.until_turns_end(1).await;
    for _ in 0..100 {
        call.ask(LineCommand::Unmute);
        call.ask(LineCommand::Mute);
        call.silent(20).await;
    }
    call.speak(800).await;
    call.silent(3_000).await;
    assert_eq!(call.count(|event| matches!(event, SessionEvent::TurnEnded(_))), 1, "muted: it is not the caller");
    call.ask(LineCommand::Unmute);
    call.silent(1_000).await;
    call.speak(800).await;
    call.until_turns_end(2).await;
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_mute_that_waits_is_overruled_by_the_program() {
    let mut call = greeted(LINE, quick_agent(hello(), &["Hello.", "Tuesday it is."])).await;
    call.until_turns_end(1).await;
    for _ in 0..200 {
        call.ask(LineCommand::Mute);
        call.ask(LineCommand::Unmute);
    }
    call.ask(LineCommand::Mute);
    call.silent(20).await;
    call.handle.mute(Muted::Off).unwrap();
    call.silent(3_000).await;
    call.speak(800).await;
    call.until_turns_end(2).await;
    call.hang_up().await;
}

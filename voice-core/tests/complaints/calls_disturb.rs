//! 1. Several calls in one process disturb each other.

use crate::support::{Call, LINE, agent};
use crate::{hears, logged_agent, voice};
use std::time::Duration;
use tokio::task::JoinSet;
use voice_core::audio::Frame;
use voice_core::provider::scripted::{LlmConfig, LlmFault, LlmReply, ScriptedLlm, Utterance};
use voice_core::session::Session;
use voice_core::stage::{Llm, LlmEvent, LlmRequest, LlmStream};
use voice_core::transport::{LineInput, MemoryLine};
use voice_core::turn::ReplyOutcome;
use voice_core::units::{CallId, Position};

/// What the caller of an ordinary call hears, and when.
async fn ordinary_call() -> Vec<(u64, u32, usize)> {
    let (agent, _) = logged_agent(vec![Utterance::say("I want a table.")], &["Of course, for when?"]);
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(1_000).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].heard_text(), "Of course, for when?");
    let reply = record.turns[0].reply;
    vec![(call.first_audio_ms(reply).unwrap(), reply.0, call.check_ramp(reply))]
}

/// A call that says one thing, without checks: its agent may be broken.
async fn other_call(agent: voice_core::session::Agent) {
    let (line, peer) = MemoryLine::pair(LINE, 64);
    let (session, handle, _events) = Session::new(CallId::new("other"), agent, Box::new(line));
    let mut tasks = JoinSet::new();
    tasks.spawn(session.run());
    for n in 0..200 {
        let level = if (10..60).contains(&n) { 8_000 } else { 0 };
        let samples: Vec<i16> = (0..320).map(|n| if n / 4 % 2 == 0 { level } else { -level }).collect();
        let _ = peer.send(LineInput::Audio(Frame::new(Position(n * 320), &samples)));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(handle);
}

/// Gives nothing, for ever, and never waits.
struct Chatty;

impl Llm for Chatty {
    fn generate(&self, _: LlmRequest) -> LlmStream {
        Box::pin(futures::stream::repeat_with(|| Ok(LlmEvent::Delta(String::new()))))
    }
}

/// Panics when it is asked.
struct Rash;

impl Llm for Rash {
    fn generate(&self, _: LlmRequest) -> LlmStream {
        panic!("the model is broken by design")
    }
}

#[tokio::test(start_paused = true)]
async fn a_panicking_a_silent_and_a_babbling_model_disturb_only_their_own_calls() {
    let alone = ordinary_call().await;
    let words = || hears(vec![Utterance::say("Hello there.")]);
    let silent = LlmReply::text("Never.").fault(LlmFault::StallAfter(0));
    let mut others = JoinSet::new();
    for _ in 0..4 {
        others.spawn(other_call(agent(words(), Rash, voice())));
        others.spawn(other_call(agent(words(), Chatty, voice())));
        others.spawn(other_call(agent(words(), ScriptedLlm::new(LlmConfig::default(), vec![silent.clone()]), voice())));
    }
    assert_eq!(ordinary_call().await, alone);
    others.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn fifty_calls_of_one_agent_each_hear_their_own_words() {
    let (agent, log) = logged_agent(vec![Utterance::say("I want a table.")], &["Of course, for when?"]);
    let mut calls = JoinSet::new();
    for n in 0..50_u64 {
        let agent = agent.clone();
        calls.spawn(async move {
            let mut call = Call::start(agent);
            call.silent(200 + 20 * n).await;
            call.speak(1_000).await;
            let speech_end = call.now_ms();
            call.until_turns_end(1).await;
            let (record, call) = call.hang_up().await;
            let turn = &record.turns[0];
            assert_eq!((turn.outcome, turn.heard_text()), (ReplyOutcome::Completed, "Of course, for when?"));
            assert_eq!(call.check_ramp(turn.reply), 20 * 960);
            call.first_audio_ms(turn.reply).unwrap() - speech_end
        });
    }
    let waits: Vec<u64> = calls.join_all().await;
    assert!(waits.iter().all(|wait| wait.abs_diff(450) <= 20), "{waits:?}");
    assert_eq!(log.count(), 50);
}

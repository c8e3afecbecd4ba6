//! Whole calls through Flux, chat over SSE and Cartesia, spoken to over real sockets in real time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;
#[path = "support/chain.rs"]
mod vendors;

use std::time::Duration;
use support::Call;
use vendors::{chain, talk};
use voice_core::provider::fakes::{FakeTurn, Fakes};
use voice_core::session::{Agent, SessionEvent};
use voice_core::turn::{BargeInCause, EotSource, ReplyOutcome};

/// How much silence Flux lets pass before it ends a turn it has taken for over: enough for a busy machine to begin a reply.
const UNHURRIED_MS: u64 = 4_000;
const LONG: &str = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";

#[tokio::test]
async fn talking_over_the_agent_silences_it_and_cancels_the_vendors() {
    let turns = vec![FakeTurn::new("Hello there."), FakeTurn::new("No wait, I meant Tuesday.")];
    let mut config = talk(turns, &[LONG, "Tuesday it is."]);
    config.cartesia.pace_percent = 100;
    let fakes = Fakes::start(config).await.unwrap();
    let mut call = Call::start(unhurried(&fakes));
    call.silent(300).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    call.speak(1_400).await;
    call.silent_until(12_000, |call| call.count(|event| matches!(event, SessionEvent::TurnEnded(_))) >= 2).await;
    let (record, call) = call.hang_up().await;

    assert_eq!(record.turns[0].outcome, ReplyOutcome::BargedIn, "{:#?}", call.events);
    let heard = record.turns[0].heard_text();
    assert!(LONG.starts_with(heard) && !heard.is_empty() && heard.len() < LONG.len(), "heard {heard:?}");
    let signal = call.events.iter().find_map(|(_, event)| match event {
        SessionEvent::BargeIn { signal, .. } => Some(signal),
        _ => None,
    });
    assert_eq!(signal.unwrap().cause, BargeInCause::StartOfTurn);
    let texts: Vec<_> = record.caller_turns.iter().map(|turn| (turn.text.as_str(), turn.source)).collect();
    assert_eq!(texts, [("Hello there.", EotSource::Stt), ("No wait, I meant Tuesday.", EotSource::Stt)]);
    assert_eq!(record.turns[1].heard_text(), "Tuesday it is.");
    let cancelled = fakes.log().until(|counts| counts.cartesia.cancelled > 0);
    let counts = tokio::time::timeout(Duration::from_secs(10), cancelled).await.unwrap();
    assert_eq!((counts.cartesia.contexts, counts.cartesia.cancelled), (2, 1), "{counts:?}");
    assert_eq!((counts.flux.opened, counts.cartesia.opened), (1, 1), "one socket a call");
}

#[tokio::test]
async fn a_cough_over_the_agent_pauses_it_and_cancels_nothing() {
    let mut config = talk(vec![FakeTurn::new("Hello there.")], &[LONG]);
    config.cartesia.pace_percent = 100;
    let fakes = Fakes::start(config).await.unwrap();
    let mut call = Call::start(unhurried(&fakes));
    call.silent(300).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(800).await;
    // Flux understands no second stretch of sound.
    call.speak(200).await;
    call.silent_until(30_000, |call| call.count(|event| matches!(event, SessionEvent::TurnEnded(_))) >= 1).await;
    let (record, call) = call.hang_up().await;

    assert_eq!(call.count(|event| matches!(event, SessionEvent::Resumed(_))), 1, "{:#?}", call.events);
    assert_eq!(call.count(|event| matches!(event, SessionEvent::BargeIn { .. })), 0);
    assert_eq!((record.turns[0].outcome, record.turns[0].heard_text()), (ReplyOutcome::Completed, LONG));
    assert_eq!((record.caller_turns.len(), fakes.log().counts().cartesia.cancelled), (1, 0));
}

/// An agent that leaves the end of a turn to Flux, and whether it is interrupted to words, however late they come.
fn unhurried(fakes: &Fakes) -> Agent {
    let mut agent = chain(fakes);
    let turn = &mut agent.config.turn;
    (turn.eot_backstop_ms, turn.commit_speech_ms, turn.max_pause_ms) = (10_000, 60_000, 60_000);
    agent
}

#[tokio::test]
async fn a_reply_begun_on_an_eager_end_is_released_by_the_end() {
    let turns = vec![FakeTurn::new("I want a table.").ends_after(UNHURRIED_MS)];
    let fakes = Fakes::start(talk(turns, &["Of course, for when?"])).await.unwrap();
    let mut call = Call::start(unhurried(&fakes));
    call.silent(300).await;
    call.speak(1_000).await;
    call.silent_until(10_000, |_| fakes.log().counts().chat.finished == 1).await;
    assert_eq!(call.count(|event| matches!(event, SessionEvent::CallerTurn(_))), 0, "it was begun before the end");
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;

    assert_eq!(record.turns[0].heard_text(), "Of course, for when?");
    let counts = fakes.log().counts();
    assert_eq!((counts.flux.eager_ends, counts.flux.turn_ends), (1, 1));
    let tokens = "Of course, for when?".split(' ').count() as u64;
    assert_eq!((counts.chat.requests, counts.chat.tokens), (1, tokens), "no token was asked for twice");
    assert_eq!(record.cost.discarded_llm_deltas(), 0);
}

#[tokio::test]
async fn a_reply_begun_on_an_eager_end_is_discarded_when_the_turn_is_resumed() {
    let turns = vec![FakeTurn::new("I want a table for two people please.").ends_after(UNHURRIED_MS)];
    let fakes = Fakes::start(talk(turns, &["A table, very well.", "For two, of course."])).await.unwrap();
    let mut call = Call::start(unhurried(&fakes));
    call.silent(300).await;
    call.speak(1_000).await;
    call.silent_until(10_000, |_| fakes.log().counts().chat.requests == 1).await;
    call.speak(600).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;

    assert_eq!(record.caller_turns[0].text, "I want a table for two people please.");
    assert_eq!((record.turns.len(), record.turns[0].heard_text()), (1, "For two, of course."));
    assert_eq!(call.count(|event| matches!(event, SessionEvent::AgentSpeaking { .. })), 1);
    let counts = fakes.log().counts();
    assert_eq!((counts.flux.eager_ends, counts.chat.requests), (2, 2));
    let (discarded, said) = (record.cost.discarded_llm_deltas(), "For two, of course.".split(' ').count() as u64);
    assert!(discarded > 0, "what was thrown away is counted");
    assert!(counts.chat.tokens >= said + discarded, "{counts:?}");
}

//! The far end cannot be reached for a while, and comes back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use support::{Call, quick_agent};
use voice_core::provider::scripted::{ScriptedStt, SttConfig, Utterance};
use voice_core::session::SessionEvent;
use voice_core::transport::{LineInput, MemoryOutput};
use voice_core::turn::ReplyOutcome;

const LONG: &str = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";

fn hears(utterances: Vec<Utterance>) -> ScriptedStt {
    ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() })
}

fn audio_frames(call: &Call) -> usize {
    call.heard.iter().filter(|heard| matches!(heard.output, MemoryOutput::Audio { .. })).count()
}

async fn away(call: &mut Call, ms: u64) {
    call.peer.send(LineInput::Away).unwrap();
    call.absent(ms).await;
    call.peer.send(LineInput::Back).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reply_waits_for_a_far_end_that_is_away_and_goes_on_from_the_very_sample() {
    let mut call = Call::start(quick_agent(hears(vec![Utterance::say("Hello there.")]), &[LONG]));
    call.report_played();
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    call.peer.send(LineInput::Away).unwrap();
    call.absent(40).await;
    let frames = audio_frames(&call);
    call.absent(20_000).await;
    assert_eq!(audio_frames(&call), frames, "audio was sent to nobody");
    assert_eq!(call.count(|event| matches!(event, SessionEvent::TurnEnded(_))), 0);
    call.peer.send(LineInput::Back).unwrap();
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!((record.turns[0].outcome, record.turns[0].heard_text()), (ReplyOutcome::Completed, LONG));
    assert_eq!(call.count(|event| matches!(event, SessionEvent::CallerIdle)), 0);
    let told = call.events.iter().find_map(|(_, event)| match event {
        SessionEvent::LineBack { at, since } => Some(*at - *since),
        _ => None,
    });
    assert_eq!(told.map(|away| away.as_millis()), Some(20_040));
}

#[tokio::test(start_paused = true)]
async fn what_was_being_said_is_a_turn_once_the_far_end_is_back() {
    let stt = hears(vec![Utterance::say("I want a table.")]);
    let mut call = Call::start(quick_agent(stt, &["Of course, for when?"]));
    call.report_played();
    call.silent(200).await;
    call.speak(600).await;
    away(&mut call, 10_000).await;
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(record.caller_turns.len(), 1);
    assert_eq!(record.caller_turns[0].text, "I want a table.");
    assert_eq!(record.turns[0].heard_text(), "Of course, for when?");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_idle_while_they_cannot_be_reached() {
    let mut call = Call::start(quick_agent(hears(vec![]), &[]));
    call.report_played();
    call.silent(5_000).await;
    away(&mut call, 25_000).await;
    call.silent(9_000).await;
    let is_idle = |event: &SessionEvent| matches!(event, SessionEvent::CallerIdle);
    assert_eq!(call.count(is_idle), 0);
    call.silent(2_000).await;
    assert_eq!(call.count(is_idle), 1, "idleness counts again from the return");
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_said_while_nobody_can_hear_it_is_held() {
    let mut call = Call::start(quick_agent(hears(vec![]), &[]));
    call.report_played();
    call.silent(200).await;
    call.peer.send(LineInput::Away).unwrap();
    call.absent(100).await;
    call.ask(voice_core::transport::LineCommand::Say("One moment, please.".into()));
    call.absent(9_000).await;
    assert_eq!(audio_frames(&call), 0);
    call.peer.send(LineInput::Back).unwrap();
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(
        (record.turns[0].outcome, record.turns[0].heard_text()),
        (ReplyOutcome::Completed, "One moment, please.")
    );
}

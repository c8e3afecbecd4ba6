//! 7. The agent hears itself.

use crate::support::Call;
use crate::{LONG, logged_agent};
use voice_core::provider::scripted::{SttAction, SttAt, Utterance};
use voice_core::session::SessionEvent;
use voice_core::turn::ReplyOutcome;

#[tokio::test(start_paused = true)]
async fn its_own_words_from_the_microphone_neither_stop_nor_answer_it() {
    let echo = Utterance::new()
        .at(SttAt::SpeechStart(200), SttAction::Interim("I am going".into()))
        .at(SttAt::SpeechEnd(60), SttAction::Interim("I am going to book".into()))
        .at(SttAt::SpeechEnd(100), SttAction::Final("I am going to book".into()));
    let (agent, log) = logged_agent(vec![Utterance::say("Hello there."), echo], &[LONG]);
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(1_800).await;
    call.speak(500).await;
    call.until_turns_end(1).await;
    call.silent(3_000).await;
    let (record, call) = call.hang_up().await;
    assert_eq!((record.turns.len(), record.turns[0].outcome), (1, ReplyOutcome::Completed));
    assert_eq!((log.count(), record.caller_turns.len()), (1, 1), "no reply to itself, no turn of its own words");
    assert_eq!(call.count(|event| matches!(event, SessionEvent::BargeIn { .. })), 0);
}

#[tokio::test(start_paused = true)]
async fn the_tail_of_its_echo_is_no_turn() {
    let echo = Utterance::new().at(SttAt::SpeechEnd(200), SttAction::Final("you will get a message".into()));
    let (agent, log) = logged_agent(vec![Utterance::say("Hello there."), echo], &[LONG]);
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(LONG.len() as u64 * 60 - 600).await;
    call.speak(400).await;
    call.until_turns_end(1).await;
    call.silent(3_000).await;
    let (record, _) = call.hang_up().await;
    assert_eq!((log.count(), record.caller_turns.len()), (1, 1));
}

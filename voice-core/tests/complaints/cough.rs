//! 4. Stopped by a cough, then dead silence.

use crate::support::Call;
use crate::{LONG, logged_agent};
use voice_core::provider::scripted::{SttAction, SttAt, Utterance};
use voice_core::session::SessionEvent;
use voice_core::turn::ReplyOutcome;
use voice_core::units::ReplyId;

/// One sound of `ms` over the agent: the reply must go on by itself from the same sample and be the only one.
async fn goes_on_after(sound: Utterance, ms: u64, most_silent_ms: u64) {
    let (agent, log) = logged_agent(vec![Utterance::say("Hello there."), sound], &[LONG]);
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    call.speak(ms).await;
    call.until_turns_end(1).await;
    call.silent(2_000).await;
    let (record, call) = call.hang_up().await;
    assert_eq!((record.turns.len(), record.turns[0].outcome), (1, ReplyOutcome::Completed), "{:#?}", call.events);
    assert_eq!((record.turns[0].heard_text(), log.count()), (LONG, 1));
    assert_eq!(call.check_ramp(ReplyId(1)), LONG.chars().count() * 960);
    let paused = call.first_ms(|event| matches!(event, SessionEvent::Paused { .. })).unwrap();
    let resumed = call.first_ms(|event| matches!(event, SessionEvent::Resumed(_))).unwrap();
    assert!(resumed - paused <= most_silent_ms, "silent for {} ms", resumed - paused);
}

#[tokio::test(start_paused = true)]
async fn a_cough_is_followed_by_the_rest_of_the_reply() {
    goes_on_after(Utterance::noise(), 240, 400).await;
}

#[tokio::test(start_paused = true)]
async fn a_backchannel_is_followed_by_the_rest_of_the_reply() {
    goes_on_after(Utterance::say("Mm-hmm."), 400, 600).await;
}

#[tokio::test(start_paused = true)]
async fn a_sound_on_which_the_stt_never_says_a_word_is_followed_by_the_rest_of_the_reply() {
    goes_on_after(Utterance::new().at(SttAt::SpeechEnd(60_000), SttAction::TurnResumed), 300, 800).await;
}

#[tokio::test(start_paused = true)]
async fn ten_coughs_in_one_reply_lose_nothing_of_it() {
    let mut utterances = vec![Utterance::say("Hello there.")];
    utterances.extend((0..10).map(|_| Utterance::noise()));
    let (agent, _) = logged_agent(utterances, &[LONG]);
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    for _ in 0..10 {
        call.silent(400).await;
        call.speak(200).await;
    }
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].heard_text(), LONG);
    assert_eq!(call.check_ramp(ReplyId(1)), LONG.chars().count() * 960);
    let stopped = |event: &SessionEvent| matches!(event, SessionEvent::Paused { .. });
    assert_eq!(call.count(stopped), call.count(|event| matches!(event, SessionEvent::Resumed(_))));
    assert!(call.count(stopped) >= 8);
}

//! 2. Timers that add a second before the answer.

use crate::support::{Call, quick_agent};
use crate::{hears, says, voice};
use voice_core::provider::scripted::Utterance;
use voice_core::session::Agent;
use voice_core::turn::Speculation;
use voice_core::units::ReplyId;

async fn voice_to_voice_ms(agent: Agent) -> u64 {
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(1_200).await;
    let speech_end = call.now_ms();
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    call.first_audio_ms(record.turns[0].reply).unwrap() - speech_end
}

#[tokio::test(start_paused = true)]
async fn a_complete_sentence_is_answered_after_the_policys_silence_and_no_later() {
    for (text, wait_ms) in
        [("I want a table.", 450), ("Monday evening around eight", 700), ("I want a table and", 1_400)]
    {
        let took = voice_to_voice_ms(quick_agent(hears(vec![Utterance::say(text)]), &["Of course."])).await;
        assert!(took.abs_diff(wait_ms) <= 20, "{text:?}: {took} ms, the policy waits {wait_ms}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_stt_that_knows_the_end_of_the_turn_is_believed_at_once() {
    let stt = || hears(vec![Utterance::turn("I want a table please.", 100, 200)]);
    let took = voice_to_voice_ms(quick_agent(stt(), &["Of course."])).await;
    assert!(took <= 205, "{took} ms");
    let mut careful = crate::support::agent(stt(), says(&["Of course."]), voice());
    careful.config.turn.speculation = Speculation::Off;
    let took = voice_to_voice_ms(careful).await;
    assert!(took <= 205, "{took} ms without speculation");
}

#[tokio::test(start_paused = true)]
async fn the_greeting_is_heard_at_once() {
    let mut agent = quick_agent(hears(vec![]), &[]);
    agent.config.greeting = Some("Hello, how can I help?".into());
    let mut call = Call::start(agent);
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(call.first_audio_ms(ReplyId(1)), Some(0));
    assert_eq!(record.turns[0].heard_text(), "Hello, how can I help?");
}

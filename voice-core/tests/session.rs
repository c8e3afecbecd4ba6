//! Whole calls in simulated time, through the real session and scripted stages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use support::{Call, agent, quick_agent};
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttAction, SttAt, SttConfig, TtsConfig, Utterance,
};
use voice_core::session::SessionEvent;
use voice_core::turn::{Protection, ReplyOutcome};
use voice_core::units::ReplyId;

fn hears(utterances: Vec<Utterance>) -> ScriptedStt {
    ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() })
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_answered_and_heard_to_the_end() {
    let mut call = Call::start(quick_agent(hears(vec![Utterance::say("I want a table.")]), &["Of course, for when?"]));
    call.silent(200).await;
    call.speak(1_000).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    let turn = &record.turns[0];
    assert_eq!(turn.outcome, ReplyOutcome::Completed);
    assert_eq!((turn.reply_text.as_str(), turn.heard_text()), ("Of course, for when?", "Of course, for when?"));
    assert_eq!(turn.caller.as_ref().unwrap().text, "I want a table.");
    assert!(call.first_audio_ms(turn.reply).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_bid_for_the_turn_silences_the_agent_and_is_answered() {
    let stt = hears(vec![Utterance::say("Hello there."), Utterance::say("No wait, I meant Tuesday.")]);
    let long = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";
    let mut call = Call::start(quick_agent(stt, &[long, "Tuesday it is."]));
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    let onset = call.now_ms();
    call.speak(1_400).await;
    call.until_turns_end(2).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::BargedIn);
    assert!(long.starts_with(record.turns[0].heard_text()) && !record.turns[0].heard_text().is_empty());
    assert_eq!(record.turns[1].reply_text, "Tuesday it is.");
    assert_eq!(record.caller_turns[1].text, "No wait, I meant Tuesday.");
    let paused = call.first_ms(|event| matches!(event, SessionEvent::Paused { .. })).unwrap();
    assert!(paused - onset <= 60, "paused {} ms after the onset", paused - onset);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_protected_while_it_sounds_is_finished() {
    let stt = hears(vec![Utterance::say("Hello there."), Utterance::say("No wait, I meant Tuesday.")]);
    let long = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";
    let mut call = Call::start(quick_agent(stt, &[long, "Tuesday it is."]));
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.handle.protect(Protection::Protected).unwrap();
    call.silent(1_000).await;
    call.speak(1_400).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!((record.turns[0].outcome, record.turns[0].heard_text()), (ReplyOutcome::Completed, long));
    assert_eq!(call.count(|event| matches!(event, SessionEvent::BargeIn { .. })), 0);
}

#[tokio::test(start_paused = true)]
async fn the_model_is_given_no_more_of_the_conversation_than_the_agent_allows() {
    let stt = hears(vec![Utterance::say("Hello there."), Utterance::say("For two people.")]);
    let llm = ScriptedLlm::with(LlmConfig::default(), |_, _| LlmReply::text("Of course."));
    let log = llm.log();
    let mut agent = agent(stt, llm, ScriptedTts::new(TtsConfig::default()));
    agent.config.history.max_messages = 1;
    let mut call = Call::start(agent);
    for turns in 1..=2 {
        call.silent(200).await;
        call.speak(900).await;
        call.until_turns_end(turns).await;
    }
    call.hang_up().await;
    let last: Vec<_> = log.generations().pop().unwrap().request.messages.into_iter().map(|said| said.text).collect();
    assert_eq!(last, ["Of course.", "For two people."]);
}

#[tokio::test(start_paused = true)]
async fn a_cough_pauses_and_the_reply_goes_on_from_the_same_sample() {
    let stt = hears(vec![Utterance::say("Hello there."), Utterance::noise()]);
    let reply = "Very well, I am going to book the table for Monday evening at eight.";
    let mut call = Call::start(quick_agent(stt, &[reply]));
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    call.speak(240).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns.len(), 1, "{:#?}", call.events);
    assert_eq!(record.turns[0].heard_text(), reply);
    assert_eq!(call.count(|event| matches!(event, SessionEvent::Resumed(_))), 1);
    assert_eq!(call.count(|event| matches!(event, SessionEvent::BargeIn { .. })), 0);
    assert!(call.check_ramp(ReplyId(1)) > 16_000);
}

/// The floor of these delays is 420 ms.
#[tokio::test(start_paused = true)]
async fn a_speculative_reply_is_heard_425_ms_after_the_caller_stopped() {
    let utterance = Utterance::new()
        .at(SttAt::SpeechEnd(100), SttAction::Interim("I want a table please.".into()))
        .at(SttAt::SpeechEnd(250), SttAction::Final("I want a table please.".into()));
    let llm = ScriptedLlm::new(
        LlmConfig { first_token_ms: 200, ..LlmConfig::default() },
        vec![LlmReply::text("Of course, for when would you like it?")],
    );
    let tts = ScriptedTts::new(TtsConfig { first_audio_ms: 120, leading_silence_ms: 160, ..TtsConfig::default() });
    let mut agent = agent(hears(vec![utterance]), llm, tts);
    agent.config.turn.eot_complete_ms = 200;
    agent.config.turn.eot_unclear_ms = 200;
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(500).await;
    let speech_end = call.now_ms();
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    let voice_to_voice = call.first_audio_ms(record.turns[0].reply).unwrap() - speech_end;
    assert!(voice_to_voice <= 425, "{voice_to_voice} ms: {:#?}", record.turns[0].timeline);
    assert!(record.turns[0].timeline.speculative);
}

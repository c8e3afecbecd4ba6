//! 12. Nobody can tell afterwards where the time went.

use crate::hears;
use crate::support::{Call, agent};
use std::time::Duration;
use voice_core::metrics::{SilencePart, TurnTimeline};
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm, ScriptedTts, TtsConfig, Utterance};
use voice_core::turn::Speculation;

async fn timeline(speculation: Speculation, utterance: Utterance) -> (TurnTimeline, u64) {
    let llm = ScriptedLlm::new(
        LlmConfig { first_token_ms: 300, token_ms: 20, ..LlmConfig::default() },
        vec![LlmReply::text("Of course, for when would you like it?")],
    );
    let tts = ScriptedTts::new(TtsConfig {
        first_audio_ms: 120,
        leading_silence_ms: 160,
        ms_per_audio_second: 500,
        ..TtsConfig::default()
    });
    let mut agent = agent(hears(vec![utterance]), llm, tts);
    agent.config.turn.speculation = speculation;
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(1_200).await;
    // The last sample came with a frame that was sent when its 20 ms began.
    let speech_end = call.now_ms() - 20;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    let heard = call.first_audio_ms(record.turns[0].reply).unwrap() - speech_end;
    (record.turns[0].timeline.clone(), heard)
}

#[tokio::test(start_paused = true)]
async fn the_named_parts_add_up_to_the_silence_heard() {
    for speculation in [Speculation::Off, Speculation::On] {
        for utterance in [Utterance::say("I want a table."), Utterance::turn("I want a table.", 100, 250)] {
            let (timeline, heard_ms) = timeline(speculation, utterance).await;
            let parts = timeline.parts().expect("a turn that was answered");
            let sum: Duration = parts.iter().map(|(_, part)| *part).sum();
            assert_eq!(Some(sum), timeline.voice_to_voice());
            assert!(sum.as_millis().abs_diff(u128::from(heard_ms)) <= 1, "{sum:?}, but {heard_ms} ms were heard");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_part_is_what_its_stage_took() {
    let (timeline, _) = timeline(Speculation::Off, Utterance::turn("I want a table.", 100, 250)).await;
    let parts = timeline.parts().unwrap();
    let ms = |wanted| parts.iter().find(|(part, _)| *part == wanted).map(|(_, took)| took.as_millis()).unwrap();
    assert!(ms(SilencePart::EndOfTurn).abs_diff(250) <= 20, "{parts:?}");
    assert_eq!(ms(SilencePart::Model), 300);
    assert_eq!(ms(SilencePart::Clause), 20, "\"Of course,\" is complete with its second word");
    assert_eq!(ms(SilencePart::Voice), 120);
    assert!((10..=100).contains(&ms(SilencePart::LeadingSilence)), "160 ms at half of real time: {parts:?}");
    assert_eq!((ms(SilencePart::Hold), ms(SilencePart::Engine)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_says_unasked_has_no_waiting_caller() {
    let mut agent = agent(hears(vec![Utterance::say("Hello there.")]), crate::says(&["Hello."]), crate::voice());
    agent.config.turn.idle_prompt = Some("Are you still there?".into());
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(800).await;
    call.until_turns_end(2).await;
    let (record, _) = call.hang_up().await;
    assert!(record.turns[0].timeline.voice_to_voice().is_some());
    assert_eq!(record.turns[1].reply_text, "Are you still there?");
    assert_eq!(record.turns[1].timeline.voice_to_voice(), None, "ten idle seconds are no latency");
}

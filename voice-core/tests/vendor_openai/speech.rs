//! Speech: clauses are spoken to their end, cuts and odd ends are survived, what breaks is told.

use super::{PATIENCE, SECRET, rule, start};
use futures::StreamExt;
use voice_core::provider::ApiKey;
use voice_core::provider::fakes::{Fakes, FakesConfig, Fault, FaultScript, Service, SpeechEnd, SpeechFake};
use voice_core::provider::openai::{SpeechConfig, SpeechTts};
use voice_core::stage::{self, StageError, Tts, TtsEvent};
use voice_core::units::ReplyId;

async fn speech_fakes(speech: SpeechFake, faults: FaultScript) -> (Fakes, SpeechConfig) {
    let fakes = start(FakesConfig { speech, faults, ..FakesConfig::default() }).await;
    let url = format!("{}/v1", fakes.http_url());
    let config =
        SpeechConfig { url, ..SpeechConfig::new(ApiKey::new(SECRET, "OPENAI_API_KEY"), "gpt-4o-mini-tts", "coral") };
    (fakes, config)
}

/// What is heard of these clauses.
async fn speak(config: SpeechConfig, clauses: &[&str]) -> Vec<Result<TtsEvent, StageError>> {
    let mut session = SpeechTts::new(config).unwrap().open().await.unwrap();
    let mut reply = session.begin(ReplyId(1)).unwrap();
    for clause in clauses {
        reply.feed.speak(clause).unwrap();
    }
    reply.feed.finish();
    tokio::time::timeout(PATIENCE, reply.events.collect()).await.expect("the voice hangs")
}

fn audio_bytes(heard: &[Result<TtsEvent, StageError>]) -> u64 {
    let bytes = |event: &Result<TtsEvent, StageError>| match event {
        Ok(TtsEvent::Audio(audio)) => audio.len() as u64,
        _ => 0,
    };
    heard.iter().map(bytes).sum()
}

#[tokio::test]
async fn clauses_are_spoken_to_their_end_over_few_connections() {
    let (fakes, config) = speech_fakes(SpeechFake::default(), FaultScript::default()).await;
    let clauses = ["Good evening. ", "How can I help? ", "…", "We are open until ten."];
    let heard = speak(config, &clauses).await;
    let ends: Vec<&TtsEvent> = heard.iter().flatten().filter(|event| !matches!(event, TtsEvent::Audio(_))).collect();
    let expected: Vec<TtsEvent> =
        (1..=4).map(|clauses| TtsEvent::ClauseEnd { clauses }).chain([TtsEvent::Done]).collect();
    assert_eq!(ends, expected.iter().collect::<Vec<_>>());
    let counts = fakes.log().counts();
    assert_eq!((counts.speech.opened, counts.speech.audio_bytes), (3, audio_bytes(&heard)));
    assert!(counts.connections <= 2, "{counts:?}");
}

#[tokio::test]
async fn audio_may_be_cut_anywhere_and_end_oddly() {
    for (end, faults) in [
        (SpeechEnd::OddByte, FaultScript::default()),
        (SpeechEnd::OddByte, rule(Service::Speech, 0, Fault::SplitWrites { bytes: 1 })),
        (SpeechEnd::Whole, rule(Service::Speech, 0, Fault::SplitWrites { bytes: 333 })),
    ] {
        let (_fakes, config) = speech_fakes(SpeechFake { end, ..SpeechFake::default() }, faults).await;
        let heard = speak(config, &["Hi."]).await;
        assert!(audio_bytes(&heard) > 0 && heard.last() == Some(&Ok(TtsEvent::Done)), "{end:?}: {:?}", heard.last());
    }
}

#[tokio::test]
async fn a_voice_that_does_not_speak_is_an_error() {
    for end in [SpeechEnd::Empty, SpeechEnd::JsonError] {
        let (fakes, config) = speech_fakes(SpeechFake { end, ..SpeechFake::default() }, FaultScript::default()).await;
        let heard = speak(config, &["Hi."]).await;
        assert!(matches!(heard[..], [Err(ref error)] if error.fault() == stage::Fault::Engine), "{end:?}: {heard:?}");
        assert_eq!(fakes.log().counts().speech.opened, 2, "it is tried again");
    }
}

#[tokio::test]
async fn a_voice_that_breaks_off_is_an_error_and_one_that_never_began_is_asked_again() {
    for (fault, after_messages, is_error) in [
        (Fault::Reset, 2, true),
        (Fault::Stall, 2, true),
        (Fault::Refuse { status: 500, retry_after_ms: None, body: None }, 0, false),
        (Fault::Refuse { status: 429, retry_after_ms: Some(20), body: None }, 0, false),
        (Fault::Refuse { status: 429, retry_after_ms: Some(60_000), body: None }, 0, true),
    ] {
        let what = format!("{fault:?}");
        let (_fakes, config) = speech_fakes(SpeechFake::default(), rule(Service::Speech, after_messages, fault)).await;
        let heard = speak(
            SpeechConfig { audio_ms: 100, retries: u32::from(!is_error), ..config },
            &["Good evening, how can I help?"],
        )
        .await;
        assert_eq!(heard.last().unwrap().is_err(), is_error, "{what}: {:?}", heard.last());
    }
}

#[tokio::test]
async fn a_cancelled_reply_stops_at_the_server() {
    let speech = SpeechFake { pace_percent: 100, ..SpeechFake::default() };
    let (fakes, config) = speech_fakes(speech, FaultScript::default()).await;
    let mut session = SpeechTts::new(config).unwrap().open().await.unwrap();
    let mut reply = session.begin(ReplyId(1)).unwrap();
    reply.feed.speak("Good evening, and welcome to a sentence that takes a good while.").unwrap();
    let first = tokio::time::timeout(PATIENCE, reply.events.next()).await.unwrap();
    assert!(matches!(first, Some(Ok(TtsEvent::Audio(_)))), "{first:?}");
    reply.feed.cancel();
    assert_eq!(reply.events.next().await, None);
    let counts =
        tokio::time::timeout(PATIENCE, fakes.log().until(|counts| counts.speech.cancelled == 1)).await.unwrap();
    assert_eq!(counts.speech.finished, 0);
}

//! ElevenLabs over a socket against its fake: whole replies in every spelling, cancels, ends that nobody tells, faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use futures::StreamExt;
use std::time::Duration;
use voice_core::provider::ApiKey;
use voice_core::provider::elevenlabs::{ElevenLabsConfig, ElevenLabsFormat, ElevenLabsTts};
use voice_core::provider::fakes::{
    Alignments, CloseManner, ElevenLabsFake, Fakes, FakesConfig, Fault, FaultRule, FaultScript, Finals, KeyCheck,
    Service, SocketClose, Spelling,
};
use voice_core::stage::{Fault as Blame, StageError, Tts, TtsEvent, TtsReply, TtsSession};
use voice_core::units::ReplyId;

const CLAUSES: [&str; 3] = ["Thanks for waiting, ", "your table is booked. ", "Anything else? "];

/// What came of a reply.
#[derive(Debug, Default, PartialEq)]
struct Spoken {
    pcm: Vec<u8>,
    words: Vec<String>,
    end: Option<Result<(), StageError>>,
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it came in time")
}

async fn fakes(elevenlabs: ElevenLabsFake, faults: Vec<FaultRule>) -> Fakes {
    let config = FakesConfig { elevenlabs, faults: FaultScript { rules: faults }, ..FakesConfig::default() };
    Fakes::start(config).await.expect("a port of loopback")
}

fn elevenlabs(fakes: &Fakes) -> ElevenLabsConfig {
    ElevenLabsConfig { url: fakes.http_url(), voice: "v1".into(), ..ElevenLabsConfig::default() }
}

async fn open(config: ElevenLabsConfig) -> Box<dyn TtsSession> {
    within(ElevenLabsTts::new(config).expect("a configuration").open()).await.expect("a session")
}

fn begin(session: &mut dyn TtsSession, id: u32) -> TtsReply {
    let mut reply = session.begin(ReplyId(id)).expect("a reply");
    CLAUSES.iter().for_each(|clause| reply.feed.speak(clause).expect("taken"));
    reply.feed.finish();
    reply
}

async fn listen(reply: &mut TtsReply) -> Spoken {
    let mut spoken = Spoken::default();
    while let Some(event) = within(reply.events.next()).await {
        match event {
            Ok(TtsEvent::Audio(pcm)) => {
                assert_eq!(pcm.len() % 2, 0, "whole samples");
                spoken.pcm.extend(pcm);
            }
            Ok(TtsEvent::Word { text, .. }) => spoken.words.push(text),
            Ok(TtsEvent::ClauseEnd { clauses }) => assert_eq!(clauses, 3),
            Ok(TtsEvent::Done) => spoken.end = Some(Ok(())),
            Ok(other) => panic!("unexpected: {other:?}"),
            Err(error) => spoken.end = Some(Err(error)),
        }
    }
    spoken
}

/// The clauses spoken by a vendor that behaves.
async fn as_it_should_be() -> Spoken {
    let fakes = fakes(ElevenLabsFake::default(), vec![]).await;
    let mut session = open(elevenlabs(&fakes)).await;
    listen(&mut begin(&mut *session, 1)).await
}

#[tokio::test]
async fn a_reply_is_spoken_to_its_end_with_the_times_of_its_words() {
    let spoken = as_it_should_be().await;
    assert_eq!(spoken.end, Some(Ok(())));
    assert_eq!(spoken.words.join(" "), "Thanks for waiting, your table is booked. Anything else?");
    assert!(spoken.pcm.len() > 24_000, "{} bytes", spoken.pcm.len());
}

#[tokio::test]
async fn every_spelling_and_missing_part_gives_the_same_audio() {
    let expected = as_it_should_be().await;
    for (spelling, alignments, finals) in [
        (Spelling::Snake, Alignments::Given, Finals::OnClose),
        (Spelling::Mixed, Alignments::Given, Finals::Missing),
        (Spelling::Camel, Alignments::Null, Finals::OnClose),
        (Spelling::Snake, Alignments::Absent, Finals::OnClose),
    ] {
        let fakes = fakes(ElevenLabsFake { spelling, alignments, finals, ..ElevenLabsFake::default() }, vec![]).await;
        let mut session = open(ElevenLabsConfig { quiet_ms: 2_000, ..elevenlabs(&fakes) }).await;
        let spoken = listen(&mut begin(&mut *session, 1)).await;
        assert_eq!(
            (&spoken.pcm, &spoken.end),
            (&expected.pcm, &expected.end),
            "{spelling:?} {alignments:?} {finals:?}"
        );
        let words = if alignments == Alignments::Given { expected.words.clone() } else { vec![] };
        assert_eq!(spoken.words, words, "{spelling:?} {alignments:?}");
    }
}

#[tokio::test]
async fn narrow_formats_are_as_long() {
    for format in [ElevenLabsFormat::Pcm8000, ElevenLabsFormat::Ulaw8000, ElevenLabsFormat::Alaw8000] {
        let fakes = fakes(ElevenLabsFake::default(), vec![]).await;
        let mut session = open(ElevenLabsConfig { format, ..elevenlabs(&fakes) }).await;
        let spoken = listen(&mut begin(&mut *session, 1)).await;
        let (samples, expected) = (spoken.pcm.len() / 2 * 3, as_it_should_be().await.pcm.len() / 2);
        assert!(samples.abs_diff(expected) < 24 * 20, "{format:?}: {samples} for {expected}");
    }
}

#[tokio::test]
async fn whatever_comes_after_a_cancel_the_next_reply_is_whole_and_alone() {
    let expected = as_it_should_be().await;
    for close_context in [CloseManner::Drains, CloseManner::Late(3), CloseManner::LateFor(50)] {
        let fakes =
            fakes(ElevenLabsFake { close_context, pace_percent: 2_000, ..ElevenLabsFake::default() }, vec![]).await;
        let mut session = open(elevenlabs(&fakes)).await;
        let mut old = session.begin(ReplyId(1)).expect("a reply");
        CLAUSES.iter().for_each(|clause| old.feed.speak(clause).expect("taken"));
        while !matches!(within(old.events.next()).await.expect("audio").expect("audio"), TtsEvent::Audio(_)) {}
        old.feed.cancel();
        assert_eq!(within(old.events.next()).await, None, "{close_context:?}");
        // Not finished: the manner would be its end's too.
        let mut new = session.begin(ReplyId(2)).expect("a reply");
        CLAUSES.iter().for_each(|clause| new.feed.speak(clause).expect("taken"));
        let mut pcm = Vec::new();
        while pcm.len() < expected.pcm.len() {
            if let TtsEvent::Audio(more) = within(new.events.next()).await.expect("audio").expect("audio") {
                pcm.extend(more);
            }
        }
        assert!(pcm == expected.pcm, "{close_context:?}");
    }
}

#[tokio::test]
async fn a_wrong_key_names_its_setting_wherever_it_is_noticed() {
    for key_check in [KeyCheck::FirstMessage, KeyCheck::Upgrade] {
        let elevenlabs_fake = ElevenLabsFake { key_check, ..ElevenLabsFake::default() };
        let config = FakesConfig { key: Some("right".into()), elevenlabs: elevenlabs_fake, ..FakesConfig::default() };
        let fakes = Fakes::start(config).await.expect("a port of loopback");
        let key = Some(ApiKey::new("wrong", "ELEVENLABS_API_KEY"));
        let tts = ElevenLabsTts::new(ElevenLabsConfig { key, ..elevenlabs(&fakes) }).expect("a configuration");
        let error = within(tts.check()).await.expect_err("a refusal");
        assert_eq!(error.fault(), Blame::Configuration, "{key_check:?}: {error}");
        assert!(error.to_string().contains("ELEVENLABS_API_KEY"), "{key_check:?}: {error}");
    }
}

#[tokio::test]
async fn a_silent_socket_that_was_closed_is_the_end_of_the_session_only() {
    let fakes = fakes(ElevenLabsFake { inactivity_ms: Some(30), ..ElevenLabsFake::default() }, vec![]).await;
    let mut session = open(elevenlabs(&fakes)).await;
    within(fakes.log().until(|counts| counts.elevenlabs.ended == 1)).await;
    let ended = within(async {
        loop {
            match session.begin(ReplyId(1)) {
                Err(error) => return error,
                Ok(_) => tokio::task::yield_now().await,
            }
        }
    });
    assert_eq!(ended.await, StageError::Ended { engine: "ElevenLabs" });
}

#[tokio::test]
async fn writes_of_any_size_and_messages_of_any_kind_change_nothing() {
    let expected = as_it_should_be().await;
    for fault in [Fault::SplitWrites { bytes: 3 }, Fault::Fragment, Fault::UnknownType] {
        let rules = vec![FaultRule::new(Service::Elevenlabs, fault.clone())];
        let fakes = fakes(ElevenLabsFake::default(), rules).await;
        let mut session = open(elevenlabs(&fakes)).await;
        assert_eq!(listen(&mut begin(&mut *session, 1)).await, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn without_times_and_without_an_end_nobody_knows_that_all_was_spoken() {
    let expected = as_it_should_be().await;
    let (alignments, finals) = (Alignments::Absent, Finals::Missing);
    let fakes = fakes(ElevenLabsFake { alignments, finals, ..ElevenLabsFake::default() }, vec![]).await;
    let mut session = open(ElevenLabsConfig { quiet_ms: 100, stall_ms: 1_000, ..elevenlabs(&fakes) }).await;
    let spoken = listen(&mut begin(&mut *session, 1)).await;
    assert_eq!(spoken.pcm, expected.pcm);
    assert!(matches!(spoken.end, Some(Err(StageError::Stalled { .. }))), "{:?}", spoken.end);
}

#[tokio::test]
async fn a_vendor_that_stalls_or_breaks_is_told_of() {
    for fault in [Fault::Stall, Fault::Reset, Fault::Malformed, Fault::ErrorMessage] {
        let rules = vec![FaultRule::new(Service::Elevenlabs, fault.clone()).after_messages(2)];
        let fakes = fakes(ElevenLabsFake { pace_percent: 100, ..ElevenLabsFake::default() }, rules).await;
        let stall_ms = if fault == Fault::Stall { 1_000 } else { 60_000 };
        let config = ElevenLabsConfig { first_audio_ms: 6_000, stall_ms, ..elevenlabs(&fakes) };
        let mut session = open(config).await;
        let end = listen(&mut begin(&mut *session, 1)).await.end.expect("an end");
        let error = end.expect_err("a failure");
        assert_eq!(matches!(error, StageError::Stalled { .. }), fault == Fault::Stall, "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_never_closes_is_left_all_the_same() {
    let fakes = fakes(ElevenLabsFake { close_socket: SocketClose::Never, ..ElevenLabsFake::default() }, vec![]).await;
    let mut session = open(elevenlabs(&fakes)).await;
    assert_eq!(listen(&mut begin(&mut *session, 1)).await.end, Some(Ok(())));
    drop(session);
    within(fakes.log().until(|counts| counts.elevenlabs.ended == 1)).await;
}

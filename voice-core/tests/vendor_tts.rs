//! The voices over a socket against the fakes: whole replies, cancels, forgotten contexts, faults on the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use futures::StreamExt;
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use voice_core::provider::ApiKey;
use voice_core::provider::cartesia::{CartesiaConfig, CartesiaEncoding, CartesiaTts};
use voice_core::provider::fakes::{
    CancelManner, CartesiaFake, Fakes, FakesConfig, Fault, FaultRule, FaultScript, Service, TimestampPlace,
};
use voice_core::stage::{Fault as Blame, StageError, Tts, TtsEvent, TtsReply, TtsSession};
use voice_core::units::ReplyId;

const CLAUSES: [&str; 3] = ["Thanks for waiting, ", "your table is booked. ", "Anything else?"];

/// What came of a reply.
#[derive(Debug, Default, PartialEq)]
struct Spoken {
    pcm: Vec<u8>,
    words: Vec<String>,
    clauses: u32,
    end: Option<Result<(), StageError>>,
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it came in time")
}

async fn fakes(cartesia: CartesiaFake, faults: Vec<FaultRule>) -> Fakes {
    let config = FakesConfig { cartesia, faults: FaultScript { rules: faults }, ..FakesConfig::default() };
    Fakes::start(config).await.expect("a port of loopback")
}

fn cartesia(fakes: &Fakes) -> CartesiaConfig {
    CartesiaConfig { url: fakes.http_url(), voice: "v1".into(), ..CartesiaConfig::default() }
}

async fn open(config: CartesiaConfig) -> Box<dyn TtsSession> {
    within(CartesiaTts::new(config).expect("a configuration").open()).await.expect("a session")
}

fn begin(session: &mut dyn TtsSession, id: u32, clauses: &[&str]) -> TtsReply {
    let mut reply = session.begin(ReplyId(id)).expect("a reply");
    clauses.iter().for_each(|clause| reply.feed.speak(clause).expect("taken"));
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
            Ok(TtsEvent::Word { text, start_samples, end_samples }) => {
                assert!(start_samples <= end_samples);
                spoken.words.push(text);
            }
            Ok(TtsEvent::ClauseEnd { clauses }) => {
                assert!(clauses > spoken.clauses);
                spoken.clauses = clauses;
            }
            Ok(TtsEvent::Done) => spoken.end = Some(Ok(())),
            Ok(other) => panic!("unexpected: {other:?}"),
            Err(error) => spoken.end = Some(Err(error)),
        }
    }
    spoken
}

/// The clauses spoken by a vendor that behaves.
async fn as_it_should_be() -> Spoken {
    let fakes = fakes(CartesiaFake::default(), vec![]).await;
    let mut session = open(cartesia(&fakes)).await;
    listen(&mut begin(&mut *session, 1, &CLAUSES)).await
}

#[tokio::test]
async fn a_reply_is_spoken_to_its_end_with_the_times_of_its_words() {
    let spoken = as_it_should_be().await;
    assert_eq!((spoken.clauses, spoken.end), (3, Some(Ok(()))));
    assert_eq!(spoken.words.join(" "), "Thanks for waiting, your table is booked. Anything else?");
    assert!(spoken.pcm.len() > 24_000, "{} bytes", spoken.pcm.len());
}

#[tokio::test]
async fn every_encoding_and_place_of_word_times_gives_the_same_words_and_length() {
    let expected = as_it_should_be().await;
    for (encoding, timestamps) in [
        (CartesiaEncoding::PcmF32le, TimestampPlace::Before),
        (CartesiaEncoding::PcmMulaw, TimestampPlace::Between),
        (CartesiaEncoding::PcmAlaw, TimestampPlace::After),
    ] {
        let fakes = fakes(CartesiaFake { timestamps, unknown_messages: 2, ..CartesiaFake::default() }, vec![]).await;
        let mut session = open(CartesiaConfig { encoding, ..cartesia(&fakes) }).await;
        let spoken = listen(&mut begin(&mut *session, 1, &CLAUSES)).await;
        assert_eq!((spoken.words, spoken.pcm.len()), (expected.words.clone(), expected.pcm.len()), "{encoding:?}");
    }
}

#[tokio::test]
async fn old_versions_of_the_protocol_are_spoken_too() {
    let expected = as_it_should_be().await;
    for version in ["2025-04-16", "2026-03-01"] {
        let fakes = fakes(CartesiaFake::default(), vec![]).await;
        let mut session = open(CartesiaConfig { version: version.into(), ..cartesia(&fakes) }).await;
        assert_eq!(listen(&mut begin(&mut *session, 1, &CLAUSES)).await, expected, "{version}");
    }
}

#[tokio::test]
async fn whatever_comes_after_a_cancel_the_next_reply_is_whole_and_alone() {
    let expected = as_it_should_be().await;
    let manners = [
        CancelManner::Silent,
        CancelManner::Done,
        CancelManner::Late(3),
        CancelManner::LateFor(50),
        CancelManner::RunsOn,
        CancelManner::Error,
        CancelManner::AfterNext(3),
    ];
    let expected = &expected;
    join_all(manners.map(|cancel| async move {
        // Slow enough that there is still something to cancel when the first audio was heard.
        let fakes = fakes(CartesiaFake { cancel, pace_percent: 150, ..CartesiaFake::default() }, vec![]).await;
        let mut session = open(cartesia(&fakes)).await;
        let mut old = begin(&mut *session, 1, &CLAUSES);
        while !matches!(within(old.events.next()).await.expect("audio").expect("audio"), TtsEvent::Audio(_)) {}
        old.feed.cancel();
        assert_eq!(within(old.events.next()).await, None, "{cancel:?}");
        assert_eq!(&listen(&mut begin(&mut *session, 2, &CLAUSES)).await, expected, "{cancel:?}");
        within(fakes.log().until(|counts| counts.cartesia.cancelled == 1)).await;
    }))
    .await;
}

#[tokio::test]
async fn a_context_that_dies_between_clauses_costs_no_word() {
    let expected = as_it_should_be().await;
    for context_idle_ms in [0, 60_000] {
        let fakes = fakes(CartesiaFake { context_expiry_ms: 1, ..CartesiaFake::default() }, vec![]).await;
        let mut session = open(CartesiaConfig { context_idle_ms, ..cartesia(&fakes) }).await;
        let mut reply = session.begin(ReplyId(1)).expect("a reply");
        let mut heard = Spoken::default();
        for (clauses, clause) in (1..).zip(CLAUSES) {
            reply.feed.speak(clause).expect("taken");
            while heard.clauses < clauses {
                match within(reply.events.next()).await.expect("an event").expect("no error") {
                    TtsEvent::Audio(pcm) => heard.pcm.extend(pcm),
                    TtsEvent::Word { text, .. } => heard.words.push(text),
                    TtsEvent::ClauseEnd { clauses } => heard.clauses = clauses,
                    other => panic!("unexpected: {other:?}"),
                }
            }
            // The context dies now, or the answer to what it is sent next says that it has.
            tokio::task::yield_now().await;
        }
        reply.feed.finish();
        let rest = listen(&mut reply).await;
        assert_eq!((heard.pcm.len(), &heard.words), (expected.pcm.len(), &expected.words), "{context_idle_ms}");
        assert_eq!((rest.pcm.len(), rest.end), (0, Some(Ok(()))), "{context_idle_ms}");
        let contexts = fakes.log().counts().cartesia.contexts;
        assert!(context_idle_ms > 0 || contexts == 3, "{contexts} contexts");
    }
}

#[tokio::test]
async fn two_replies_share_a_socket_and_both_learn_of_its_reset_once() {
    let reset = FaultRule::new(Service::Cartesia, Fault::Reset).after_messages(4);
    let fakes = fakes(CartesiaFake { pace_percent: 100, ..CartesiaFake::default() }, vec![reset]).await;
    let mut session = open(cartesia(&fakes)).await;
    let (mut first, mut second) = (begin(&mut *session, 1, &CLAUSES), begin(&mut *session, 2, &CLAUSES));
    for reply in [&mut first, &mut second] {
        let error = listen(reply).await.end.expect("an end").expect_err("a failure");
        assert!(error.is_retryable(), "{error}");
    }
    assert_eq!(session.begin(ReplyId(3)).err(), Some(StageError::Ended { engine: "Cartesia" }));
}

#[tokio::test]
async fn writes_of_any_size_and_messages_of_any_kind_change_nothing() {
    let expected = as_it_should_be().await;
    for fault in [Fault::SplitWrites { bytes: 3 }, Fault::Fragment, Fault::CutUtf8, Fault::UnknownType] {
        let rules = vec![FaultRule::new(Service::Cartesia, fault.clone())];
        let fakes = fakes(CartesiaFake::default(), rules).await;
        let mut session = open(cartesia(&fakes)).await;
        assert_eq!(listen(&mut begin(&mut *session, 1, &CLAUSES)).await, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_vendor_that_stalls_or_breaks_is_told_of() {
    for fault in
        [Fault::Stall, Fault::Malformed, Fault::ErrorMessage, Fault::Close { code: Some(1011), reason: "x".into() }]
    {
        let rules = vec![FaultRule::new(Service::Cartesia, fault.clone()).after_messages(2)];
        let fakes = fakes(CartesiaFake { pace_percent: 100, ..CartesiaFake::default() }, rules).await;
        let stall_ms = if fault == Fault::Stall { 1_000 } else { 60_000 };
        let config = CartesiaConfig { first_audio_ms: 6_000, stall_ms, ..cartesia(&fakes) };
        let mut session = open(config).await;
        let end = listen(&mut begin(&mut *session, 1, &CLAUSES)).await.end.expect("an end");
        let error = end.expect_err("a failure");
        assert_eq!(matches!(error, StageError::Stalled { .. }), fault == Fault::Stall, "{fault:?}: {error}");
        assert!(error.is_retryable(), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_key_names_its_setting_and_the_limit_of_contexts_is_an_overload() {
    let config = FakesConfig { key: Some("right".into()), ..FakesConfig::default() };
    let locked = Fakes::start(config).await.expect("a port of loopback");
    let key = Some(ApiKey::new("wrong", "CARTESIA_API_KEY"));
    let tts = CartesiaTts::new(CartesiaConfig { key, ..cartesia(&locked) }).expect("a configuration");
    let error = within(tts.check()).await.expect_err("a refusal");
    assert!(error.fault() == Blame::Configuration && error.to_string().contains("CARTESIA_API_KEY"), "{error}");

    let crowded = fakes(CartesiaFake { concurrency: 1, pace_percent: 100, ..CartesiaFake::default() }, vec![]).await;
    let mut session = open(cartesia(&crowded)).await;
    let (_first, mut second) = (begin(&mut *session, 1, &CLAUSES), begin(&mut *session, 2, &CLAUSES));
    let error = listen(&mut second).await.end.expect("an end").expect_err("a failure");
    assert_eq!(error.fault(), Blame::Overload, "{error}");
}

#[tokio::test]
async fn a_socket_that_was_closed_for_idleness_is_opened_anew() {
    // As short as the test may wait, and long enough for the second socket to be used in time.
    let fakes = fakes(CartesiaFake { idle_ms: 3_000, ..CartesiaFake::default() }, vec![]).await;
    let tts: Arc<dyn Tts> = Arc::new(CartesiaTts::new(cartesia(&fakes)).expect("a configuration"));
    let mut session = within(tts.open()).await.expect("a session");
    within(fakes.log().until(|counts| counts.cartesia.ended == 1)).await;
    let ended = within(async {
        loop {
            match session.begin(ReplyId(1)) {
                Err(error) => return error,
                Ok(_) => tokio::task::yield_now().await,
            }
        }
    });
    assert_eq!(ended.await, StageError::Ended { engine: "Cartesia" });
    let mut session = within(tts.open()).await.expect("a session");
    assert_eq!(listen(&mut begin(&mut *session, 2, &["One."])).await.end, Some(Ok(())));
}

#[tokio::test]
async fn the_check_tells_what_it_did() {
    let fakes = fakes(CartesiaFake::default(), vec![]).await;
    let report = within(CartesiaTts::new(cartesia(&fakes)).expect("a configuration").check()).await.expect("a report");
    assert!(report.detail.contains("Cartesia sonic-3.5"), "{}", report.detail);
}

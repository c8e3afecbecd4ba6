//! How streams end, and what happens while they are behind.

use super::support::{Ears, KEY, Server, interim, ramp, soon};
use serde_json::json;
use std::time::Duration;
use voice_core::provider::deepgram::{FluxConfig, FluxStt, NovaConfig, NovaStt};
use voice_core::stage::{Fault, StageError, Stt, SttHints};
use voice_core::units::Position;

#[tokio::test]
async fn refusals_name_what_mends_them_and_never_the_key() {
    let server = Server::start().await;
    let echo = format!(r#"{{"err_code":"INVALID_AUTH","err_msg":"the key {KEY} is not valid","request_id":"01b0"}}"#);
    let wrong_setting = r#"{"code":"INVALID_PARAMETER","description":"model is unknown"}"#;
    let table = [
        ("401 Unauthorized", echo.as_str(), Fault::Configuration, "DEEPGRAM_API_KEY"),
        ("400 Bad Request", wrong_setting, Fault::Configuration, "model is unknown"),
        ("402 Payment Required", "{}", Fault::Configuration, "credit"),
        ("429 Too Many Requests", "{}", Fault::Overload, "429"),
        ("503 Service Unavailable", "", Fault::Engine, "503"),
    ];
    for (status, body, fault, says) in table {
        for stt in [&FluxStt::new(server.flux()).unwrap() as &dyn Stt, &NovaStt::new(server.nova()).unwrap()] {
            let refuse = server.refuse(status, "dg-request-id: 01b0\r\n", body);
            let (opened, ()) = soon(async { tokio::join!(stt.open(), refuse) }).await;
            let error = opened.err().unwrap();
            assert_eq!(error.fault(), fault, "{status}: {error}");
            assert!(error.to_string().contains(says), "{status}: {error}");
            assert!(!error.to_string().contains(KEY), "{status}: {error}");
        }
    }
}

#[tokio::test]
async fn a_wrong_setting_is_found_before_anything_is_sent() {
    for error in [
        FluxStt::new(FluxConfig { eot_threshold: 0.2, ..FluxConfig::default() }).err(),
        FluxStt::new(FluxConfig { url: "nowhere".to_owned(), ..FluxConfig::default() }).err(),
        NovaStt::new(NovaConfig { language: String::new(), ..NovaConfig::default() }).err(),
    ] {
        let error = error.unwrap();
        assert!(!error.is_retryable(), "{error}");
    }
}

#[tokio::test]
async fn every_way_to_break_off_is_one_error_worth_another_try() {
    for way in ["error", "close", "undecodable", "no code", "reset", "garbled", "too long"] {
        let server = Server::start().await;
        let (mut ears, mut peer) = server.open_flux(&FluxStt::new(server.flux()).unwrap()).await;
        ears.push(0, 1_280);
        peer.take_audio(1_280).await;
        match way {
            "error" => peer.say(r#"{"type":"Error","code":"INTERNAL_SERVER_ERROR","description":"oh"}"#).await,
            "close" => peer.close(Some(1011), "NET-0000: no text in time").await,
            "undecodable" => peer.close(Some(1008), "DATA-0000").await,
            "no code" => peer.close(None, "").await,
            "reset" => peer.reset(),
            "garbled" => peer.say("{").await,
            _ => peer.say(&"x".repeat(2_000_000)).await,
        }
        let error = ears.error().await;
        assert_eq!(error.fault(), Fault::Engine, "{way}: {error}");
        let refused = ears.feed.push(&[0; 320], Position(1_280));
        assert_eq!(refused, Err(StageError::Ended { engine: "Deepgram Flux" }), "{way}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let server = Server::start().await;
    let flux = FluxStt::new(FluxConfig { stall_ms: 100, ..server.flux() }).unwrap();
    let (mut ears, _peer) = server.open_flux(&flux).await;
    ears.push(0, 1_280);
    let waited = Duration::from_millis(100);
    assert_eq!(ears.error().await, StageError::Stalled { engine: "Deepgram Flux", waited });
    let nova = NovaStt::new(NovaConfig { stall_ms: 100, ..server.nova() }).unwrap();
    let (mut ears, _peer) = server.open_nova(&nova).await;
    ears.push(0, 1_280);
    assert_eq!(ears.error().await, StageError::Stalled { engine: "Deepgram Nova", waited });
}

#[tokio::test]
async fn dropping_the_events_says_farewell() {
    let server = Server::start().await;
    let (mut ears, mut peer) = server.open_nova(&NovaStt::new(server.nova()).unwrap()).await;
    ears.stop_reading().await;
    assert_eq!(peer.take_text().await.1, json!({"type": "CloseStream"}));
    while soon(peer.take()).await {}
    let refused = ears.feed.push(&[0; 320], Position::ZERO);
    assert_eq!(refused, Err(StageError::Ended { engine: "Deepgram Nova" }));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the time is simulated")]
async fn a_replay_is_sent_no_faster_than_is_allowed() {
    let server = Server::start().await;
    let config = FluxConfig { stall_ms: 3_600_000, ping_ms: 3_600_000, ..server.flux() };
    let (mut ears, mut peer) = server.open_flux(&FluxStt::new(config).unwrap()).await;
    // From here on time is simulated: it goes on whenever all wait for it.
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    ears.push(0, 160_000);
    while peer.audio.len() < 160_000 {
        assert!(peer.take().await);
    }
    assert_eq!(peer.audio, ramp(0, 160_000));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(7_400), "10 s of audio left within {took:?}");
}

#[tokio::test]
async fn audio_beyond_the_bound_is_refused_and_no_later_time_is_shifted() {
    let server = Server::start().await;
    let config = NovaConfig { backlog_ms: 1_000, catch_up_percent: 0, ..server.nova() };
    let stt = NovaStt::new(config).unwrap();
    let (session, mut peer) = soon(async { tokio::join!(stt.open(), server.accept()) }).await;
    let mut session = session.unwrap();
    // Nobody reads, so nothing is sent: a second and some is kept, then the feed refuses.
    let mut taken = 0;
    let refused = loop {
        match session.feed.push(&ramp(taken, 320), Position(taken)) {
            Ok(()) => taken += 320,
            Err(error) => break error,
        }
        assert!(taken < 160_000, "there is no bound");
    };
    assert_eq!(refused, StageError::Full { engine: "Deepgram Nova" });
    assert!(taken >= 16_000);
    // What was refused is left out; what was taken is heard, and what follows it where it was said.
    let mut ears = Ears::read(session);
    let kept = usize::try_from(taken).unwrap();
    peer.take_audio(kept / 1_280 * 1_280).await;
    ears.push(320_000, 1_280);
    peer.take_audio(kept + 1_280).await;
    let (before, after) = peer.audio.split_at(kept);
    assert_eq!((before, after), (ramp(0, kept).as_slice(), ramp(320_000, 1_280).as_slice()));
    let start = kept as f64 / 16_000.0;
    let words = json!({"alternatives": [{"transcript": "late"}]});
    let interim_first = json!({"type": "Results", "start": start, "duration": 0.08, "channel": words});
    peer.say(&interim_first.to_string()).await;
    assert_eq!(ears.event().await, interim("late"));
    let closing = json!({"type": "Results", "start": start, "duration": 0.08, "is_final": true, "channel": words});
    peer.say(&closing.to_string()).await;
    assert_eq!(ears.event().await, super::support::final_at("late", 320_000 + 1_280));
}

#[tokio::test]
async fn requests_and_hints_that_find_no_room_go_before_the_next_audio() {
    let server = Server::start().await;
    let config = NovaConfig { backlog_ms: 1_000, catch_up_percent: 0, ..server.nova() };
    let stt = NovaStt::new(config).unwrap();
    let (session, mut peer) = soon(async { tokio::join!(stt.open(), server.accept()) }).await;
    let mut session = session.unwrap();
    let mut taken = 0;
    while session.feed.push(&ramp(taken, 320), Position(taken)).is_ok() {
        taken += 320;
    }
    session.feed.finalize(Position(taken));
    for term in ["Wexford", "Carlow"] {
        let mut hints = SttHints::default();
        hints.keyterms = Some(vec![term.to_owned()]);
        session.feed.expect(&hints);
    }
    let mut ears = Ears::read(session);
    let kept = usize::try_from(taken).unwrap();
    peer.take_audio(kept / 1_280 * 1_280).await;
    ears.push(taken, 1_280);
    assert_eq!(peer.take_text().await, (kept, json!({"type": "Finalize"})));
    let (_, change) = peer.take_text().await;
    assert_eq!(change, json!({"type": "Configure", "keyterms": ["Carlow"]}));
    peer.take_audio(kept + 1_280).await;
    assert_eq!(peer.audio, ramp(0, kept + 1_280));
}

#[tokio::test]
async fn what_was_refused_may_be_given_again_and_is_heard_once() {
    let server = Server::start().await;
    let config = NovaConfig { backlog_ms: 1_000, catch_up_percent: 0, ..server.nova() };
    let stt = NovaStt::new(config).unwrap();
    let (session, mut peer) = soon(async { tokio::join!(stt.open(), server.accept()) }).await;
    let mut ears = Ears::read(session.unwrap());
    let (mut given, mut refusals) = (0, 0);
    // More at once than the feed's whole blocks, so that a part of a push would find room.
    while given < 160_000 {
        match ears.feed.push(&ramp(given, 4_000), Position(given)) {
            Ok(()) => given += 4_000,
            Err(error) => {
                assert_eq!(error, StageError::Full { engine: "Deepgram Nova" });
                refusals += 1;
                assert!(soon(peer.take()).await);
            }
        }
    }
    assert!(refusals > 0, "the bound was not met");
    drop(ears.feed);
    while peer.texts.is_empty() {
        assert!(soon(peer.take()).await);
    }
    assert_eq!(peer.audio, ramp(0, 160_000), "all of it, and nothing twice");
}

//! Nova: its windows, its finals on demand, its signs of life.

use super::support::{KEY, Peer, Server, final_at, interim, ramp, soon};
use serde_json::json;
use voice_core::provider::deepgram::{NovaConfig, NovaStt};
use voice_core::stage::{Stt, SttHints};
use voice_core::units::Position;

/// What a window's words are.
#[derive(Clone, Copy)]
enum As {
    Interim,
    Final,
    Answer,
}

async fn results(peer: &mut Peer, kind: As, start: f32, end: f32, text: &str) {
    let message = json!({"type": "Results", "channel_index": [0, 1], "start": start, "duration": end - start,
        "is_final": !matches!(kind, As::Interim), "speech_final": false, "from_finalize": matches!(kind, As::Answer),
        "channel": {"alternatives": [{"transcript": text, "confidence": 0.98, "words": []}]}});
    peer.say(&message.to_string()).await;
}

#[tokio::test]
async fn it_asks_for_its_settings_with_its_key() {
    let server = Server::start().await;
    let stt = NovaStt::new(server.nova()).unwrap();
    assert_eq!(stt.name(), "Deepgram nova-3");
    let (_ears, peer) = server.open_nova(&stt).await;
    assert_eq!(peer.authorization, format!("Token {KEY}"));
    let query = "encoding=linear16&sample_rate=16000&model=nova-3&language=en&interim_results=true&endpointing=300";
    assert_eq!(peer.uri, format!("/v1/listen?{query}&utterance_end_ms=1000&punctuate=true"));
}

#[tokio::test]
async fn a_check_opens_and_closes() {
    let server = Server::start().await;
    let stt = NovaStt::new(server.nova()).unwrap();
    let (report, mut peer) = soon(async { tokio::join!(stt.check(), server.accept()) }).await;
    assert_eq!(report.unwrap().detail, "nova-3 is ready to listen");
    assert_eq!(peer.take_text().await, (0, json!({"type": "CloseStream"})));
}

#[tokio::test]
async fn windows_become_segments_at_the_calls_positions() {
    let server = Server::start().await;
    let (mut ears, mut peer) = server.open_nova(&NovaStt::new(server.nova()).unwrap()).await;
    ears.push(32_000, 6_400);
    peer.take_audio(6_400).await;
    peer.say(r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":0.02}"#).await;
    for (kind, start, end, text) in [
        (As::Interim, 0.0, 0.1, ""),
        (As::Interim, 0.0, 0.2, "book a"),
        (As::Final, 0.0, 0.16, "Book a"),
        (As::Final, 0.0, 0.16, "Book a"),
        (As::Interim, 0.16, 0.3, "table"),
        (As::Final, 0.16, 0.32, "table."),
        (As::Final, 0.32, 0.4, ""),
    ] {
        results(&mut peer, kind, start, end, text).await;
    }
    peer.say(r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":0.3}"#).await;
    results(&mut peer, As::Interim, 0.4, 0.5, "thanks").await;
    let expected = [
        interim("book a"),
        final_at("Book a", 32_000 + 2_560),
        interim("table"),
        final_at("table.", 32_000 + 5_120),
        interim("thanks"),
    ];
    for event in expected {
        assert_eq!(ears.event().await, event);
    }
}

#[tokio::test]
async fn finals_on_demand_follow_the_audio_and_may_be_empty() {
    let server = Server::start().await;
    let (mut ears, mut peer) = server.open_nova(&NovaStt::new(server.nova()).unwrap()).await;
    ears.push(0, 2_000);
    ears.feed.finalize(Position(2_000));
    ears.feed.turn_ended();
    ears.push(2_000, 1_280);
    assert_eq!(peer.take_text().await, (2_000, json!({"type": "Finalize"})));
    results(&mut peer, As::Interim, 0.0, 0.1, "yes").await;
    results(&mut peer, As::Answer, 0.0, 0.125, "Yes.").await;
    results(&mut peer, As::Answer, 0.125, 0.125, "").await;
    for event in [interim("yes"), final_at("Yes.", 2_000), final_at("", 2_000)] {
        assert_eq!(ears.event().await, event);
    }
    peer.take_audio(3_280).await;
    assert_eq!((peer.audio.as_slice(), peer.texts.len()), (ramp(0, 3_280).as_slice(), 1));
}

#[tokio::test]
async fn words_that_noise_keeps_open_are_asked_for() {
    let server = Server::start().await;
    let (_ears, mut peer) = server.open_nova(&NovaStt::new(server.nova()).unwrap()).await;
    results(&mut peer, As::Interim, 0.0, 0.1, "yes").await;
    peer.say(r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":0.1}"#).await;
    assert_eq!(peer.take_text().await, (0, json!({"type": "Finalize"})));
}

#[tokio::test]
async fn it_lives_on_without_audio() {
    let server = Server::start().await;
    let config = NovaConfig { keep_alive_ms: 30, stall_ms: 60, ..server.nova() };
    let (mut ears, mut peer) = server.open_nova(&NovaStt::new(config).unwrap()).await;
    for _ in 0..5 {
        assert_eq!(peer.take_text().await.1, json!({"type": "KeepAlive"}));
    }
    results(&mut peer, As::Interim, 0.0, 0.1, "still here").await;
    assert_eq!(ears.event().await, interim("still here"));
}

#[tokio::test]
async fn changes_and_complaints_leave_the_stream_running() {
    let server = Server::start().await;
    let (mut ears, mut peer) = server.open_nova(&NovaStt::new(server.nova()).unwrap()).await;
    let mut hints = SttHints::default();
    hints.eot_threshold = Some(0.9);
    ears.feed.expect(&hints);
    hints.keyterms = Some(vec!["Wexford".to_owned()]);
    ears.feed.expect(&hints);
    assert_eq!(peer.take_text().await.1, json!({"type": "Configure", "keyterms": ["Wexford"]}));
    hints.keyterms = Some(Vec::new());
    ears.feed.expect(&hints);
    peer.say(r#"{"type":"ConfigureFailure","code":"CONFIGURE_KEYTERMS_NOT_SUPPORTED","description":"no"}"#).await;
    assert_eq!(peer.take_text().await.1, json!({"type": "Configure", "keyterms": []}));
    peer.say(r#"{"type":"Error","variant":"SchemaError","description":"what?","message":"{}"}"#).await;
    results(&mut peer, As::Interim, 0.0, 0.1, "still here").await;
    assert_eq!(ears.event().await, interim("still here"));
}

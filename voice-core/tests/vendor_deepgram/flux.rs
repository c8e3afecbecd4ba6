//! Flux: what is asked of it, what its turns become, and what it is told during a call.

use super::support::{KEY, Peer, Server, final_at, interim, ramp, soon};
use serde_json::json;
use std::time::Duration;
use voice_core::provider::deepgram::{FluxConfig, FluxStt, ForceEndTurn};
use voice_core::stage::{Fault, StageError, Stt, SttEvent, SttHints};
use voice_core::units::Position;

async fn turn(peer: &mut Peer, event: &str, index: u32, text: &str, window_end: f32) {
    let info = json!({"type": "TurnInfo", "request_id": "01a2", "event": event, "turn_index": index,
        "audio_window_start": 0.0, "audio_window_end": window_end, "transcript": text, "words": [],
        "end_of_turn_confidence": 0.5, "sequence_id": 1});
    peer.say(&info.to_string()).await;
}

fn keyterms(terms: &[&str]) -> SttHints {
    let mut hints = SttHints::default();
    hints.keyterms = Some(terms.iter().map(|term| (*term).to_owned()).collect());
    hints
}

#[tokio::test]
async fn it_asks_for_its_settings_with_its_key() {
    let server = Server::start().await;
    let stt = FluxStt::new(FluxConfig { keyterms: vec!["order number".to_owned()], ..server.flux() }).unwrap();
    assert_eq!(stt.name(), "Deepgram Flux flux-general-en");
    let (_ears, peer) = server.open_flux(&stt).await;
    assert_eq!(peer.authorization, format!("Token {KEY}"));
    let thresholds = "eot_threshold=0.7&eager_eot_threshold=0.5&eot_timeout_ms=5000";
    let query = format!("encoding=linear16&sample_rate=16000&model=flux-general-en&{thresholds}&keyterm=order+number");
    assert_eq!(peer.uri, format!("/v2/listen?{query}"));
}

#[tokio::test]
async fn a_server_that_never_greets_is_given_up() {
    let server = Server::start().await;
    let stt = FluxStt::new(FluxConfig { connected_ms: 100, ..server.flux() }).unwrap();
    let (opened, mut peer) = soon(async { tokio::join!(stt.open(), server.accept()) }).await;
    let expected = StageError::Stalled { engine: "Deepgram Flux", waited: Duration::from_millis(100) };
    assert_eq!(opened.err(), Some(expected));
    while soon(peer.take()).await {}
}

#[tokio::test]
async fn a_check_opens_and_closes() {
    let server = Server::start().await;
    let stt = FluxStt::new(server.flux()).unwrap();
    let greet = async {
        let mut peer = server.accept().await;
        peer.say(r#"{"type":"Connected","request_id":"01a2"}"#).await;
        peer
    };
    let (report, mut peer) = soon(async { tokio::join!(stt.check(), greet) }).await;
    assert_eq!(report.unwrap().detail, "flux-general-en is ready to listen (request 01a2)");
    assert_eq!(peer.take_text().await, (0, json!({"type": "CloseStream"})));
}

#[tokio::test]
async fn a_conversation_at_the_calls_positions() {
    let server = Server::start().await;
    let (mut ears, mut peer) = server.open_flux(&FluxStt::new(server.flux()).unwrap()).await;
    ears.push(48_000, 6_400);
    peer.take_audio(6_400).await;
    assert_eq!(peer.audio, ramp(48_000, 6_400));
    for (event, text) in [
        ("Update", ""),
        ("Update", "I want"),
        ("StartOfTurn", "I want a"),
        ("Update", "I want a table"),
        ("EagerEndOfTurn", "I want a table"),
        ("Update", "I want a table"),
        ("TurnResumed", "I want a table for"),
        ("Nod", ""),
    ] {
        turn(&mut peer, event, 0, text, 0.24).await;
    }
    peer.say(r#"{"type":"Weather","is":"fine"}"#).await;
    turn(&mut peer, "EndOfTurn", 0, "I want a table for two.", 0.32).await;
    let expected = [
        SttEvent::StartOfTurn { text: "I want a".to_owned() },
        interim("I want a table"),
        SttEvent::EagerEndOfTurn { text: "I want a table".to_owned() },
        SttEvent::TurnResumed,
        SttEvent::EndOfTurn { text: "I want a table for two.".to_owned(), end: Some(Position(48_000 + 5_120)) },
    ];
    for event in expected {
        assert_eq!(ears.event().await, event);
    }
}

#[tokio::test]
async fn one_change_is_under_way_at_a_time() {
    let server = Server::start().await;
    let (mut ears, mut peer) = server.open_flux(&FluxStt::new(server.flux()).unwrap()).await;
    ears.feed.expect(&keyterms(&["Wexford"]));
    assert_eq!(peer.take_text().await.1, json!({"type": "Configure", "keyterms": ["Wexford"]}));
    let mut patient = SttHints::default();
    patient.eot_timeout_ms = Some(9_000);
    for hints in [keyterms(&["Cork"]), patient, keyterms(&["Tullamore"])] {
        ears.feed.expect(&hints);
    }
    // Audio goes on meanwhile; had a second change been sent, it would have come before it.
    ears.push(0, 1_280);
    peer.take_audio(1_280).await;
    assert_eq!(peer.texts.len(), 1);
    peer.say(r#"{"type":"ConfigureFailure","request_id":"01a2","sequence_id":9}"#).await;
    let merged = json!({"type": "Configure", "thresholds": {"eot_timeout_ms": 9_000}, "keyterms": ["Tullamore"]});
    assert_eq!(peer.take_text().await.1, merged);
}

#[tokio::test]
async fn a_forced_end_follows_the_audio_before_it() {
    let server = Server::start().await;
    let config = FluxConfig { force_end_turn: ForceEndTurn::On, ..server.flux() };
    let (mut ears, mut peer) = server.open_flux(&FluxStt::new(config).unwrap()).await;
    turn(&mut peer, "StartOfTurn", 0, "so", 0.1).await;
    ears.event().await;
    ears.push(0, 3_000);
    ears.feed.turn_ended();
    ears.push(3_000, 1_280);
    assert_eq!(peer.take_text().await, (3_000, json!({"type": "ForceEndTurn"})));
    peer.say(r#"{"type":"Warning","code":"FORCE_END_TURN_NO_ACTIVE_TURN","description":"none"}"#).await;
    peer.take_audio(4_280).await;
    assert_eq!(peer.audio, ramp(0, 4_280));
}

#[tokio::test]
async fn it_is_not_told_of_ends_unless_it_should() {
    let server = Server::start().await;
    let (mut ears, mut peer) = server.open_flux(&FluxStt::new(server.flux()).unwrap()).await;
    turn(&mut peer, "StartOfTurn", 0, "so", 0.1).await;
    ears.event().await;
    ears.push(0, 1_000);
    ears.feed.turn_ended();
    ears.feed.finalize(Position(1_000));
    ears.push(1_000, 1_560);
    peer.take_audio(2_560).await;
    assert_eq!(peer.texts, []);
}

#[tokio::test]
async fn a_server_that_does_not_know_forced_ends_is_told_none_again() {
    let server = Server::start().await;
    let stt = FluxStt::new(FluxConfig { force_end_turn: ForceEndTurn::On, ..server.flux() }).unwrap();
    for connection in 0..2 {
        let (mut ears, mut peer) = server.open_flux(&stt).await;
        turn(&mut peer, "StartOfTurn", 0, "so", 0.1).await;
        ears.event().await;
        ears.feed.turn_ended();
        ears.push(0, 1_280);
        if connection == 0 {
            peer.take_text().await;
            peer.say(r#"{"type":"Error","code":"UNPARSABLE_CLIENT_MESSAGE","description":"what?"}"#).await;
            let error = ears.error().await;
            assert_eq!(error.fault(), Fault::Engine, "{error}");
            assert!(error.to_string().contains("UNPARSABLE_CLIENT_MESSAGE"), "{error}");
        } else {
            peer.take_audio(1_280).await;
            assert_eq!(peer.texts, []);
        }
    }
}

#[tokio::test]
async fn the_end_of_the_audio_is_said_last_and_open_words_are_kept() {
    let server = Server::start().await;
    let (mut ears, mut peer) = server.open_flux(&FluxStt::new(server.flux()).unwrap()).await;
    ears.push(0, 2_560);
    peer.take_audio(2_560).await;
    turn(&mut peer, "StartOfTurn", 0, "so", 0.08).await;
    turn(&mut peer, "Update", 0, "so long", 0.16).await;
    ears.event().await;
    assert_eq!(ears.event().await, interim("so long"));
    ears.push(2_560, 100);
    ears.drop_feed();
    assert_eq!(peer.take_text().await, (2_660, json!({"type": "CloseStream"})));
    turn(&mut peer, "Update", 0, "so long then", 0.16).await;
    while soon(peer.take()).await {}
    assert_eq!(ears.event().await, interim("so long then"));
    assert_eq!(ears.event().await, final_at("so long then", 2_560));
    ears.end().await;
}

//! What of the server's words gets into the log: no key, no control character, and no more than a line.

use super::support::{Ears, KEY, Peer, Server, interim, soon};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use voice_core::provider::deepgram::{FluxStt, NovaStt};
use voice_core::stage::SttEvent;

/// All that is logged on this thread while it lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Everything down to debug messages.
fn capture() -> (Log, DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(LevelFilter::DEBUG);
    let guard = set_default(subscriber.with_writer(log.clone()).finish());
    (log, guard)
}

/// What a server may say, with everything that must not be shown.
fn spiteful() -> String {
    format!("\u{1b}[31m{KEY} {}", "x".repeat(5_000))
}

/// The server complains in two ways, then says `last`, which is heard as `event`.
async fn complain((ears, peer): &mut (Ears, Peer), kinds: [&str; 2], last: Value, event: SttEvent) {
    let complaints = kinds.map(|kind| json!({"type": kind, "description": spiteful()}));
    for message in complaints.iter().chain([&last]) {
        peer.say(&message.to_string()).await;
    }
    assert_eq!(ears.event().await, event);
}

fn check_shown(log: &str) {
    assert!(log.contains("[key] xxx"), "{log}");
    assert!(log.lines().all(|line| line.chars().count() < 600), "{log}");
    assert!(!log.contains(KEY) && !log.contains("\u{1b}") && !log.contains("u{1b}"), "{log}");
}

#[tokio::test]
async fn complaints_are_logged_without_the_key_and_cut() {
    let (log, _guard) = capture();
    let server = Server::start().await;
    let mut nova = server.open_nova(&NovaStt::new(server.nova()).unwrap()).await;
    let words = json!({"alternatives": [{"transcript": "yes"}]});
    let results = json!({"type": "Results", "start": 0.0, "duration": 0.1, "channel": words});
    complain(&mut nova, ["Error", "ConfigureFailure"], results, interim("yes")).await;
    let mut flux = server.open_flux(&FluxStt::new(server.flux()).unwrap()).await;
    let turn = json!({"type": "TurnInfo", "event": "StartOfTurn", "turn_index": 0, "transcript": "yes",
        "audio_window_start": 0.0, "audio_window_end": 0.1});
    let start = SttEvent::StartOfTurn { text: "yes".to_owned() };
    complain(&mut flux, ["Warning", "ConfigureFailure"], turn, start).await;
    assert_eq!(log.text().matches("WARN").count(), 4, "{}", log.text());
    check_shown(&log.text());
}

#[tokio::test]
async fn the_name_of_a_request_is_shown_without_the_key_and_cut() {
    let (log, _guard) = capture();
    let server = Server::start().await;
    let stt = FluxStt::new(server.flux()).unwrap();
    let greet = async {
        let mut peer = server.accept().await;
        peer.say(&json!({"type": "Connected", "request_id": spiteful()}).to_string()).await;
        peer
    };
    let (report, _peer) = soon(async { tokio::join!(stt.check(), greet) }).await;
    check_shown(&report.unwrap().detail);
    check_shown(&log.text());
}

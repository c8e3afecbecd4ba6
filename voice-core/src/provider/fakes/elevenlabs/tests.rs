//! The protocol on simulated time: a machine, its voices, and a client that writes by hand.

use super::config::*;
use super::machine::{End, Machine, Opening};
use super::message::format_of;
use crate::provider::fakes::voice::Voices;
use crate::provider::scripted::{ScriptedTts, TtsConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

struct Scene {
    machine: Machine,
    voices: Voices,
    now: Duration,
}

fn fake() -> ElevenLabsFake {
    ElevenLabsFake { voice: Arc::new(ScriptedTts::new(TtsConfig::default())), ..ElevenLabsFake::default() }
}

fn opening(format: &str) -> Opening {
    let format = format_of(Some(format));
    Opening { format, is_auto: false, inactivity: Duration::from_secs(20), is_known: true, key: None }
}

impl Scene {
    async fn new(fake: ElevenLabsFake, opening: Opening) -> Self {
        let voices = Voices::open(&fake.voice).await.expect("a scripted voice opens");
        Self { machine: Machine::new(fake, opening), voices, now: Duration::ZERO }
    }

    async fn of(fake: ElevenLabsFake) -> Self {
        Self::new(fake, opening("pcm_24000")).await
    }

    fn send(&mut self, message: Value) {
        self.machine.take(self.now, &message.to_string());
        self.turn();
    }

    /// The voices work as far as they can.
    fn turn(&mut self) {
        loop {
            while let Some((key, ask)) = self.machine.pop_ask() {
                self.voices.perform(key, ask);
            }
            match self.voices.next().now_or_never() {
                Some((key, event)) => self.machine.hear(self.now, key, event),
                None => return,
            }
        }
    }

    fn said_within(&mut self, ms: u64) -> (Vec<Value>, Option<End>) {
        let (end, mut said) = (self.now + Duration::from_millis(ms), Vec::new());
        loop {
            self.machine.tick(self.now);
            self.turn();
            while let Some(item) = self.machine.pop(self.now) {
                said.push(serde_json::from_str(&item.text).expect("the server writes JSON"));
            }
            self.machine.tick(self.now);
            self.turn();
            let (due, closed) = (self.machine.next_due(), self.machine.end());
            if closed.is_some() || due > end {
                self.now = end;
                return (said, closed);
            }
            self.now = self.now.max(due);
        }
    }

    fn said(&mut self) -> Vec<Value> {
        self.said_within(0).0
    }
}

fn text(text: &str) -> Value {
    json!({"context_id": "t", "text": text})
}

fn flushed(text: &str) -> Value {
    json!({"context_id": "t", "text": text, "flush": true})
}

fn close() -> Value {
    json!({"context_id": "t", "close_context": true})
}

fn audio_bytes(said: &[Value]) -> usize {
    let audio = said.iter().filter_map(|message| message["audio"].as_str());
    audio.map(|audio| STANDARD.decode(audio).expect("base64").len()).sum()
}

fn finals(said: &[Value]) -> usize {
    said.iter().filter(|message| message["isFinal"] == true || message["is_final"] == true).count()
}

#[tokio::test]
async fn a_flushed_text_is_spoken_and_a_close_ends_it_once() {
    let mut scene = Scene::of(fake()).await;
    scene.send(text(" "));
    scene.send(flushed("Right. "));
    let said = scene.said();
    assert!(audio_bytes(&said).abs_diff(7 * 60 * 48) <= 4 && finals(&said) == 0, "{} bytes", audio_bytes(&said));
    scene.send(close());
    let said = scene.said();
    assert_eq!(said, [json!({"contextId": "t", "isFinal": true})]);
}

#[tokio::test]
async fn a_short_text_waits_for_its_schedule_and_is_lost_by_a_close() {
    let mut scene = Scene::of(fake()).await;
    scene.send(text("One moment. "));
    assert_eq!(scene.said_within(10_000).0, Vec::<Value>::new());
    scene.send(close());
    assert_eq!((audio_bytes(&scene.said()), scene.said().len()), (0, 0));

    scene.send(json!({"context_id": "u", "text": "x".repeat(119)}));
    assert_eq!(audio_bytes(&scene.said()), 0);
    scene.send(json!({"context_id": "u", "text": "y"}));
    assert!(audio_bytes(&scene.said()) > 0);
    scene.send(json!({"context_id": "u", "text": "z".repeat(159)}));
    assert_eq!(audio_bytes(&scene.said()), 0, "the second generation takes 160 characters");
}

#[tokio::test]
async fn in_auto_mode_each_text_is_spoken() {
    let mut scene = Scene::new(fake(), Opening { is_auto: true, ..opening("ulaw_8000") }).await;
    scene.send(text("One moment. "));
    let bytes = audio_bytes(&scene.said());
    assert!(bytes.abs_diff(12 * 60 * 8) <= 3, "{bytes}");
}

#[tokio::test]
async fn characters_have_times_from_the_start_of_their_message() {
    let mut scene = Scene::of(fake()).await;
    scene.send(flushed("One moment please. "));
    let said = scene.said();
    let aligned: Vec<&Value> = said.iter().map(|message| &message["alignment"]).filter(|a| !a.is_null()).collect();
    let chars: String = aligned.iter().flat_map(|a| a["chars"].as_array().unwrap()).filter_map(Value::as_str).collect();
    assert_eq!(chars.trim(), "One moment please.");
    let starts = |a: &Value| a["charStartTimesMs"][0].as_u64().unwrap();
    assert!(aligned.len() == 3 && aligned.iter().all(|a| starts(a) < 60), "{aligned:?}");
}

#[tokio::test]
async fn names_are_spelled_and_alignments_left_out_as_set() {
    for (spelling, id, starts) in
        [(Spelling::Camel, "contextId", "charStartTimesMs"), (Spelling::Snake, "context_id", "char_start_times_ms")]
    {
        let mut scene = Scene::of(ElevenLabsFake { spelling, ..fake() }).await;
        scene.send(flushed("Right. "));
        let first = scene.said()[0].clone();
        assert_eq!((&first[id], first["alignment"][starts].is_array()), (&json!("t"), true), "{first}");
    }
    let mut scene = Scene::of(ElevenLabsFake { spelling: Spelling::Mixed, ..fake() }).await;
    scene.send(flushed("One moment please. "));
    let said = scene.said();
    for name in ["contextId", "context_id"] {
        assert!(said.iter().any(|message| message.get(name).is_some()), "{name}");
    }
    for (alignments, expected) in [(Alignments::Null, Some(&Value::Null)), (Alignments::Absent, None)] {
        let mut scene = Scene::of(ElevenLabsFake { alignments, ..fake() }).await;
        scene.send(flushed("Right. "));
        assert_eq!(scene.said()[0].get("alignment"), expected);
    }
}

#[tokio::test]
async fn after_a_close_comes_what_its_manner_says() {
    for (close_context, few, many) in
        [(CloseManner::Drains, 100, 200), (CloseManner::Late(2), 2, 2), (CloseManner::LateFor(400), 5, 20)]
    {
        let mut scene = Scene::of(ElevenLabsFake { close_context, pace_percent: 100, ..fake() }).await;
        scene.send(flushed(&"word ".repeat(20)));
        scene.said_within(500);
        scene.send(close());
        let (said, _) = scene.said_within(10_000);
        let pieces = said.iter().filter(|message| message["audio"].is_string()).count();
        assert!((few..=many).contains(&pieces) && finals(&said) == 1, "{close_context:?}: {pieces}");
    }
    let mut scene = Scene::of(ElevenLabsFake { finals: Finals::Missing, ..fake() }).await;
    scene.send(flushed("Right. "));
    scene.send(close());
    assert_eq!(finals(&scene.said()), 0);
}

#[tokio::test]
async fn a_closed_id_is_a_new_context() {
    let mut scene = Scene::of(fake()).await;
    for _ in 0..2 {
        scene.send(flushed("Right. "));
        scene.send(close());
        let said = scene.said();
        assert!(audio_bytes(&said) > 0 && finals(&said) == 1);
    }
}

#[tokio::test]
async fn without_input_the_socket_is_closed_and_a_keep_alive_prevents_it() {
    let mut scene = Scene::of(ElevenLabsFake { inactivity_ms: Some(1_000), ..fake() }).await;
    scene.send(text(" "));
    assert_eq!(scene.said_within(999), (vec![], None));
    scene.send(text(""));
    assert_eq!(scene.said_within(999), (vec![], None));
    scene.send(json!({"text": ""}));
    let (said, end) = scene.said_within(1_000);
    assert_eq!(end, Some(End { code: 1008, reason: "input_timeout_exceeded" }));
    assert_eq!((&said[0]["error"], &said[0]["code"]), (&json!("input_timeout_exceeded"), &json!(1008)));
}

#[tokio::test]
async fn a_wrong_key_is_noticed_with_the_first_message() {
    let unknown = || Opening { is_known: false, key: Some("right".into()), ..opening("pcm_16000") };
    let mut scene = Scene::new(fake(), unknown()).await;
    scene.send(text(" "));
    let (said, end) = scene.said_within(0);
    assert_eq!((&said[0]["error"], end.map(|end| end.code)), (&json!("invalid_api_key"), Some(1008)));
    let mut scene = Scene::new(fake(), unknown()).await;
    scene.send(json!({"context_id": "t", "text": "Right. ", "flush": true, "xi-api-key": "right"}));
    assert!(audio_bytes(&scene.said()) > 0);
}

#[tokio::test]
async fn a_socket_drains_before_it_closes_or_never_does() {
    for (close_socket, code) in [(SocketClose::Drains, Some(1000)), (SocketClose::Never, None)] {
        let mut scene = Scene::of(ElevenLabsFake { close_socket, pace_percent: 100, ..fake() }).await;
        scene.send(flushed("Right. "));
        scene.send(json!({"close_socket": true}));
        let (said, end) = scene.said_within(5_000);
        assert!(audio_bytes(&said) > 0 && finals(&said) == 1);
        assert_eq!(end.map(|end| end.code), code);
    }
}

#[tokio::test]
async fn what_is_wrong_closes_the_socket() {
    for (message, format, name) in [
        (json!({"context_id": "t", "text": " ", "voice_settings": {"speed": 3}}), "pcm_24000", "invalid_message"),
        (
            json!({"context_id": "t", "text": " ", "generation_config": {"chunk_length_schedule": [10]}}),
            "pcm_24000",
            "invalid_message",
        ),
        (text(" "), "mp3_44100_128", "unsupported_output_format"),
    ] {
        let mut scene = Scene::new(fake(), opening(format)).await;
        scene.send(message);
        let (said, end) = scene.said_within(0);
        assert_eq!((said[0]["error"].as_str(), end.map(|end| end.code)), (Some(name), Some(1008)));
    }
}

//! The protocol on simulated time: a machine, its voices, and a client that writes by hand.

use super::config::{CancelManner, CartesiaFake, TimestampPlace};
use super::machine::Machine;
use crate::provider::fakes::cutter::{ChunkSizes, Cuts};
use crate::provider::fakes::log::VoiceCounts;
use crate::provider::fakes::slots::Slots;
use crate::provider::fakes::voice::{VoiceEvent, Voices};
use crate::provider::scripted::{ScriptedTts, TtsConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A client and its server, with the time in hand.
struct Scene {
    machine: Machine,
    voices: Voices,
    now: Duration,
    counts: VoiceCounts,
}

fn fake() -> CartesiaFake {
    CartesiaFake { voice: Arc::new(ScriptedTts::new(TtsConfig::default())), ..CartesiaFake::default() }
}

impl Scene {
    async fn new(config: CartesiaFake, version: &str) -> Self {
        let voices = Voices::open(&config.voice).await.expect("a scripted voice opens");
        let slots = Slots::new(config.concurrency);
        let machine = Machine::new(config, Some(version), slots);
        Self { machine, voices, now: Duration::ZERO, counts: VoiceCounts::default() }
    }

    async fn default() -> Self {
        Self::new(fake(), "2026-08-14").await
    }

    fn send(&mut self, message: &Value) {
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
                None => break,
            }
        }
        let counts = self.machine.take_counts();
        self.counts.late_chunks += counts.late_chunks;
        self.counts.cancelled += counts.cancelled;
        self.counts.finished += counts.finished;
    }

    /// Everything that is said within `ms`, and the reason of a close.
    fn said_within(&mut self, ms: u64) -> (Vec<Value>, Option<&'static str>) {
        let (end, mut said) = (self.now + Duration::from_millis(ms), Vec::new());
        loop {
            let closed = self.machine.tick(self.now);
            self.turn();
            while let Some(item) = self.machine.pop(self.now) {
                said.push(serde_json::from_str(&item.text).expect("the server writes JSON"));
            }
            self.turn();
            let due = self.machine.next_due();
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

fn request(context: &str, transcript: &str, goes_on: bool) -> Value {
    json!({
        "context_id": context, "model_id": "sonic-3.5", "transcript": transcript, "voice": "a-voice",
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000},
        "add_timestamps": true, "max_buffer_delay_ms": 0, "continue": goes_on,
    })
}

fn with(mut request: Value, key: &str, value: Value) -> Value {
    request[key] = value;
    request
}

fn kinds(said: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = said.iter().map(|message| message["type"].as_str().expect("a type")).collect();
    kinds.dedup();
    kinds
}

fn audio(said: &[Value]) -> Vec<u8> {
    let data = said.iter().filter_map(|message| message["data"].as_str());
    data.flat_map(|data| STANDARD.decode(data).expect("base64")).collect()
}

fn chunks(said: &[Value]) -> usize {
    said.iter().filter(|message| message["type"] == "chunk").count()
}

#[tokio::test]
async fn a_reply_has_all_its_audio_its_words_its_flush_ids_and_one_done() {
    let mut scene = Scene::default().await;
    scene.send(&request("t", "Thanks for waiting, ", true));
    scene.send(&request("t", "Mia.", true));
    scene.send(&request("t", "", false));
    let said = scene.said();
    assert_eq!(kinds(&said), ["timestamps", "chunk", "flush_done", "timestamps", "chunk", "flush_done", "done"]);
    assert!(audio(&said).len().abs_diff(24 * 60 * 24 * 2) <= 4, "{}", audio(&said).len());
    let sizes: Vec<usize> =
        said.iter().filter_map(|m| m["data"].as_str()).map(|data| STANDARD.decode(data).unwrap().len()).collect();
    assert!(sizes.contains(&0) && sizes.iter().any(|size| size % 2 == 1), "{sizes:?}");
    let flush_ids: Vec<&Value> = said.iter().map(|message| &message["flush_id"]).filter(|id| !id.is_null()).collect();
    assert!(flush_ids.windows(2).all(|pair| pair[0].as_u64() <= pair[1].as_u64()) && flush_ids.contains(&&json!(2)));
    assert_eq!(said[0]["word_timestamps"]["words"], json!(["Thanks", "for", "waiting,"]));
    assert_eq!((scene.counts.finished, scene.counts.cancelled), (1, 0));
}

#[tokio::test]
async fn every_encoding_and_rate_has_the_right_length() {
    for (encoding, bytes) in [("pcm_s16le", 2), ("pcm_f32le", 4), ("pcm_mulaw", 1), ("pcm_alaw", 1)] {
        for hz in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
            let mut scene = Scene::default().await;
            let format = json!({"container": "raw", "encoding": encoding, "sample_rate": hz});
            scene.send(&with(request("t", "0123456789", false), "output_format", format));
            let samples = audio(&scene.said()).len() / bytes;
            assert!(samples.abs_diff(hz * 6 / 10) <= 3, "{samples} samples of {encoding} at {hz} Hz");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_and_the_socket_goes_on() {
    let wrong = [
        (json!({"transcript": "a"}), "context_id"),
        (with(request("t", "a", true), "model_id", json!("piper")), "piper"),
        (with(request("t", "a", true), "voice", json!({"mode": "id", "id": "v"})), "voice"),
        (with(request("t", "a", true), "output_format", json!({"container": "wav"})), "container"),
        (with(request("t", "a", true), "max_buffer_delay_ms", json!(5_001)), "5000"),
        (with(request("t", "a", true), "generation_config", json!({"speed": 2})), "speed"),
        (with(with(request("t", "a", true), "language", json!("en")), "locale", json!("en-GB")), "locale"),
    ];
    let mut scene = Scene::default().await;
    for (message, mentions) in wrong {
        scene.send(&message);
        let said = scene.said();
        assert_eq!((kinds(&said), said[0]["done"].as_bool()), (vec!["error"], Some(true)), "{message}");
        assert!(said[0]["message"].as_str().expect("a message").contains(mentions), "{}", said[0]);
    }
    scene.machine.take(scene.now, "{");
    assert_eq!(scene.said()[0]["status_code"], 400);
    scene.send(&request("u", "All is well.", false));
    assert_eq!(kinds(&scene.said()).last(), Some(&"done"));
}

#[tokio::test]
async fn each_version_has_its_voice_and_its_error() {
    let old_voice = with(request("t", "a", false), "voice", json!({"mode": "id", "id": "v"}));
    for (version, request, is_fine) in [
        ("2025-04-16", &old_voice, true),
        ("2026-03-01", &old_voice, true),
        ("2026-03-01", &request("t", "a", false), false),
        ("2026-08-14", &request("t", "a", false), true),
        ("yesterday", &old_voice, false),
    ] {
        let mut scene = Scene::new(fake(), version).await;
        scene.send(request);
        assert_eq!(kinds(&scene.said()).last() == Some(&"done"), is_fine, "{version}");
    }
    let mut scene = Scene::new(fake(), "2025-04-16").await;
    scene.send(&request("t", "a", false));
    let said = scene.said();
    assert!(said[0]["error"].as_str().expect("one string").starts_with("Invalid request: "), "{}", said[0]);
    assert_eq!(said[0]["context_id"], "t");
}

#[tokio::test]
async fn text_is_held_for_its_sentence_its_flush_or_its_delay() {
    let mut scene = Scene::default().await;
    let held = |transcript: &str| with(request("t", transcript, true), "max_buffer_delay_ms", json!(500));
    scene.send(&held("Thanks for "));
    assert_eq!(scene.said_within(499).0, Vec::<Value>::new());
    assert_eq!(kinds(&scene.said_within(1).0), ["timestamps", "chunk"]);
    scene.send(&held("waiting. "));
    assert_eq!(kinds(&scene.said()), ["timestamps", "chunk"]);
    scene.send(&with(held("One"), "flush", json!(true)));
    assert_eq!(kinds(&scene.said()), ["timestamps", "chunk", "flush_done"]);
}

#[tokio::test]
async fn audio_comes_at_its_pace() {
    let config = CartesiaFake { first_audio_ms: 100, pace_percent: 400, ..fake() };
    let mut scene = Scene::new(config, "2026-08-14").await;
    scene.send(&request("t", &"x".repeat(40), false));
    assert_eq!(chunks(&scene.said_within(99).0), 0);
    let samples = |said: &[Value]| audio(said).len() / 2;
    let soon = samples(&scene.said_within(1).0);
    assert!(soon <= 24 * 45, "{soon} samples at once");
    let half = soon + samples(&scene.said_within(300).0);
    assert!(half.abs_diff(24 * 1_200) <= 24 * 80, "{half} samples after 300 ms");
    assert_eq!(kinds(&scene.said_within(400).0).last(), Some(&"done"));
}

async fn cancelled(manner: CancelManner) -> (Vec<Value>, VoiceCounts) {
    let mut scene = Scene::new(CartesiaFake { cancel: manner, pace_percent: 100, ..fake() }, "2026-08-14").await;
    scene.send(&request("old", &"word ".repeat(20), true));
    assert!(chunks(&scene.said_within(500).0) > 0);
    scene.send(&json!({"context_id": "old", "cancel": true}));
    scene.send(&json!({"context_id": "nobody", "cancel": true}));
    let (said, closed) = scene.said_within(10_000);
    assert_eq!(closed, None);
    (said, scene.counts)
}

#[tokio::test]
async fn after_a_cancel_comes_what_its_manner_says() {
    for (manner, chunk_count, last) in [
        (CancelManner::Silent, 0, None),
        (CancelManner::Done, 0, Some("done")),
        (CancelManner::Late(3), 3, Some("done")),
        (CancelManner::Error, 0, Some("error")),
    ] {
        let (said, counts) = cancelled(manner).await;
        assert_eq!((chunks(&said), kinds(&said).last().copied()), (chunk_count, last), "{manner:?}");
        assert_eq!((counts.cancelled, counts.late_chunks), (1, chunk_count as u64), "{manner:?}");
    }
    let (whole, _) = cancelled(CancelManner::RunsOn).await;
    let (part, _) = cancelled(CancelManner::LateFor(1_000)).await;
    assert!(chunks(&whole) > 100 && (20..40).contains(&chunks(&part)), "{} and {}", chunks(&whole), chunks(&part));
    assert_eq!((kinds(&whole).last(), kinds(&part).last()), (Some(&"done"), Some(&"done")));
}

#[tokio::test]
async fn late_chunks_can_wait_for_the_next_context() {
    let config = CartesiaFake { cancel: CancelManner::AfterNext(2), pace_percent: 100, ..fake() };
    let mut scene = Scene::new(config, "2026-08-14").await;
    scene.send(&request("old", &"word ".repeat(20), true));
    scene.said_within(500);
    scene.send(&json!({"context_id": "old", "cancel": true}));
    assert_eq!(scene.said_within(100).0, Vec::<Value>::new());
    scene.send(&request("new", "Yes?", false));
    let (said, _) = scene.said_within(5_000);
    let of: Vec<&str> =
        said.iter().filter(|m| m["type"] == "chunk").map(|m| m["context_id"].as_str().unwrap()).collect();
    assert_eq!((of[0], of.iter().filter(|id| **id == "old").count()), ("new", 2), "{of:?}");
    assert_eq!(said.iter().filter(|message| message["type"] == "done").count(), 2);
}

#[tokio::test]
async fn contexts_take_turns() {
    let mut scene = Scene::default().await;
    scene.send(&request("a", "One two three.", false));
    scene.send(&request("b", "One two three.", false));
    let said = scene.said();
    let of: Vec<&str> = said.iter().map(|message| message["context_id"].as_str().unwrap()).collect();
    assert!(of.windows(2).filter(|pair| pair[0] != pair[1]).count() > 10, "{of:?}");
}

#[tokio::test]
async fn a_context_expires_after_its_last_audio_and_takes_nothing_more() {
    let mut scene = Scene::default().await;
    scene.send(&request("t", "One moment. ", true));
    scene.said_within(999);
    scene.send(&request("t", "Still here. ", true));
    assert!(chunks(&scene.said_within(1_000).0) > 0);
    scene.send(&request("t", "Too late. ", true));
    assert_eq!(kinds(&scene.said()), ["error"]);
}

#[tokio::test]
async fn text_after_the_end_of_a_context_is_an_error_that_stops_it() {
    let mut scene = Scene::new(CartesiaFake { pace_percent: 100, ..fake() }, "2026-08-14").await;
    scene.send(&request("t", "One moment. ", false));
    assert!(chunks(&scene.said_within(100).0) > 0);
    scene.send(&request("t", "More. ", true));
    assert_eq!(kinds(&scene.said_within(5_000).0), ["error"]);
}

#[tokio::test]
async fn too_many_contexts_are_refused_until_one_ends() {
    let mut scene = Scene::new(CartesiaFake { concurrency: 1, ..fake() }, "2026-08-14").await;
    scene.send(&request("a", "Hello. ", true));
    scene.send(&request("b", "Hello. ", true));
    let said = scene.said();
    let error = said.iter().find(|message| message["type"] == "error").expect("an error");
    assert_eq!((&error["error_code"], &error["context_id"]), (&json!("concurrency_limited"), &json!("b")));
    scene.send(&request("a", "", false));
    scene.said();
    scene.send(&request("c", "Hello. ", false));
    assert_eq!(kinds(&scene.said()).last(), Some(&"done"));
}

#[tokio::test]
async fn a_socket_that_is_not_used_is_closed() {
    let mut scene = Scene::new(CartesiaFake { idle_ms: 3_000, ..fake() }, "2026-08-14").await;
    scene.send(&request("t", "Never ended. ", true));
    let (said, closed) = scene.said_within(2_999);
    assert_eq!((kinds(&said).contains(&"done"), closed), (false, None));
    assert_eq!(scene.said_within(1), (vec![], Some("connection idle timeout")));
}

#[tokio::test]
async fn words_unknown_messages_and_one_large_frame_come_as_set() {
    let sizes = ChunkSizes { least_bytes: 1 << 20, most_bytes: 1 << 21, cuts: Cuts::Odd };
    let config = CartesiaFake { chunks: sizes, timestamps: TimestampPlace::After, unknown_messages: 1, ..fake() };
    let mut scene = Scene::new(config, "2026-08-14").await;
    scene.send(&request("t", &"word ".repeat(80), false));
    let said = scene.said();
    assert!(audio(&said).len() > 1 << 20);
    assert!(said.iter().any(|message| message["data"].as_str().is_some_and(|data| data.len() > 1 << 20)));
    assert!(kinds(&said).contains(&"prosody"));
    let first_words = kinds(&said).iter().position(|kind| *kind == "timestamps");
    assert!(first_words.is_some(), "{:?}", kinds(&said));
}

#[tokio::test]
async fn a_voice_that_breaks_is_an_error_of_its_context() {
    let mut scene = Scene::default().await;
    scene.send(&request("t", "Hello. ", true));
    scene.machine.hear(scene.now, 1, VoiceEvent::Failed("no breath".into()));
    let said = scene.said();
    assert_eq!((said[0]["status_code"].as_u64(), said[0]["message"].as_str()), (Some(500), Some("no breath")));
}

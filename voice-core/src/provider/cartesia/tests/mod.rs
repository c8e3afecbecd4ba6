//! Sessions against a scripted vendor on a real socket.

use super::{CartesiaConfig, CartesiaTts};
use crate::provider::ApiKey;
use crate::provider::contexts::scripted_server::{Peer, ScriptedServer, base64, heard, next, rest, within, words};
use crate::stage::{Fault, StageError, Tts, TtsEvent, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use serde_json::{Value, json};
use std::time::Duration;

mod ending;
mod speaking;

/// Deadlines that no test is to reach, unless it says so.
fn config() -> CartesiaConfig {
    CartesiaConfig {
        voice: "v1".into(),
        sample_rate: 8_000,
        first_audio_ms: 9_000,
        stall_ms: 9_000,
        context_idle_ms: 9_000,
        ..CartesiaConfig::default()
    }
}

async fn call(config: CartesiaConfig) -> (Box<dyn TtsSession>, Peer) {
    let server = ScriptedServer::start().await;
    let tts = CartesiaTts::new(CartesiaConfig { url: server.url(), ..config }).expect("a configuration");
    let (session, peer) = within(async { tokio::join!(tts.open(), server.accept()) }).await;
    (session.expect("a session"), peer)
}

/// A reply with one clause, and the context it is spoken in.
async fn speaking(session: &mut dyn TtsSession, peer: &mut Peer, id: u32, clause: &str) -> (TtsReply, String) {
    let mut reply = session.begin(ReplyId(id)).expect("a reply");
    reply.feed.speak(clause).expect("taken");
    let context = context_of(&peer.hear().await);
    (reply, context)
}

fn context_of(message: &Value) -> String {
    message["context_id"].as_str().expect("a context").to_owned()
}

fn chunk(context: &str, data: &[u8]) -> Value {
    json!({"type": "chunk", "context_id": context, "status_code": 206, "done": false, "step_time": 41.7, "data": base64(data)})
}

fn timestamps(context: &str, word: &str, start: f64, end: f64) -> Value {
    let times = json!({"words": [word], "start": [start], "end": [end]});
    json!({"type": "timestamps", "context_id": context, "done": false, "word_timestamps": times})
}

fn flush_done(context: &str, id: u64) -> Value {
    json!({"type": "flush_done", "context_id": context, "done": false, "flush_done": true, "flush_id": id})
}

fn done(context: &str) -> Value {
    json!({"type": "done", "context_id": context, "status_code": 206, "done": true})
}

fn error(context: &str, status: u16, code: &str, message: &str) -> Value {
    json!({"type": "error", "context_id": context, "done": true, "status_code": status, "error_code": code, "title": "No", "message": message})
}

fn audio(data: &[u8]) -> Option<Result<TtsEvent, StageError>> {
    Some(Ok(TtsEvent::Audio(data.to_vec().into())))
}

fn clause_end(clauses: u32) -> Option<Result<TtsEvent, StageError>> {
    Some(Ok(TtsEvent::ClauseEnd { clauses }))
}

const DONE: Option<Result<TtsEvent, StageError>> = Some(Ok(TtsEvent::Done));

//! A fake of an OpenAI-compatible speech endpoint.

use super::visit::{Body, Head, Refusal, Visit};
use crate::provider::scripted::ToneTts;
use crate::stage::Tts;
use bytes::Bytes;
use hyper::Response;
use serde_json::json;
use std::sync::Arc;

/// How the fake behaves.
#[derive(Clone)]
pub struct SpeechFake {
    /// Who speaks. Default: tones.
    pub voice: Arc<dyn Tts>,
}

impl Default for SpeechFake {
    fn default() -> Self {
        Self { voice: Arc::new(ToneTts::new()) }
    }
}

pub(super) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    Refusal::json(status, &json!({ "error": { "message": said } })).header("x-request-id", request_id)
}

pub(super) async fn answer(_head: Head, _body: Bytes, visit: Visit) -> Response<Body> {
    refusal(501, "not served", &visit.request_id).into_response()
}

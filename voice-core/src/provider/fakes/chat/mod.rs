//! A fake of an OpenAI-compatible chat endpoint.

use super::visit::{Body, Head, Refusal, Visit};
use crate::provider::scripted::{LlmConfig, ScriptedLlm};
use crate::stage::Llm;
use bytes::Bytes;
use hyper::Response;
use serde_json::json;
use std::sync::Arc;

/// How the fake behaves.
#[derive(Clone)]
pub struct ChatFake {
    /// Who thinks. Default: nobody; every answer is empty.
    pub brain: Arc<dyn Llm>,
}

impl Default for ChatFake {
    fn default() -> Self {
        Self { brain: Arc::new(ScriptedLlm::new(LlmConfig::default(), Vec::new())) }
    }
}

pub(super) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    Refusal::json(status, &json!({ "error": { "message": said } })).header("x-request-id", request_id)
}

pub(super) fn models(_head: Head, visit: Visit) -> Response<Body> {
    refusal(501, "not served", &visit.request_id).into_response()
}

pub(super) async fn answer(_head: Head, _body: Bytes, visit: Visit) -> Response<Body> {
    refusal(501, "not served", &visit.request_id).into_response()
}

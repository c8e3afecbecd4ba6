//! A fake of Cartesia.

use super::visit::{Accepted, Head, Refusal, Visit};
use crate::provider::scripted::ToneTts;
use crate::stage::Tts;
use serde_json::json;
use std::sync::Arc;

/// How the fake of Cartesia behaves.
#[derive(Clone)]
pub struct CartesiaFake {
    /// Who speaks. Default: tones.
    pub voice: Arc<dyn Tts>,
}

impl Default for CartesiaFake {
    fn default() -> Self {
        Self { voice: Arc::new(ToneTts::new()) }
    }
}

pub(super) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    Refusal::json(status, &json!({ "message": said })).header("x-request-id", request_id)
}

pub(super) fn open(_head: &Head, visit: &Visit) -> Result<Accepted, Refusal> {
    Err(refusal(501, "not served", &visit.request_id))
}

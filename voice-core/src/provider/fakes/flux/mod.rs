//! A fake of Deepgram Flux.

use super::ear::Ear;
use super::visit::{Accepted, Head, Refusal, Visit};
use serde_json::json;

/// How the fake of Flux behaves.
#[derive(Clone, Default)]
pub struct FluxFake {
    /// What it hears.
    pub ear: Ear,
}

pub(super) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    Refusal::json(status, &json!({ "err_msg": said })).header("dg-request-id", request_id)
}

pub(super) fn open(_head: &Head, visit: &Visit) -> Result<Accepted, Refusal> {
    Err(refusal(501, "not served", &visit.request_id))
}

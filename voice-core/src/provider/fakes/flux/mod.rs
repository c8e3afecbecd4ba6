//! A fake of Deepgram Flux, `/v2/listen`.
//!
//! | file | what |
//! |---|---|
//! | `query` | what a stream is asked to be, and the refusals |
//! | `turns` | audio in, turn events out: pure |
//! | `message` | turn events as JSON |
//! | `stream` | one connection |

mod message;
mod query;
mod stream;
mod turns;

#[cfg(test)]
mod tests;

use super::deepgram::{self, ConfigureAnswer};
use super::ear::Ear;
use super::visit::{Accepted, ErrorScript, Head, Refusal, Visit};
use serde_json::json;

/// How the fake of Flux behaves.
#[derive(Clone)]
pub struct FluxFake {
    /// What it hears.
    pub ear: Ear,
    /// `Connected` comes so late.
    pub greeting_ms: u64,
    /// Each message comes up to so late, in order.
    pub jitter_ms: u64,
    /// Whether ends say what triggered them.
    pub tells_trigger: bool,
    /// Whether a multilingual stream tells the languages.
    pub tells_languages: bool,
    /// Whether words have times.
    pub tells_word_times: bool,
    /// How much `sequence_id` grows from message to message; the vendor's is 1.
    pub sequence_step: u64,
    /// Whether ForceEndTurn is known; if not it is an error that closes the stream.
    pub knows_force_end: bool,
    /// How a Configure is answered.
    pub configure: ConfigureAnswer,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for FluxFake {
    fn default() -> Self {
        Self {
            ear: Ear::default(),
            greeting_ms: 0,
            jitter_ms: 0,
            tells_trigger: true,
            tells_languages: true,
            tells_word_times: true,
            sequence_step: 1,
            knows_force_end: true,
            configure: ConfigureAnswer::default(),
            seed: 1,
        }
    }
}

pub(super) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    if status == 400 {
        let body = json!({ "code": "INVALID_PARAMETER", "description": said });
        return deepgram::tagged(Refusal::json(status, &body), said, request_id);
    }
    deepgram::refusal(status, said, request_id)
}

pub(super) fn open(head: &Head, visit: &Visit) -> Result<Accepted, Refusal> {
    let id = &visit.request_id;
    let subprotocol = deepgram::admit(head, &visit.shared).map_err(|said| refusal(401, said, id))?;
    let (settings, decoder) = query::read(head).map_err(|said| refusal(400, &said, id))?;
    let description = "the stream broke inside the service";
    let error =
        json!({ "type": "Error", "sequence_id": 0, "code": "INTERNAL_SERVER_ERROR", "description": description });
    Ok(Accepted {
        subprotocol,
        headers: vec![("dg-request-id", id.clone())],
        error: ErrorScript { messages: vec![error.to_string()], close: Some(None) },
        serve: Box::new(|socket| Box::pin(stream::serve(socket, settings, decoder))),
    })
}

//! OpenAI-compatible servers: chat over SSE, speech over HTTP.
//!
//! Invariant: no task is started here. A stream owns the requests behind it, so dropping it cancels them at the server.

mod chat;
mod endpoint;
mod extra;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzz;
mod speech;
#[cfg(test)]
mod test_server;
mod tries;

pub use chat::{ChatConfig, ChatLlm, ChatPreset};
pub use speech::{SpeechConfig, SpeechFormat, SpeechTts};

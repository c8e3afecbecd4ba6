//! Speech over HTTP in the manner of OpenAI: a text in, its audio out in pieces.
//!
//! Invariant: the audio is the voice's at 24 kHz; a client that leaves drops the voice's stream.

mod answer;
mod config;
mod request;

#[cfg(test)]
mod tests;

pub(super) use answer::{answer, refusal};
pub use config::{SpeechEnd, SpeechFake};

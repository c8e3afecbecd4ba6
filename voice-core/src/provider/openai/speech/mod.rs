//! Speech over HTTP: one request a clause, the next one asked for while the one before is spoken.
//!
//! `request`, `audio` and `wav` are pure: what is sent, and what of the answer is samples. `asking` is one request
//! with its tries, `fetch` its deadlines; `reply` puts them in order, `tts` joins it all into an engine.

mod asking;
mod audio;
mod config;
mod fetch;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzz;
mod reply;
mod request;
mod tts;
mod wav;

pub use config::{SpeechConfig, SpeechFormat};
pub use tts::SpeechTts;

#[cfg(test)]
mod tests;

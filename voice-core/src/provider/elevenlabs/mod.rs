//! ElevenLabs: one socket a call, a context a reply.
//!
//! Invariant: what the wire looks like is in `command` and `message`, which know no socket; `reply` decides what is said
//! to the vendor and heard of it, and knows no socket either; `session` joins the two to one.

mod command;
mod config;
mod context;
mod fault;
#[cfg(feature = "fuzzing")]
pub(in crate::provider) mod fuzz;
mod message;
mod reply;
mod session;
#[cfg(test)]
mod tests;
mod tts;

pub use config::{ElevenLabsConfig, ElevenLabsFormat};
pub use tts::ElevenLabsTts;

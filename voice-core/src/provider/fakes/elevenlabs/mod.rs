//! ElevenLabs' multi-context WebSocket: text by schedule or flush, audio with its characters' times.
//!
//! Invariant: the protocol is in `machine`, `context` and `message`, which know no socket; `socket` joins them to the base.

mod config;
mod context;
mod machine;
mod message;
mod socket;

#[cfg(test)]
mod tests;

pub use config::{Alignments, CloseManner, ElevenLabsFake, Finals, KeyCheck, SocketClose, Spelling};
pub(super) use socket::{open, refusal};

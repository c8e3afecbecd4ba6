//! Cartesia Sonic over one WebSocket: contexts, flushes, word times, and what comes after a cancel.
//!
//! Invariant: the protocol is in `machine`, `context` and `request`, which know no socket; `socket` joins them to the base.

mod answer;
mod config;
mod context;
mod machine;
mod request;
mod socket;
mod words;

#[cfg(test)]
mod tests;

pub use config::{CancelManner, CartesiaFake, TimestampPlace};
pub(super) use socket::{SOCKETS_PER_CONTEXT, open, refusal};

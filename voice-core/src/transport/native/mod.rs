//! The native protocol, version 1: binary messages for audio, JSON text messages for control.
//!
//! Invariant: a pure codec and types; whatever bytes arrive, decoding gives a message or an error and never panics.

mod message;

pub use message::{
    AudioFormat, BargeInReport, ClientMessage, Encoding, ErrorCode, PROTOCOL_VERSION, ServerMessage, Speaker,
    TurnReport,
};

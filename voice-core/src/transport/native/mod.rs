//! The native protocol, version 1: binary messages for audio, JSON text messages for control.
//!
//! Invariant: a pure codec and types; whatever bytes arrive, decoding gives a message or an error and never panics.
//! `PROTOCOL.md` in `voice-server` is its description for those who write a client.

mod decode;
mod format;
mod header;
mod message;
mod report;
mod resume;
mod token;

pub use decode::{MAX_SAY_CHARS, MAX_TEXT_BYTES, MAX_TOKEN_BYTES, MessageError, decode_client, decode_server};
pub use format::FormatError;
pub use header::{AudioError, AudioHeader, HEADER_BYTES};
pub use message::{AudioFormat, ClientMessage, Encoding, ErrorCode, Hello, PROTOCOL_VERSION, ServerMessage, Speaker};
pub use report::{BargeInReport, CostReport, EngineCost, TurnReport, Usage};
pub use resume::{ResumeOffer, ResumeRequest};
pub use token::AuthToken;

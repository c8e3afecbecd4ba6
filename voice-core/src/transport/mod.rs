//! The line: the two directions of audio of a call, and what carries them.
//!
//! Invariant: the two halves are separate and neither waits for the other. A transport knows audio and its own wire
//! format; it does not know turns, sessions or what its control messages lead to.

mod cleared;
mod line;
mod memory;
pub mod native;
mod websocket;

pub use line::{
    BoxLineSource, Line, LineCommand, LineControl, LineError, LineInfo, LineInput, LineSink, PlayedReports, Rebuffer,
};
pub use memory::{MemoryLine, MemoryOutput, MemoryPeer};
pub use websocket::{WebSocketLimits, WebSocketLine, WireMessage, WireSendError, WireSender, WireTokens};

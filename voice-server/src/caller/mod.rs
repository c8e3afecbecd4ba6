//! The `call` subcommand: places a dummy call from WAV files and reports on what it was like.
//!
//! Invariant: what a caller says, hears and finds out are pure state machines on one clock, a count of samples since
//! the call began; only `client` touches a socket and the time. It sees the server from outside, by its protocol.

mod args;
mod energy;
mod jitter;
mod observe;
mod playback;
mod recording;
mod report;
mod script;
mod track;
mod wav;

pub use args::{ArgError, CallArgs, Cue, EncodingArg, FileArg, ServerUrl};
pub use recording::Recording;
pub use report::{AudioLine, BargeInLine, CallReport, REPORT_VERSION, TurnLine};
pub use wav::{WavError, WavFault};

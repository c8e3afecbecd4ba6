//! The `call` subcommand: places a dummy call from WAV files and reports on what it was like.
//!
//! Invariant: what a caller says, hears and finds out are pure state machines on one clock, a count of samples since
//! the call began (`party` holds them); only `client` touches a socket and `clock` the time. It sees the server from
//! outside, by its protocol.

mod any_rate;
mod args;
mod client;
mod clock;
mod energy;
mod error;
mod harmless;
mod jitter;
mod observe;
mod party;
mod place;
mod plan;
mod playback;
mod recording;
mod report;
mod script;
mod table;
mod track;
mod view;
mod wav;
mod wire;

pub use args::{ArgError, CallArgs, Cue, EncodingArg, FileArg, ServerUrl};
pub use error::CallError;
pub use place::{place, run};
pub use playback::TooFarAhead;
pub use recording::Recording;
pub use report::{AudioLine, BargeInLine, CallReport, REPORT_VERSION, TurnLine};
pub use wav::{WavError, WavFault};

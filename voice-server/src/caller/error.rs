//! Why a call could not be placed, or did not end in order.

use super::args::ArgError;
use super::playback::TooFarAhead;
use super::wav::WavError;
use std::path::PathBuf;
use voice_core::transport::native::FormatError;

/// Why a call could not be placed, or did not end in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The arguments do not go together.
    #[error(transparent)]
    Arguments(#[from] ArgError),
    /// A file cannot be said.
    #[error(transparent)]
    Wav(#[from] WavError),
    /// The format is not spoken here.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A file that was asked for cannot be written.
    #[error("cannot write {}: {why}; choose another place", path.display())]
    Output {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The server in this process did not start.
    #[error("no server could be started in this process: {0}")]
    Server(String),
    /// There is nothing to show the server.
    #[error("there is no token to show the server: {0}; give one with --token or VOICE_TOKEN")]
    NoToken(String),
    /// Nobody listens there.
    #[error("no connection to {url}: {why}; check that the server runs there")]
    Connect {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// The server answered, and not with a call.
    #[error("the server refused the call: {0}")]
    Refused(String),
    /// The server said nothing to `hello`.
    #[error("the server did not answer hello within {waited_ms} ms; is it a voice-server?")]
    NotReady {
        /// How long the caller waited.
        waited_ms: u64,
    },
    /// The server hung up before everything was said.
    #[error("the server ended the call early: {reason}")]
    EndedEarly {
        /// Its reason.
        reason: String,
    },
    /// The connection went without a goodbye.
    #[error("the connection broke before the call was over: {0}")]
    Lost(String),
    /// The server takes no more.
    #[error("the server read nothing for {waited_ms} ms")]
    NotReading {
        /// How long the caller waited.
        waited_ms: u64,
    },
    /// The agent made no sound.
    #[error(
        "the agent made no sound for {waited_ms} ms while the caller waited for it{hint}; raise --answer-ms if it needs longer"
    )]
    NoAnswer {
        /// How long the caller waited.
        waited_ms: u64,
        /// What was still to be said.
        hint: String,
    },
    /// The call lasted longer than it may.
    #[error("the call was not over after {max_ms} ms and the caller hung up; raise --max-ms if it needs longer")]
    TooLong {
        /// The limit.
        max_ms: u64,
    },
    /// The server sends without pacing.
    #[error(transparent)]
    TooFarAhead(#[from] TooFarAhead),
}

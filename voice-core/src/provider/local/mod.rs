//! Speech on the machine itself, without a key: Silero hears speech, Moonshine understands it, SVOX Pico speaks.
//!
//! Invariant: models are loaded once and serve all calls; inference that takes longer than a fraction of a frame runs
//! on a bounded pool of threads, never on a call's task. The files come from [`LocalModels`]; none is in the repository
//! and each may be missing: then the error says which and what brings it. Nothing here knows a turn or a session.

mod error;
mod models;
mod moonshine;
mod pico;
mod runtime;
mod silero;
mod thread;
mod worker;

pub use error::LocalError;
pub use models::LocalModels;
pub use moonshine::Moonshine;
pub use pico::{PicoConfig, PicoLanguage, PicoTts};
pub use silero::SileroVad;
pub use worker::{Workers, WorkersConfig};

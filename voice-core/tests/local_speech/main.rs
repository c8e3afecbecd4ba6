//! Local speech with the real models. Needs `make models`; the feature `local-models` says that it was run.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod dirt;
mod moonshine;
mod pico;
mod silero;

use std::path::PathBuf;
use voice_core::provider::local::LocalModels;

/// The folder `make models` fills.
fn models() -> LocalModels {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.models"));
    LocalModels::find(std::env::var_os("VOICE_MODELS_DIR").map_or_else(default, PathBuf::from))
}

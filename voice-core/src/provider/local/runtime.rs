//! ONNX Runtime: loaded once a process from a file, and the sessions made with it.
//!
//! Invariant: whichever library is loaded first serves the process; the same models folder is used throughout. A library that
//! cannot be loaded is an error, and another try, with another file, is possible. It sends no telemetry and logs
//! errors only.

use super::{LocalError, LocalModels};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;
use ort::session::{InMemorySession, Session};
use std::sync::{Mutex, PoisonError};

/// The one environment ONNX Runtime allows in a process.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Loads ONNX Runtime from `models`' folder unless it is loaded already. `part` is what needs it.
pub(super) fn load(models: &LocalModels, part: &'static str) -> Result<Environment, LocalError> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = &*environment {
        return Ok(loaded.clone());
    }
    let path = models.runtime_library(part)?;
    // Relative paths would be looked for beside the executable.
    let path = std::path::absolute(&path).unwrap_or(path);
    let failed = |reason: String| LocalError::Runtime { path: path.clone(), reason };
    let builder = ort::init_from(&path).map_err(|error| failed(error.to_string()))?;
    let loaded = builder.with_name("voice").with_telemetry(false).build().map_err(|error| failed(error.to_string()))?;
    loaded.set_log_level(LogLevel::Error);
    *environment = Some(loaded.clone());
    Ok(loaded)
}

/// Whether a session keeps a copy of the weights in the order its arithmetic likes best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// It does.
    Own,
    /// It uses the weights as they lie, and shares them with other sessions.
    Shared,
}

/// A session on the weights of a file in ONNX Runtime's own format, used where they lie.
pub(super) fn session(
    environment: &Environment,
    weights: &'static [u8],
    packing: Packing,
) -> ort::Result<InMemorySession<'static>> {
    builder(environment)?.with_prepacking(packing == Packing::Own)?.commit_from_memory_directly(weights)
}

/// A session with a copy of the weights of its own, for small models.
pub(super) fn small_session(environment: &Environment, weights: &[u8]) -> ort::Result<Session> {
    builder(environment)?.commit_from_memory(weights)
}

/// One thread: the pool of workers is what runs things side by side.
fn builder(environment: &Environment) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(environment)?;
    let builder = builder.with_intra_threads(1)?;
    let builder = builder.with_inter_threads(1)?;
    Ok(builder.with_intra_op_spinning(false)?)
}

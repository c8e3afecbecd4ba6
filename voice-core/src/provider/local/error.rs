//! What can go wrong when a local model is loaded.

use std::path::PathBuf;

/// A local engine cannot be loaded. Once loaded, errors are those of its stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A file is not there.
    #[error("{part} is not there: {} is missing; `make models` brings it", path.display())]
    Missing {
        /// Which part needs it.
        part: &'static str,
        /// The first file that is missing.
        path: PathBuf,
    },
    /// The ONNX Runtime library is there but cannot be loaded.
    #[error("ONNX Runtime cannot be loaded from {}: {reason}; delete it and run `make models`", path.display())]
    Runtime {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// A model's files are there but cannot be used.
    #[error("{part} cannot be loaded: {reason}; delete its files and run `make models`")]
    Model {
        /// Which part.
        part: &'static str,
        /// What its engine says.
        reason: String,
    },
    /// The system gives no thread.
    #[error("the thread {name} cannot be started: {reason}")]
    Thread {
        /// Its name.
        name: String,
        /// What the system says.
        reason: String,
    },
}

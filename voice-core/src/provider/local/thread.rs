//! The one place where this folder starts threads.

use super::LocalError;

/// Starts a named thread. It must end by itself when what it serves is gone; nobody waits for it.
pub(super) fn start(name: String, body: impl FnOnce() + Send + 'static) -> Result<(), LocalError> {
    std::thread::Builder::new()
        .name(name.clone())
        .spawn(body)
        .map(drop)
        .map_err(|error| LocalError::Thread { name, reason: error.to_string() })
}

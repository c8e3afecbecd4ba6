//! Which store the server opens.

use std::path::PathBuf;

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file of the embedded store cannot be made or written.
    #[error("cannot use the database file {}: {source}; choose another directory with --data", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A newer server made the file's tables.
    #[error("{} was written by a newer voice-server: start that one, or choose another directory with --data", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
    },
    /// The database refuses to be opened or prepared.
    #[error("the database cannot be opened: {0}")]
    Database(#[source] sqlx::Error),
}

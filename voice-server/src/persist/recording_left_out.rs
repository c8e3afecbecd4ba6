//! A build without Opus records nothing.

use super::journal::Journal;
use crate::store::Header;
use object_store::ObjectStore;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;
use voice_core::transport::Line;

/// Records nothing.
pub(crate) struct Recordings;

/// Keeps nothing.
pub(crate) struct RecordingTasks;

/// Starts nothing.
///
/// # Errors
/// None.
pub(crate) fn start(_: &Path, _: Arc<dyn ObjectStore>, _: Journal) -> io::Result<(Recordings, RecordingTasks)> {
    Ok((Recordings, RecordingTasks))
}

impl Recordings {
    /// The line as it is, and a word in the log.
    pub(crate) fn record(&self, line: Box<dyn Line>, header: Header) -> Box<dyn Line> {
        warn!(call = %header.call, "this call should be recorded, but this build has no Opus");
        line
    }
}

impl RecordingTasks {
    /// Ends nothing.
    pub(crate) async fn stop(self, _: Duration) {}
}

//! What the store refuses for good, one JSON object a line: for a person to look into.
//!
//! Invariant: never dropped. Where there is no room, the entry is not let go and the writer stands still.

use crate::store::Entry;
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

/// The file.
pub(super) struct DeadLetters {
    path: PathBuf,
    max_bytes: u64,
}

/// A line of the file.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeadLetter<'l> {
    /// An entry and why the store does not take it.
    Entry { entry: &'l Entry, why: String },
    /// A record that is no entry this server knows.
    Unreadable { record: &'l str },
}

impl DeadLetters {
    pub(super) fn new(path: PathBuf, max_bytes: u64) -> Self {
        Self { path, max_bytes }
    }

    /// Adds a line and has the disk confirm it.
    ///
    /// # Errors
    /// What the system says, or that there is no room.
    pub(super) async fn add(&self, letter: &DeadLetter<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(letter)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).await?;
        let before = file.metadata().await?.len();
        if before + line.len() as u64 > self.max_bytes {
            let path = self.path.display();
            return Err(io::Error::other(format!("{path} is full: look into it, then move it away")));
        }
        let written = write(&mut file, &line).await;
        if written.is_err() {
            // What is there of the line would else be the beginning of the next.
            let _ = file.set_len(before).await;
        }
        written
    }

    /// Whether there are any.
    pub(super) async fn exist(&self) -> bool {
        fs::metadata(&self.path).await.is_ok_and(|file| file.len() > 0)
    }
}

/// Only flushing tells of a write that failed: `sync_data` tells of its own failure alone.
async fn write(file: &mut File, line: &[u8]) -> io::Result<()> {
    file.write_all(line).await?;
    file.flush().await?;
    file.sync_data().await
}

//! What the store refuses for good, one JSON object a line: given again at each start, and for a person to look into.
//!
//! Invariant: a letter goes only when the store has it. Where there is no room, the entry is not let go and the writer
//! stands still. Whatever a line is that nobody understands, it stays.

use crate::store::Entry;
use serde::{Deserialize, Serialize};
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

/// A line that is there.
pub(super) struct Letter(String);

/// What is in one.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Entry { entry: Entry },
    Unreadable { record: String },
}

impl Letter {
    /// The entry; of a record that was none, the one that it is to this version of the server.
    pub(super) fn entry(&self) -> Option<Entry> {
        match serde_json::from_str(&self.0).ok()? {
            Content::Entry { entry } => Some(entry),
            Content::Unreadable { record } => serde_json::from_str(&record).ok(),
        }
    }
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

    /// The letters that there are, oldest first.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn letters(&self) -> io::Result<Vec<Letter>> {
        Ok(self.text().await?.lines().map(|line| Letter(line.to_owned())).collect())
    }

    /// Keeps these letters and no others: all of them or all that there were, whenever the process dies.
    ///
    /// # Errors
    /// What the system says; then all stay.
    pub(super) async fn keep_only(&self, letters: &[Letter]) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new).await?;
        let text: String = letters.iter().flat_map(|Letter(line)| [line.as_str(), "\n"]).collect();
        write(&mut file, text.as_bytes()).await?;
        fs::rename(new, &self.path).await
    }

    /// Whether a letter has these words.
    pub(super) async fn name(&self, words: &str) -> bool {
        self.text().await.is_ok_and(|text| text.contains(words))
    }

    /// At most as long as the file may be.
    async fn text(&self) -> io::Result<String> {
        match fs::read(&self.path).await {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error),
        }
    }
}

/// Only flushing tells of a write that failed: `sync_data` tells of its own failure alone.
async fn write(file: &mut File, line: &[u8]) -> io::Result<()> {
    file.write_all(line).await?;
    file.flush().await?;
    file.sync_data().await
}

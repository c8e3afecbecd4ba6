//! What the store refuses for good, one JSON object a line: given again at each start, and for a person to look into.
//!
//! Invariant: a letter goes only when the store has it. Where there is no room, the entry is not let go and the writer
//! stands still. Whatever a line is that nobody understands, it stays, byte for byte; one that broke off keeps none that comes
//! after it.

use crate::store::Entry;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

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
pub(super) struct Letter(Vec<u8>);

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
        match serde_json::from_slice(&self.0).ok()? {
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
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&self.path).await?;
        let before = file.metadata().await?.len();
        let mut line = if ends_in_a_line(&mut file, before).await? { vec![b'\n'] } else { Vec::new() };
        serde_json::to_writer(&mut line, letter)?;
        line.push(b'\n');
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
        let bytes = self.bytes().await?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| Letter(line.to_owned())).collect())
    }

    /// Keeps these letters and no others: all of them or all that there were, whenever the process dies.
    ///
    /// # Errors
    /// What the system says; then all stay.
    pub(super) async fn keep_only(&self, letters: &[Letter]) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new).await?;
        let bytes: Vec<u8> =
            letters.iter().flat_map(|Letter(line)| [line.as_slice(), b"\n"]).flatten().copied().collect();
        write(&mut file, &bytes).await?;
        fs::rename(new, &self.path).await
    }

    /// Whether a letter has these words.
    ///
    /// # Errors
    /// What the system says: then nobody knows.
    pub(super) async fn name(&self, words: &str) -> io::Result<bool> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).contains(words))
    }

    /// At most as long as the file may be.
    async fn bytes(&self) -> io::Result<Vec<u8>> {
        match fs::read(&self.path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read,
        }
    }
}

/// Whether the file, which has so many bytes, breaks off in a line: a process that was killed left it so.
async fn ends_in_a_line(file: &mut File, bytes: u64) -> io::Result<bool> {
    let Some(last) = bytes.checked_sub(1) else { return Ok(false) };
    file.seek(io::SeekFrom::Start(last)).await?;
    Ok(file.read_u8().await? != b'\n')
}

/// Only flushing tells of a write that failed: `sync_data` tells of its own failure alone.
async fn write(file: &mut File, line: &[u8]) -> io::Result<()> {
    file.write_all(line).await?;
    file.flush().await?;
    file.sync_data().await
}

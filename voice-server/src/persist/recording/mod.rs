//! Recordings: a line is listened to, a thread makes a stereo file of it, a task moves the file to the object store.
//!
//! Invariant: audio never waits for any of it. A call whose process dies leaves a file that plays up to its last second,
//! which the next start keeps.

mod keep;
mod ogg_opus;
mod pages;
mod recorder;
mod tap;
#[cfg(test)]
mod tests;
mod tracks;

use super::folders::Folders;
use super::journal::Journal;
use super::outgoing::FileTasks;
use crate::store::Header;
use keep::Keeping;
use object_store::ObjectStore;
use recorder::{Begin, Command};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tokio::sync::{Notify, mpsc};
use tracing::error;
use voice_core::transport::Line;

/// Records calls.
pub(crate) struct Recordings {
    /// One message a call, so the number of calls bounds them.
    commands: Sender<Command>,
}

/// What makes and keeps recordings.
pub(crate) type RecordingTasks = FileTasks;

/// Starts to record under `data` into `objects`; what an earlier run left there is kept first.
///
/// # Errors
/// What the system says if there are no folders or no thread.
pub(crate) fn start(
    data: &Path,
    objects: Arc<dyn ObjectStore>,
    journal: Journal,
) -> io::Result<(Recordings, RecordingTasks)> {
    let (folders, ready) = (Folders::open(&data.join("recording"), ".ogg")?, Arc::new(Notify::new()));
    let (commands, received) = channel();
    let (holds, held) = mpsc::channel(1);
    let (folders_of_thread, told) = (folders.clone(), Arc::clone(&ready));
    let record = move || {
        recorder::run(&received, &folders_of_thread, &told);
        drop(holds);
    };
    thread::Builder::new().name("recorder".into()).spawn(record)?;
    let closes = commands.clone();
    // A thread that is gone is closed.
    let close = move || drop(closes.send(Command::Close));
    let tasks = FileTasks::start(Keeping { folders, objects, journal }, ready, held, close);
    Ok((Recordings { commands }, tasks))
}

impl Recordings {
    /// A line in the place of `line` that is recorded until it is dropped.
    pub(crate) fn record(&self, line: Box<dyn Line>, header: Header) -> Box<dyn Line> {
        let rate = line.info().rate;
        let (line, listening) = tap::tap(line);
        if self.commands.send(Command::Begin(Begin { listening, rate, header })).is_err() {
            error!(call = %header.call, "a call is not recorded: the recording thread is gone");
        }
        line
    }
}

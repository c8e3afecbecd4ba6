//! Logs of calls' turn-taking: the lines of each call go to a file, and the file to the object store when the call is over.
//!
//! Invariant: a call waits for none of it. A log has no hole: where this is behind, the log is cut and says so. A call whose
//! process dies leaves what there is, which the next start keeps.

mod keep;
#[cfg(test)]
mod tests;
mod writing;

use super::folders::Folders;
use super::journal::Journal;
use super::limits::PersistLimits;
use super::outgoing::FileTasks;
use super::stats::Stats;
use crate::store::Header;
use keep::Keeping;
use object_store::ObjectStore;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use tokio::sync::{Notify, mpsc};
use tracing::error;
use voice_core::turn_log::TurnLog;
use writing::{Begin, Command};

pub(crate) use keep::{MEDIA_TYPE, key};

/// Lines of a call that wait to be written: many seconds of the liveliest talk.
const QUEUED: usize = 1_024;

/// Makes logs.
pub(crate) struct TurnLogs {
    /// One message a call, so the number of calls bounds them.
    commands: Sender<Command>,
    max_bytes: u64,
}

/// What writes and keeps them.
pub(crate) type TurnLogTasks = FileTasks;

/// Starts to make logs of at most [`PersistLimits::turn_log_bytes`] under `data`, and to keep them in `objects`; what an earlier
/// run left there is kept first. With 0 bytes no call has a log.
///
/// # Errors
/// What the system says if there are no folders or no thread.
pub(crate) fn start(
    data: &Path,
    objects: Arc<dyn ObjectStore>,
    journal: Journal,
    limits: &PersistLimits,
    stats: Arc<Stats>,
) -> io::Result<(TurnLogs, TurnLogTasks)> {
    let folder = data.join("turn-logs");
    writing::end_leftovers(&folder.join("running"))?;
    let folders = Folders::open(&folder, keep::SUFFIX)?;
    let ready = Arc::new(Notify::new());
    let (commands, received) = channel();
    let (holds, held) = mpsc::channel(1);
    let (folders_of_thread, told) = (folders.clone(), Arc::clone(&ready));
    let write = move || {
        writing::run(&received, &folders_of_thread, &told);
        drop(holds);
    };
    thread::Builder::new().name("turn-logs".into()).spawn(write)?;
    let closes = commands.clone();
    // A thread that is gone is closed.
    let close = move || drop(closes.send(Command::Close));
    let keeping = Keeping { folders, objects, journal, most_bytes: limits.waiting_turn_logs_bytes, stats };
    let tasks = FileTasks::start(keeping, ready, held, close);
    Ok((TurnLogs { commands, max_bytes: limits.turn_log_bytes }, tasks))
}

impl TurnLogs {
    /// The log of a call that begins, if calls have one.
    pub(crate) fn of(&self, header: Header) -> Option<TurnLog> {
        if self.max_bytes == 0 {
            return None;
        }
        let (sender, lines) = sync_channel(QUEUED);
        if self.commands.send(Command::Begin(Begin { header, lines })).is_err() {
            error!(call = %header.call, "a call has no turn log: the thread that writes them is gone");
            return None;
        }
        let mut queue = Some(sender);
        Some(TurnLog::new(self.max_bytes, move |line| pass(&mut queue, line)))
    }
}

/// Gives a line to the thread. The first that is not taken is the last: a log with a hole could not be run again, and the
/// thread sees that it was cut.
fn pass(queue: &mut Option<SyncSender<Box<[u8]>>>, line: &[u8]) {
    let Some(sender) = queue else { return };
    match sender.try_send(line.into()) {
        Ok(()) => {}
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => *queue = None,
    }
}

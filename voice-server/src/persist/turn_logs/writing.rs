//! The thread that writes logs to this machine's disk.
//!
//! Invariant: one thread for all calls, off the runtime that carries audio; it looks at its calls a few times a second.

use crate::persist::folders::Folders;
use crate::store::Header;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use tokio::sync::Notify;
use tracing::error;

/// How often calls are looked at; a queue holds what is said in many times as long.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The last line where a log would have a hole.
const CUT: &[u8] = b"{\"cut\":\"the call broke off, or the server was too busy to write on\"}\n";

/// The last line of a log whose process was killed between two lines.
const KILLED: &[u8] = b"{\"cut\":\"the process that wrote it was killed\"}\n";

/// How much of the end of a leftover is looked at.
const LAST_BYTES: u64 = 256;

/// What the thread is told.
pub(super) enum Command {
    /// A call begins.
    Begin(Begin),
    /// Nothing more begins.
    Close,
}

/// A log that begins.
pub(super) struct Begin {
    pub(super) header: Header,
    pub(super) lines: Receiver<Box<[u8]>>,
}

struct Log {
    header: Header,
    lines: Receiver<Box<[u8]>>,
    file: BufWriter<File>,
    last_line: LastLine,
}

/// What the latest line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastLine {
    /// One after which a log may end: the call did, or it was cut.
    End,
    Other,
}

/// Writes what begins until nothing will any more and everything is over; `ready` is told of files that are done.
pub(super) fn run(commands: &Receiver<Command>, folders: &Folders, ready: &Notify) {
    let (mut logs, mut is_closed) = (Vec::new(), false);
    loop {
        let first = commands.recv_timeout(LOOK_EVERY);
        is_closed |= matches!(first, Err(RecvTimeoutError::Disconnected));
        for command in first.into_iter().chain(commands.try_iter()) {
            match command {
                Command::Begin(begin) => logs.extend(Log::begin(begin, folders)),
                Command::Close => is_closed = true,
            }
        }
        logs = logs.into_iter().filter_map(|log: Log| log.go_on(folders, ready)).collect();
        if is_closed && logs.is_empty() {
            return;
        }
    }
}

impl Log {
    fn begin(begin: Begin, folders: &Folders) -> Option<Self> {
        let Begin { header, lines } = begin;
        match File::create(folders.running(&header)) {
            Ok(file) => Some(Self { header, lines, file: BufWriter::new(file), last_line: LastLine::Other }),
            Err(error) => {
                error!(call = %header.call, %error, "a call has no turn log");
                None
            }
        }
    }

    /// Writes what there is; gives it back as long as the call goes on.
    fn go_on(mut self, folders: &Folders, ready: &Notify) -> Option<Self> {
        let call = self.header.call;
        let is_over = match self.write() {
            Ok(is_over) => is_over,
            Err(error) => {
                error!(%call, %error, "a turn log broke off: what there is of it is kept at the next start");
                return None;
            }
        };
        if !is_over {
            return Some(self);
        }
        match self.finish(folders) {
            Ok(()) => ready.notify_one(),
            Err(error) => error!(%call, %error, "a turn log could not be finished"),
        }
        None
    }

    fn write(&mut self) -> io::Result<bool> {
        let is_over = loop {
            match self.lines.try_recv() {
                Ok(line) => {
                    self.last_line = if ends_log(&line) { LastLine::End } else { LastLine::Other };
                    self.file.write_all(&line)?;
                }
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
        };
        self.file.flush()?;
        Ok(is_over)
    }

    fn finish(mut self, folders: &Folders) -> io::Result<()> {
        if self.last_line == LastLine::Other {
            self.file.write_all(CUT)?;
            self.file.flush()?;
        }
        folders.set_ready(&self.header)
    }
}

/// The call's end, or the log's.
fn ends_log(line: &[u8]) -> bool {
    line.starts_with(b"{\"cut\":") || line.starts_with(b"{\"out\":{\"end_call\":")
}

/// Says in the logs that a dead run left in this folder where they end; one that ends within a line says so by that.
pub(super) fn end_leftovers(running: &Path) -> io::Result<()> {
    let files = match std::fs::read_dir(running) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for file in files {
        let mut log = File::options().read(true).append(true).open(file?.path())?;
        let length = log.metadata()?.len();
        log.seek(io::SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
        let mut end = Vec::new();
        log.read_to_end(&mut end)?;
        let last = end.strip_suffix(b"\n").map(|lines| lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default());
        if last.is_some_and(|last| !ends_log(last)) {
            log.write_all(KILLED)?;
        }
    }
    Ok(())
}

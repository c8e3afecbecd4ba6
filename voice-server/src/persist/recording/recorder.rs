//! The thread that makes files of the lines that are listened to.
//!
//! Invariant: one thread for all calls, off the runtime that carries audio. It looks at its lines a few times a second;
//! a line it does not get to in time loses what it could not hold, and the file has silence there.

use super::ogg_opus::OggOpusFile;
use super::tap::Listening;
use super::tracks::Tracks;
use crate::persist::folders::Folders;
use crate::store::Header;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use tokio::sync::Notify;
use tracing::{error, warn};
use voice_core::units::SampleRate;

/// How often lines are looked at; a tap holds ten times as much.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What the thread is told.
pub(super) enum Command {
    /// Record this.
    Begin(Begin),
    /// Nothing more begins.
    Close,
}

/// A recording that begins.
pub(super) struct Begin {
    pub(super) listening: Listening,
    pub(super) rate: SampleRate,
    pub(super) header: Header,
}

/// A recording that is made.
struct Recording {
    header: Header,
    listening: Listening,
    tracks: Tracks,
    file: OggOpusFile,
    /// The latest frame, which is written when another one follows: the last one ends the file.
    held: Vec<i16>,
    next: Vec<i16>,
}

/// Whether a line goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Going,
    Over,
}

/// Records what begins until nothing will any more and everything is over; `ready` is told of files that are done.
pub(super) fn run(commands: &Receiver<Command>, folders: &Folders, ready: &Arc<Notify>) {
    let (mut recordings, mut is_closed) = (Vec::new(), false);
    loop {
        let first = commands.recv_timeout(LOOK_EVERY);
        is_closed |= matches!(first, Err(RecvTimeoutError::Disconnected));
        for command in first.into_iter().chain(commands.try_iter()) {
            match command {
                Command::Begin(begin) => recordings.extend(Recording::begin(begin, folders)),
                Command::Close => is_closed = true,
            }
        }
        recordings =
            recordings.into_iter().filter_map(|recording: Recording| recording.go_on(folders, ready)).collect();
        if is_closed && recordings.is_empty() {
            return;
        }
    }
}

impl Recording {
    fn begin(begin: Begin, folders: &Folders) -> Option<Self> {
        let Begin { listening, rate, header } = begin;
        // A stream's number need only differ within one file.
        match OggOpusFile::create(&folders.running(&header), rate, 1) {
            Ok(file) => {
                Some(Self { header, listening, tracks: Tracks::new(rate), file, held: Vec::new(), next: Vec::new() })
            }
            Err(error) => {
                error!(call = %header.call, %error, "a call is not recorded");
                None
            }
        }
    }

    /// Writes what there is; gives it back as long as the line goes on.
    fn go_on(mut self, folders: &Folders, ready: &Notify) -> Option<Self> {
        let call = self.header.call;
        let gone_on = match self.write() {
            Ok(State::Going) => return Some(self),
            Ok(State::Over) => self.finish(folders),
            Err(error) => Err(error),
        };
        match gone_on {
            Ok(()) => ready.notify_one(),
            Err(error) => error!(%call, %error, "a recording broke off: what there is of it is kept at the next start"),
        }
        None
    }

    fn write(&mut self) -> io::Result<State> {
        let state = loop {
            match self.listening.heard.try_recv() {
                Ok((at, tapped)) => self.tracks.take(at, &tapped),
                Err(TryRecvError::Empty) => break State::Going,
                Err(TryRecvError::Disconnected) => break State::Over,
            }
        };
        while self.tracks.next_frame(&mut self.next) {
            self.push()?;
        }
        Ok(state)
    }

    /// The frame that was held is followed by another.
    fn push(&mut self) -> io::Result<()> {
        if !self.held.is_empty() {
            self.file.push(&self.held)?;
        }
        std::mem::swap(&mut self.held, &mut self.next);
        Ok(())
    }

    fn finish(mut self, folders: &Folders) -> io::Result<()> {
        while self.tracks.last_frame(&mut self.next) {
            self.push()?;
        }
        let missed = self.listening.missed.load(Ordering::Relaxed);
        if missed > 0 {
            warn!(call = %self.header.call, frames = missed, "a recording has silence where the server was too busy to record");
        }
        if !self.held.is_empty() {
            self.file.finish(&self.held)?;
        }
        folders.set_ready(&self.header)
    }
}

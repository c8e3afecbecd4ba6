//! Driving a scripted STT by hand, and reading what it was fed.

use super::clock::lock;
use crate::stage::{StageError, SttEvent};
use crate::units::Position;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Events that may wait to be read; an engine that is further ahead of its reader refuses.
pub(super) const EVENT_QUEUE: usize = 1024;

/// An event and when it may be read.
pub(super) type Timed = (Option<Instant>, Result<SttEvent, StageError>);

/// What the streams of a [`super::ScriptedStt`] were given, over all of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SttLog(Arc<Mutex<SttSeen>>);

#[derive(Debug, Default)]
struct SttSeen {
    opened: u32,
    pushed_samples: u64,
    end: Position,
    finalized: Vec<Position>,
    started: Vec<Position>,
}

/// How many requests and onsets are kept; later ones are counted nowhere.
const MAX_POSITIONS: usize = 10_000;

impl SttLog {
    /// How often a stream was opened.
    pub fn opened(&self) -> u32 {
        lock(&self.0).opened
    }

    /// How many samples were pushed.
    pub fn pushed_samples(&self) -> u64 {
        lock(&self.0).pushed_samples
    }

    /// Just after the last sample pushed.
    pub fn end(&self) -> Position {
        lock(&self.0).end
    }

    /// Where finals were asked for.
    pub fn finalized(&self) -> Vec<Position> {
        lock(&self.0).finalized.clone()
    }

    /// The onsets it was told of.
    pub fn speech_started(&self) -> Vec<Position> {
        lock(&self.0).started.clone()
    }

    pub(super) fn note_open(&self) {
        lock(&self.0).opened += 1;
    }

    pub(super) fn note_push(&self, samples: usize, position: Position) {
        let mut seen = lock(&self.0);
        seen.pushed_samples += samples as u64;
        seen.end = position.plus(samples as u64);
    }

    pub(super) fn note_finalize(&self, end: Position) {
        push_bounded(&mut lock(&self.0).finalized, end);
    }

    pub(super) fn note_started(&self, onset: Position) {
        push_bounded(&mut lock(&self.0).started, onset);
    }
}

fn push_bounded(list: &mut Vec<Position>, position: Position) {
    if list.len() < MAX_POSITIONS {
        list.push(position);
    }
}

/// Sends the events of a manual [`super::ScriptedStt`]. Speaks to the stream opened last; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SttDriver {
    stream: Arc<Mutex<Option<mpsc::Sender<Timed>>>>,
    pub(super) log: SttLog,
}

impl SttDriver {
    /// Reports `event` now.
    ///
    /// # Errors
    /// [`StageError::Ended`] if no stream is open, [`StageError::Full`] if 1024 events wait to be read.
    pub fn send(&self, event: SttEvent) -> Result<(), StageError> {
        self.give(Ok(event))
    }

    /// Breaks the stream with `error`.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn fail(&self, error: StageError) -> Result<(), StageError> {
        let given = self.give(Err(error));
        self.end();
        given
    }

    /// Ends the stream once what was sent has been read.
    pub fn end(&self) {
        *lock(&self.stream) = None;
    }

    /// What the engine was fed.
    pub fn log(&self) -> SttLog {
        self.log.clone()
    }

    pub(super) fn attach(&self, sender: mpsc::Sender<Timed>) {
        *lock(&self.stream) = Some(sender);
    }

    pub(super) fn is_open(&self) -> bool {
        lock(&self.stream).as_ref().is_some_and(|sender| !sender.is_closed())
    }

    fn give(&self, item: Result<SttEvent, StageError>) -> Result<(), StageError> {
        match lock(&self.stream).as_ref() {
            None => Err(StageError::Ended { engine: super::stt::ENGINE }),
            Some(sender) => super::stt::try_give(sender, (None, item)),
        }
    }
}

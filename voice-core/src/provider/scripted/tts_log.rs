//! The record of what a scripted TTS was asked to speak, and of what it gave.

use super::clock::lock;
use crate::units::ReplyId;
use std::sync::{Arc, Mutex};

/// Replies a log keeps; later ones are only counted.
const MAX_REPLIES: usize = 10_000;

/// One reply as the TTS saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpokenReply {
    /// Whose.
    pub reply: ReplyId,
    /// The clauses it was given.
    pub clauses: Vec<String>,
    /// The samples it gave.
    pub samples: u64,
    /// Whether it was cancelled, or dropped before its end.
    pub is_cancelled: bool,
}

/// The record of a [`super::ScriptedTts`] over all its sessions. Cheap to clone. Keeps the first 10 000 replies.
#[derive(Clone, Debug, Default)]
pub struct TtsLog(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    is_off: bool,
    count: usize,
    replies: Vec<SpokenReply>,
}

impl TtsLog {
    /// A log that keeps nothing.
    pub(super) fn off() -> Self {
        let log = Self::default();
        lock(&log.0).is_off = true;
        log
    }

    /// Every reply begun so far, in order; one that was refused has no clauses.
    pub fn replies(&self) -> Vec<SpokenReply> {
        lock(&self.0).replies.clone()
    }

    pub(super) fn begin(&self, reply: ReplyId) -> ReplyRecord {
        let mut record = lock(&self.0);
        let index = record.count;
        record.count += 1;
        if index < MAX_REPLIES && !record.is_off {
            record.replies.push(SpokenReply { reply, ..SpokenReply::default() });
        }
        ReplyRecord { log: self.clone(), index }
    }
}

/// One reply's line in the record.
#[derive(Clone)]
pub(super) struct ReplyRecord {
    log: TtsLog,
    index: usize,
}

impl ReplyRecord {
    /// Which reply of the engine it is, counted from 0.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut SpokenReply)) {
        if let Some(reply) = lock(&self.log.0).replies.get_mut(self.index) {
            change(reply);
        }
    }
}

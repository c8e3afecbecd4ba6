//! What became of one reply at the loudspeaker.
//!
//! Invariant: samples of a reply count from its first; times are positions of the caller's clock. A reply that was
//! cleared takes no more audio.

use std::collections::BTreeMap;

/// Samples of a reply that sounded without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// When the first of them sounded.
    pub(super) at: u64,
    /// Which sample of the reply that was.
    pub(super) from: u64,
    /// How many there were.
    pub(super) samples: u64,
}

impl Span {
    /// When the last of them had sounded.
    pub(super) fn end(self) -> u64 {
        self.at + self.samples
    }
}

/// One reply at the loudspeaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Track {
    /// Which reply.
    pub(super) reply: u32,
    /// How far it was received.
    pub(super) received_samples: u64,
    /// How far it was played.
    pub(super) played_samples: u64,
    /// When its first audible sample sounded.
    pub(super) audible_at: Option<u64>,
    /// What sounded when.
    pub(super) spans: Vec<Span>,
    /// Whether it is held.
    pub(super) held: bool,
    /// Its length, once all of it was sent.
    pub(super) total_samples: Option<u64>,
    /// When it was cleared.
    pub(super) cleared_at: Option<u64>,
    /// When it had been played to its end.
    pub(super) finished_at: Option<u64>,
    /// Samples received after it was cleared.
    pub(super) stale_samples: u64,
}

impl Track {
    /// When its first sample sounded.
    pub(super) fn began_at(&self) -> Option<u64> {
        self.spans.first().map(|span| span.at)
    }

    /// When its last sample so far had sounded.
    pub(super) fn last_played_at(&self) -> Option<u64> {
        self.spans.last().map(|span| span.end())
    }

    /// When it was over: played to its end or cleared.
    pub(super) fn over_at(&self) -> Option<u64> {
        self.cleared_at.or(self.finished_at)
    }

    /// Whether nothing more of it will sound.
    pub(super) fn is_over(&self) -> bool {
        self.over_at().is_some()
    }

    /// Whether all of it has been received.
    pub(super) fn is_all_there(&self) -> bool {
        self.total_samples.is_some_and(|total| self.received_samples >= total)
    }

    /// Counts what has arrived; whether it is to be played.
    pub(super) fn receive(&mut self, position: u64, samples: u64) -> bool {
        if self.cleared_at.is_some() {
            self.stale_samples += samples;
            return false;
        }
        // What was sent twice, or after the end, is not part of the reply.
        let is_new = position >= self.received_samples && self.total_samples.is_none();
        if is_new {
            self.received_samples = position.saturating_add(samples);
        }
        is_new && samples > 0
    }

    pub(super) fn play(&mut self, at: u64, from: u64, samples: u64, audible_offset: Option<u64>) {
        match self.spans.last_mut() {
            Some(last) if last.end() == at && last.from.saturating_add(last.samples) == from => last.samples += samples,
            _ => self.spans.push(Span { at, from, samples }),
        }
        self.audible_at = self.audible_at.or(audible_offset.map(|offset| at + offset));
        self.played_samples = from.saturating_add(samples);
        self.finish(at + samples);
    }

    pub(super) fn clear(&mut self, at: u64) {
        if self.finished_at.is_none() {
            self.cleared_at.get_or_insert(at);
        }
    }

    pub(super) fn end(&mut self, total_samples: u64, at: u64) {
        self.total_samples = Some(total_samples);
        self.finish(at);
    }

    fn finish(&mut self, at: u64) {
        let done = self.total_samples.is_some_and(|total| self.played_samples >= total);
        if done && self.cleared_at.is_none() {
            let last = self.last_played_at().unwrap_or(at);
            self.finished_at.get_or_insert(last);
        }
    }
}

/// Every reply of a call.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    all: BTreeMap<u32, Track>,
}

impl Tracks {
    /// The reply, begun at its first mention.
    pub(super) fn of(&mut self, reply: u32) -> &mut Track {
        self.all.entry(reply).or_insert_with(|| Track { reply, ..Track::default() })
    }

    pub(super) fn get(&self, reply: u32) -> Option<&Track> {
        self.all.get(&reply)
    }

    /// In the order of their ids, which is the order in which they were begun.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Track> {
        self.all.values()
    }
}

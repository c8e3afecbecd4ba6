//! What a context still has to say, and when: strictly in order, audio no faster than its pace.
//!
//! Invariant: pure; time is given, as the time since the connection opened.

use std::collections::VecDeque;
use std::time::Duration;

/// A message of the server that waits for its time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) due: Duration,
    pub(super) text: String,
    /// Bytes of audio in it, if it is a chunk of audio.
    pub(super) audio: Option<usize>,
    /// Of the first chunk: when the text came that it answers.
    pub(super) asked: Option<Duration>,
}

impl Item {
    /// A message without audio.
    pub(super) fn message(due: Duration, text: String) -> Self {
        Self { due, text, audio: None, asked: None }
    }
}

/// How fast audio goes out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// From the first text to the first audio.
    pub(super) first_audio: Duration,
    /// Of real time; 0 is as fast as it comes.
    pub(super) percent: u32,
    /// Samples per second.
    pub(super) hz: u32,
}

/// One context's messages.
#[derive(Debug)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    pace: Pace,
    /// When the next audio may go out; none before there was text.
    audio_from: Option<Duration>,
    /// When the first text came, until its first audio leaves.
    asked: Option<Duration>,
    last_due: Duration,
}

impl Outbox {
    pub(super) fn new(pace: Pace) -> Self {
        Self { items: VecDeque::new(), pace, audio_from: None, asked: None, last_due: Duration::ZERO }
    }

    /// Text came: the first audio follows so much later.
    pub(super) fn text_came(&mut self, now: Duration) {
        if self.audio_from.is_none() {
            self.audio_from = Some(now + self.pace.first_audio);
            self.asked = Some(now);
        }
    }

    pub(super) fn push(&mut self, now: Duration, text: String) {
        let due = self.due_after(now);
        self.items.push_back(Item::message(due, text));
    }

    /// A chunk of `bytes` of audio, with which `samples` more are complete.
    pub(super) fn push_chunk(&mut self, now: Duration, text: String, samples: u64, bytes: usize) {
        let due = self.due_after(now.max(self.audio_from.unwrap_or_default()));
        let lasts = Duration::from_secs_f64(samples as f64 / f64::from(self.pace.hz.max(1)));
        let taken = lasts.saturating_mul(100).checked_div(self.pace.percent).unwrap_or_default();
        self.audio_from = Some(due + taken);
        self.items.push_back(Item { audio: Some(bytes), ..Item::message(due, text) });
    }

    fn due_after(&mut self, due: Duration) -> Duration {
        self.last_due = self.last_due.max(due);
        self.last_due
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.items.front().map(|item| item.due)
    }

    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Item> {
        self.next_due().filter(|due| *due <= now)?;
        let item = self.items.pop_front()?;
        let asked = if item.audio.is_some() { self.asked.take() } else { None };
        Some(Item { asked, ..item })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.last_due = Duration::ZERO;
    }

    /// Keeps what is to be said up to and with the `chunks`-th chunk; tells how many chunks that leaves.
    pub(super) fn keep_chunks(&mut self, chunks: u32) -> u32 {
        let mut kept = 0;
        let end = self.items.iter().position(|item| {
            let is_beyond = kept == chunks;
            kept += u32::from(item.audio.is_some() && !is_beyond);
            is_beyond
        });
        self.items.truncate(end.unwrap_or(self.items.len()));
        self.last_due = self.items.back().map_or(Duration::ZERO, |item| item.due);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn outbox(first_audio_ms: u32, percent: u32) -> Outbox {
        Outbox::new(Pace { first_audio: MS * first_audio_ms, percent, hz: 8_000 })
    }

    fn dues(outbox: &mut Outbox) -> Vec<u128> {
        std::iter::from_fn(|| outbox.pop_due(Duration::MAX)).map(|item| item.due.as_millis()).collect()
    }

    #[test]
    fn audio_keeps_its_pace_and_the_rest_its_place() {
        let mut outbox = outbox(50, 400);
        outbox.text_came(MS * 10);
        for _ in 0..3 {
            outbox.push_chunk(MS * 20, "chunk".into(), 800, 800);
        }
        outbox.push(MS * 20, "done".into());
        assert_eq!(dues(&mut outbox), [60, 85, 110, 110]);
    }

    #[test]
    fn without_pace_everything_goes_at_once() {
        let mut outbox = outbox(0, 0);
        outbox.text_came(MS * 10);
        outbox.push_chunk(MS * 20, "chunk".into(), 800, 800);
        outbox.push_chunk(MS * 20, "chunk".into(), 800, 800);
        assert_eq!(dues(&mut outbox), [20, 20]);
    }

    #[test]
    fn the_first_chunk_knows_what_it_answers() {
        let mut outbox = outbox(0, 0);
        outbox.text_came(MS * 10);
        outbox.text_came(MS * 12);
        outbox.push(MS * 15, "words".into());
        for _ in 0..2 {
            outbox.push_chunk(MS * 20, "chunk".into(), 800, 800);
        }
        let asked: Vec<_> = std::iter::from_fn(|| outbox.pop_due(Duration::MAX)).map(|item| item.asked).collect();
        assert_eq!(asked, [None, Some(MS * 10), None]);
    }

    #[test]
    fn a_few_chunks_are_kept_with_what_is_between_them() {
        let mut outbox = outbox(0, 0);
        for text in ["a", "b", "c"] {
            outbox.push_chunk(MS, text.into(), 1, 1);
            outbox.push(MS, "words".into());
        }
        assert_eq!((outbox.keep_chunks(2), outbox.len()), (2, 3));
        assert_eq!((outbox.keep_chunks(5), outbox.len()), (2, 3));
        assert_eq!((outbox.keep_chunks(0), outbox.len()), (0, 0));
    }
}

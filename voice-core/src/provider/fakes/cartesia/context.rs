//! One context: text in, chunks and word times out, until it is done, cancelled or broken.

use super::answer::{self, Problem};
use super::config::{CancelManner, CartesiaFake, TimestampPlace};
use super::request::{Generation, Version};
use super::words::Words;
use crate::provider::fakes::cutter::Cutter;
use crate::provider::fakes::encoding::Format;
use crate::provider::fakes::outbox::{Item, Outbox, Pace};
use crate::provider::fakes::slots::Slot;
use crate::provider::fakes::voice::{Ask, VoiceEvent};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

/// Where a context is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// More text may come.
    Open,
    /// No more text; audio is still made.
    Draining,
    /// Cancelled; so many chunks are still made.
    Cancelled { left: u32 },
    /// Its last message is in the outbox.
    Ending,
}

/// Text that shares a flush id.
#[derive(Debug)]
struct Batch {
    flush_id: u64,
    clauses_left: u32,
    is_closed: bool,
}

pub(super) struct Context {
    pub(super) id: String,
    pub(super) phase: Phase,
    pub(super) is_cancelled: bool,
    /// Nothing goes out before another context has spoken.
    pub(super) is_held: bool,
    pub(super) asks: VecDeque<Ask>,
    version: Version,
    fixed: Value,
    format: Format,
    buffer_delay: Duration,
    buffer: String,
    buffer_until: Option<Duration>,
    cut_off: Option<Duration>,
    batches: VecDeque<Batch>,
    clauses_done: u32,
    out: Outbox,
    cutter: Cutter,
    words: Words,
    made_bytes: u64,
    made_chunks: u32,
    unknown_messages: u32,
    last_audio: Option<Duration>,
    _slot: Slot,
}

impl Context {
    pub(super) fn new(config: &CartesiaFake, version: Version, request: &Generation, slot: Slot) -> Self {
        let first_audio = Duration::from_millis(config.first_audio_ms);
        let pace = Pace { first_audio, percent: config.pace_percent, hz: request.format.hz };
        Self {
            id: request.context.clone(),
            phase: Phase::Open,
            is_cancelled: false,
            is_held: false,
            asks: VecDeque::from([Ask::Begin(request.format)]),
            version,
            fixed: request.fixed.clone(),
            format: request.format,
            buffer_delay: Duration::from_millis(request.max_buffer_delay_ms),
            buffer: String::new(),
            buffer_until: None,
            cut_off: None,
            batches: VecDeque::from([Batch { flush_id: 1, clauses_left: 0, is_closed: false }]),
            clauses_done: 0,
            out: Outbox::new(pace),
            cutter: Cutter::new(config.chunks),
            words: Words::new(config, request.wants_timestamps),
            made_bytes: 0,
            made_chunks: 0,
            unknown_messages: config.unknown_messages,
            last_audio: None,
            _slot: slot,
        }
    }

    /// Takes a request for this context.
    pub(super) fn take(&mut self, now: Duration, request: &Generation) {
        if self.phase != Phase::Open {
            return self.fail(now, &Problem::bad_request("the context takes no more text: it was ended"));
        }
        if self.fixed != request.fixed {
            return self
                .fail(now, &Problem::bad_request("only transcript, continue and flush may change in a context"));
        }
        let has_text = !request.transcript.trim().is_empty();
        if has_text {
            self.out.text_came(now);
        }
        self.buffer.push_str(&request.transcript);
        self.buffer_until.get_or_insert(now + self.buffer_delay);
        if self.is_due(now) || request.is_flush || !request.goes_on {
            self.speak_buffer();
        }
        if request.is_flush || (self.buffer_delay.is_zero() && has_text) {
            self.close_batch(now);
        }
        if !request.goes_on {
            self.phase = Phase::Draining;
            self.asks.push_back(Ask::Finish);
        }
    }

    fn is_due(&self, now: Duration) -> bool {
        let ends_sentence = self.buffer.trim_end().ends_with(['.', '!', '?', '。', '！', '？']);
        ends_sentence || self.buffer_until.is_some_and(|until| until <= now)
    }

    fn speak_buffer(&mut self) {
        self.buffer_until = None;
        let text = std::mem::take(&mut self.buffer);
        if text.trim().is_empty() {
            return;
        }
        if let Some(batch) = self.batches.back_mut() {
            batch.clauses_left += 1;
        }
        self.asks.push_back(Ask::Speak(text));
    }

    fn close_batch(&mut self, now: Duration) {
        let Some(last) = self.batches.back_mut() else { return };
        last.is_closed = true;
        let flush_id = last.flush_id + 1;
        self.batches.push_back(Batch { flush_id, clauses_left: 0, is_closed: false });
        self.settle(now);
    }

    /// Acknowledges the batches that are spoken.
    fn settle(&mut self, now: Duration) {
        while self.batches.front().is_some_and(|batch| batch.is_closed && batch.clauses_left == 0) {
            self.flush_pieces(now);
            let flush_id = self.flush_id();
            self.batches.pop_front();
            self.out.push(now, answer::flush_done(&self.id, flush_id));
        }
    }

    fn flush_id(&self) -> u64 {
        self.batches.front().map_or(1, |batch| batch.flush_id)
    }

    /// Takes what the voice gave.
    pub(super) fn hear(&mut self, now: Duration, event: VoiceEvent) {
        if self.phase == Phase::Ending {
            return;
        }
        match event {
            VoiceEvent::Audio(bytes) => {
                self.say_words(now, TimestampPlace::Before);
                let pieces = self.cutter.push(&bytes);
                self.give(now, pieces);
            }
            VoiceEvent::Word(word) => self.words.note(word),
            VoiceEvent::ClauseEnd { clauses } => self.end_clauses(now, clauses),
            VoiceEvent::Done => {
                self.flush_pieces(now);
                self.say_words(now, TimestampPlace::After);
                self.end(now, Some(answer::done(&self.id)));
            }
            VoiceEvent::Failed(reason) => {
                let title = "Internal server error";
                self.fail(now, &Problem { status: 500, code: None, title, message: reason });
            }
        }
    }

    fn end_clauses(&mut self, now: Duration, clauses: u32) {
        let ended = clauses.saturating_sub(self.clauses_done);
        self.clauses_done = self.clauses_done.max(clauses);
        self.say_words(now, TimestampPlace::After);
        for _ in 0..ended {
            if let Some(batch) = self.batches.iter_mut().find(|batch| batch.clauses_left > 0) {
                batch.clauses_left -= 1;
            }
        }
        self.settle(now);
    }

    fn flush_pieces(&mut self, now: Duration) {
        let rest = self.cutter.flush();
        self.give(now, rest);
    }

    fn give(&mut self, now: Duration, pieces: Vec<Vec<u8>>) {
        for piece in pieces {
            match &mut self.phase {
                Phase::Ending => return,
                Phase::Cancelled { left: 0 } => return self.end(now, Some(answer::done(&self.id))),
                Phase::Cancelled { left } => *left -= 1,
                Phase::Open | Phase::Draining => {}
            }
            self.give_piece(now, &piece);
        }
        if self.phase == (Phase::Cancelled { left: 0 }) {
            self.end(now, Some(answer::done(&self.id)));
        }
    }

    fn give_piece(&mut self, now: Duration, piece: &[u8]) {
        let before = self.made_bytes / self.format.bytes_per_sample();
        self.made_bytes += piece.len() as u64;
        let made_samples = self.made_bytes / self.format.bytes_per_sample();
        self.made_chunks += 1;
        let flush_id = self.flush_id();
        self.out.push_chunk(now, answer::chunk(&self.id, flush_id, piece), made_samples - before, piece.len());
        if self.made_chunks == 1 {
            self.out.push_chunk(now, answer::chunk(&self.id, flush_id, &[]), 0, 0);
        }
        if self.made_chunks.checked_rem(self.unknown_messages) == Some(0) {
            self.out.push(now, answer::unknown(&self.id));
        }
        self.words.reach(Duration::from_secs_f64(made_samples as f64 / f64::from(self.format.hz)));
        self.say_words(now, TimestampPlace::Between);
    }

    fn say_words(&mut self, now: Duration, place: TimestampPlace) {
        let words = self.words.due(place);
        if !words.is_empty() {
            let flush_id = self.flush_id();
            self.out.push(now, answer::timestamps(&self.id, flush_id, &words));
        }
    }

    /// The client wants no more of it.
    pub(super) fn cancel(&mut self, now: Duration, manner: CancelManner) {
        if std::mem::replace(&mut self.is_cancelled, true) {
            return;
        }
        (self.buffer_until, self.buffer) = (None, String::new());
        match manner {
            CancelManner::Silent => self.cut(now, None),
            CancelManner::Done => self.cut(now, Some(answer::done(&self.id))),
            CancelManner::Error => self.fail(now, &Problem::bad_request("the context was cancelled")),
            CancelManner::Late(chunks) => self.run_out(now, chunks),
            CancelManner::RunsOn => self.run_out(now, u32::MAX),
            CancelManner::LateFor(ms) => {
                self.cut_off = Some(now + Duration::from_millis(ms));
                self.run_out(now, u32::MAX);
            }
            CancelManner::AfterNext(chunks) => {
                self.is_held = true;
                self.run_out(now, chunks);
            }
        }
    }

    /// So many more chunks, then the end.
    fn run_out(&mut self, now: Duration, chunks: u32) {
        let kept = self.out.keep_chunks(chunks);
        if kept == chunks {
            self.end(now, Some(answer::done(&self.id)));
        } else if self.phase != Phase::Ending {
            self.phase = Phase::Cancelled { left: chunks - kept };
            self.asks.push_back(Ask::Finish);
        }
    }

    /// What was to be said is dropped.
    fn cut(&mut self, now: Duration, last: Option<String>) {
        self.out.clear();
        self.end(now, last);
    }

    pub(super) fn fail(&mut self, now: Duration, problem: &Problem) {
        self.cut(now, Some(answer::error(self.version, Some(&self.id), problem)));
    }

    fn end(&mut self, now: Duration, last: Option<String>) {
        last.into_iter().for_each(|text| self.out.push(now, text));
        self.phase = Phase::Ending;
        self.asks.push_back(Ask::Stop);
    }

    /// What time alone brings about.
    pub(super) fn tick(&mut self, now: Duration) {
        if self.buffer_until.is_some_and(|until| until <= now) {
            self.speak_buffer();
        }
        if self.cut_off.is_some_and(|until| until <= now) {
            self.cut_off = None;
            self.cut(now, Some(answer::done(&self.id)));
        }
    }

    /// When [`Self::tick`] or [`Self::pop`] has something to do.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let said = self.out.next_due().filter(|_| !self.is_held);
        [said, self.buffer_until, self.cut_off].into_iter().flatten().min()
    }

    pub(super) fn next_said(&self) -> Option<Duration> {
        self.out.next_due().filter(|_| !self.is_held)
    }

    pub(super) fn pop(&mut self, now: Duration) -> Option<Item> {
        let item = self.out.pop_due(now)?;
        if item.audio.is_some() {
            self.last_audio = Some(now);
        }
        Some(item)
    }

    /// Nobody wrote for too long.
    pub(super) fn expire(&mut self) {
        self.phase = Phase::Ending;
        self.asks.push_back(Ask::Stop);
    }

    pub(super) fn queued(&self) -> usize {
        self.out.len()
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Ending && self.out.is_empty()
    }

    /// Since when it has been open with nothing to say, after it has spoken.
    pub(super) fn quiet_since(&self) -> Option<Duration> {
        let is_idle = self.batches.iter().all(|batch| batch.clauses_left == 0) && self.out.is_empty();
        self.last_audio.filter(|_| is_idle && self.buffer.trim().is_empty() && self.phase == Phase::Open)
    }
}

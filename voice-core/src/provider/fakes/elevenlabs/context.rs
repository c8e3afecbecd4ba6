//! One context: text collected by its schedule, spoken, aligned.

use super::config::{CloseManner, ElevenLabsFake, Finals};
use super::message::{ClientMessage, Speller, from, spaced};
use crate::provider::fakes::cutter::Cutter;
use crate::provider::fakes::encoding::Format;
use crate::provider::fakes::outbox::{Item, Outbox, Pace};
use crate::provider::fakes::voice::{Ask, SpokenWord, VoiceEvent};
use std::collections::VecDeque;
use std::time::Duration;

/// Characters to collect before each generation; the last holds for all further ones.
const SCHEDULE: [usize; 4] = [120, 160, 250, 290];

pub(super) struct Context {
    pub(super) id: String,
    pub(super) is_closed: bool,
    pub(super) asks: VecDeque<Ask>,
    is_ended: bool,
    is_auto: bool,
    schedule: Vec<usize>,
    generations: usize,
    buffer: String,
    format: Format,
    out: Outbox,
    cutter: Cutter,
    finals: Finals,
    words: VecDeque<SpokenWord>,
    made_bytes: u64,
    /// After the close: so many pieces more, and not after this time.
    left: u32,
    cut_off: Option<Duration>,
}

impl Context {
    pub(super) fn new(fake: &ElevenLabsFake, format: Format, is_auto: bool, id: &str) -> Self {
        let first_audio = Duration::from_millis(fake.first_audio_ms);
        Self {
            id: id.into(),
            is_closed: false,
            asks: VecDeque::from([Ask::Begin(format)]),
            is_ended: false,
            is_auto,
            schedule: SCHEDULE.to_vec(),
            generations: 0,
            buffer: String::new(),
            format,
            out: Outbox::new(Pace { first_audio, percent: fake.pace_percent, hz: format.hz }),
            cutter: Cutter::new(fake.chunks),
            finals: fake.finals,
            words: VecDeque::new(),
            made_bytes: 0,
            left: u32::MAX,
            cut_off: None,
        }
    }

    /// Settings count in the first message only.
    pub(super) fn set_schedule(&mut self, schedule: Option<Vec<usize>>) {
        if let Some(schedule) = schedule.filter(|schedule| !schedule.is_empty()) {
            self.schedule = schedule;
        }
    }

    pub(super) fn take(&mut self, now: Duration, message: &ClientMessage) {
        let text = message.text.as_deref().unwrap_or_default();
        if !text.trim().is_empty() {
            self.out.text_came(now);
        }
        self.buffer.push_str(text);
        let wanted = self.schedule.get(self.generations).or(self.schedule.last()).copied().unwrap_or_default();
        if message.is_flush || self.is_auto || self.buffer.trim().chars().count() >= wanted {
            self.generate();
        }
    }

    fn generate(&mut self) {
        let text = std::mem::take(&mut self.buffer);
        if !text.trim().is_empty() {
            self.generations += 1;
            self.asks.push_back(Ask::Speak(text.trim_start().into()));
        }
    }

    /// No further text; what waits for its schedule is never spoken.
    pub(super) fn close(&mut self, now: Duration, manner: CloseManner) {
        if std::mem::replace(&mut self.is_closed, true) {
            return;
        }
        self.buffer.clear();
        self.asks.push_back(Ask::Finish);
        match manner {
            CloseManner::Drains => {}
            CloseManner::LateFor(ms) => self.cut_off = Some(now + Duration::from_millis(ms)),
            CloseManner::Late(pieces) => {
                self.left = pieces - self.out.keep_chunks(pieces).min(pieces);
                self.end_if_spent(now);
            }
        }
    }

    fn end_if_spent(&mut self, now: Duration) {
        if self.left == 0 {
            self.end(now);
        }
    }

    fn end(&mut self, now: Duration) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        self.asks.push_back(Ask::Stop);
        if self.finals == Finals::OnClose {
            // The speller writes it when it leaves.
            self.out.push(now, String::new());
        }
    }

    pub(super) fn hear(&mut self, now: Duration, event: VoiceEvent, speller: &mut Speller) {
        if self.is_ended {
            return;
        }
        match event {
            VoiceEvent::Audio(bytes) => {
                let pieces = self.cutter.push(&bytes);
                self.give(now, pieces, speller);
            }
            VoiceEvent::Word(word) => self.words.push_back(word),
            VoiceEvent::ClauseEnd { .. } => self.flush(now, speller),
            VoiceEvent::Done | VoiceEvent::Failed(_) => {
                self.flush(now, speller);
                self.end(now);
            }
        }
    }

    fn flush(&mut self, now: Duration, speller: &mut Speller) {
        let rest = self.cutter.flush();
        self.give(now, rest, speller);
    }

    fn give(&mut self, now: Duration, pieces: Vec<Vec<u8>>, speller: &mut Speller) {
        for piece in pieces {
            if self.left == 0 {
                break;
            }
            if self.left < u32::MAX {
                self.left -= 1;
            }
            self.give_piece(now, &piece, speller);
        }
        self.end_if_spent(now);
    }

    fn give_piece(&mut self, now: Duration, piece: &[u8], speller: &mut Speller) {
        let start = self.made();
        let before = self.made_bytes / self.format.bytes_per_sample();
        self.made_bytes += piece.len() as u64;
        let samples = self.made_bytes / self.format.bytes_per_sample() - before;
        let end = self.made();
        let begun = self.words.iter().take_while(|word| word.start < end).count();
        let words: Vec<SpokenWord> = self.words.drain(..begun).map(|word| from(&spaced(&word), start)).collect();
        self.out.push_chunk(now, speller.audio(&self.id, piece, &words), samples, piece.len());
    }

    /// The length of the audio so far.
    fn made(&self) -> Duration {
        let samples = self.made_bytes / self.format.bytes_per_sample();
        Duration::from_secs_f64(samples as f64 / f64::from(self.format.hz))
    }

    pub(super) fn tick(&mut self, now: Duration) {
        if self.cut_off.is_some_and(|until| until <= now) {
            self.cut_off = None;
            self.out.clear();
            self.is_ended = false;
            self.end(now);
        }
    }

    pub(super) fn next_said(&self) -> Option<Duration> {
        self.out.next_due()
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        [self.out.next_due(), self.cut_off].into_iter().flatten().min()
    }

    pub(super) fn pop(&mut self, now: Duration, speller: &mut Speller) -> Option<Item> {
        let mut item = self.out.pop_due(now)?;
        if item.audio.is_none() {
            item.text = speller.last(&self.id);
        }
        Some(item)
    }

    pub(super) fn queued(&self) -> usize {
        self.out.len()
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_ended && self.out.is_empty() && self.asks.is_empty()
    }
}

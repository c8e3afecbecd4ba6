//! The protocol of one socket as a state machine: client messages and audio in, server messages out when they are due.
//!
//! Invariant: pure; no socket and no clock. Time is given, as the time since the socket opened.

use super::config::{CloseManner, ElevenLabsFake, SocketClose};
use super::context::Context;
use super::message::{self, ClientMessage, Speller, parse};
use crate::provider::fakes::encoding::Format;
use crate::provider::fakes::log::VoiceCounts;
use crate::provider::fakes::outbox::Item;
use crate::provider::fakes::voice::{Ask, VoiceEvent};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Messages that may wait; while more do, no audio is taken.
const MAX_QUEUED: usize = 512;

/// How the socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

/// What the query of the opening set.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    /// None if this server does not speak it.
    pub(super) format: Option<Format>,
    pub(super) is_auto: bool,
    pub(super) inactivity: Duration,
    /// Whether a key was shown that is accepted.
    pub(super) is_known: bool,
    /// The only key that is accepted.
    pub(super) key: Option<String>,
}

pub(super) struct Machine {
    fake: ElevenLabsFake,
    opening: Opening,
    speller: Speller,
    contexts: BTreeMap<u64, Context>,
    next_key: u64,
    served: u64,
    loose: VecDeque<String>,
    input_at: Duration,
    is_closing: bool,
    end: Option<End>,
    counts: VoiceCounts,
}

impl Machine {
    pub(super) fn new(fake: ElevenLabsFake, opening: Opening) -> Self {
        let speller = Speller::new(fake.spelling, fake.alignments);
        Self {
            fake,
            opening,
            speller,
            contexts: BTreeMap::new(),
            next_key: 1,
            served: 0,
            loose: VecDeque::new(),
            input_at: Duration::ZERO,
            is_closing: false,
            end: None,
            counts: VoiceCounts::default(),
        }
    }

    /// From here on audio comes at this share of its pace; where it had none, of real time.
    pub(super) fn set_pace(&mut self, percent: u32) {
        let usual = if self.fake.pace_percent == 0 { 100 } else { self.fake.pace_percent };
        self.fake.pace_percent = usual.saturating_mul(percent) / 100;
    }

    /// From here on this comes after a close of a context.
    pub(super) fn set_close(&mut self, manner: CloseManner) {
        self.fake.close_context = manner;
    }

    /// Takes a message of the client.
    pub(super) fn take(&mut self, now: Duration, text: &str) {
        self.input_at = now;
        if self.end.is_some() {
            return;
        }
        match parse(text) {
            Ok(message) => self.heed(now, &message),
            Err(said) => self.fail("invalid_message", &said),
        }
    }

    fn heed(&mut self, now: Duration, message: &ClientMessage) {
        self.opening.is_known |= message.key.is_some() && message.key == self.opening.key;
        if !self.opening.is_known {
            return self.fail("invalid_api_key", "the API key is not valid");
        }
        let Some(format) = self.opening.format else {
            return self.fail("unsupported_output_format", "this output_format is not offered");
        };
        if message.closes_socket {
            self.is_closing = true;
            self.contexts.values_mut().for_each(|context| context.close(now, CloseManner::Drains));
        }
        // Text without a context only keeps the socket alive.
        let Some(id) = message.context.as_deref() else { return };
        self.counts.characters += message.text.as_deref().unwrap_or_default().trim().chars().count() as u64;
        let known =
            self.contexts.iter().find(|(_, context)| context.id == id && !context.is_closed).map(|(key, _)| *key);
        if message.closes_context {
            return self.close(now, known);
        }
        match known {
            Some(key) => self.with(key, |context| context.take(now, message)),
            None => self.begin(now, id, format, message),
        }
    }

    fn begin(&mut self, now: Duration, id: &str, format: Format, message: &ClientMessage) {
        if self.contexts.values().filter(|context| !context.is_closed).count() >= self.fake.most_contexts {
            return self.fail("too_many_contexts", "this socket has as many contexts as it may");
        }
        let mut context = Context::new(&self.fake, format, self.opening.is_auto, id);
        context.set_schedule(message.schedule.clone());
        context.take(now, message);
        self.counts.contexts += 1;
        self.contexts.insert(self.next_key, context);
        self.next_key += 1;
    }

    fn close(&mut self, now: Duration, key: Option<u64>) {
        let manner = self.fake.close_context;
        if let Some(key) = key {
            self.with(key, |context| context.close(now, manner));
        }
    }

    fn with(&mut self, key: u64, act: impl FnOnce(&mut Context)) {
        if let Some(context) = self.contexts.get_mut(&key) {
            act(context);
        }
    }

    /// An error without a context, after which the socket closes.
    fn fail(&mut self, name: &'static str, said: &str) {
        self.counts.errors += 1;
        self.loose.push_back(message::error(name, said));
        self.end = Some(End { code: 1008, reason: name });
    }

    /// The vendor's error in mid-stream.
    pub(super) fn break_down(&mut self) {
        self.fail("internal_error", "the model failed");
    }

    pub(super) fn hear(&mut self, now: Duration, key: u64, event: VoiceEvent) {
        self.counts.finished += u64::from(event == VoiceEvent::Done);
        if let Some(context) = self.contexts.get_mut(&key) {
            context.hear(now, event, &mut self.speller);
        }
    }

    /// What the voices are to do, in order within a context.
    pub(super) fn pop_ask(&mut self) -> Option<(u64, Ask)> {
        self.contexts.iter_mut().find_map(|(key, context)| Some((*key, context.asks.pop_front()?)))
    }

    pub(super) fn has_room(&self) -> bool {
        self.contexts.values().map(Context::queued).sum::<usize>() < MAX_QUEUED
    }

    /// What time alone brings about.
    pub(super) fn tick(&mut self, now: Duration) {
        self.contexts.values_mut().for_each(|context| context.tick(now));
        self.contexts.retain(|_, context| !context.is_over());
        if self.end.is_none() && self.idle_at() <= now {
            let said = format!("no input for {} ms", self.inactivity().as_millis());
            self.fail("input_timeout_exceeded", &said);
        }
        let closes = self.is_closing && self.fake.close_socket == SocketClose::Drains;
        if self.end.is_none() && closes && self.contexts.is_empty() {
            self.end = Some(End { code: 1000, reason: "" });
        }
    }

    /// How the socket ends, once all is said that comes before.
    pub(super) fn end(&self) -> Option<End> {
        self.end.filter(|_| self.loose.is_empty())
    }

    fn inactivity(&self) -> Duration {
        self.fake.inactivity_ms.map_or(self.opening.inactivity, Duration::from_millis)
    }

    fn idle_at(&self) -> Duration {
        self.input_at + self.inactivity()
    }

    /// When [`Self::tick`] or [`Self::pop`] has something to do.
    pub(super) fn next_due(&self) -> Duration {
        let dues = self.contexts.values().filter_map(Context::next_due);
        dues.chain([self.idle_at()]).min().unwrap_or(Duration::MAX)
    }

    /// The next message that is due; contexts take turns.
    pub(super) fn pop(&mut self, now: Duration) -> Option<Item> {
        if let Some(text) = self.loose.pop_front() {
            return Some(Item::message(now, text));
        }
        if self.end.is_some() {
            return None;
        }
        let served = self.served;
        let ready = self.contexts.iter().filter_map(|(key, context)| Some((context.next_said()?, *key)));
        let (due, key) = ready.min_by_key(|(due, key)| (*due, *key <= served, *key))?;
        let context = self.contexts.get_mut(&key).filter(|_| due <= now)?;
        let item = context.pop(now, &mut self.speller)?;
        self.served = key;
        if let Some(bytes) = item.audio {
            self.counts.audio_bytes += bytes as u64;
            self.counts.late_chunks += u64::from(context.is_closed);
        }
        Some(item)
    }

    /// The client is gone: what was not spoken to its end counts as cancelled.
    pub(super) fn leave(&mut self) {
        self.counts.cancelled += self.contexts.len() as u64;
    }

    /// What was counted since the last time.
    pub(super) fn take_counts(&mut self) -> VoiceCounts {
        std::mem::take(&mut self.counts)
    }
}

//! The protocol of one socket as a state machine: client messages and audio in, server messages out when they are due.
//!
//! Invariant: pure; no socket and no clock. Time is given, as the time since the socket opened. Within a context
//! everything is in order; contexts take turns.

use super::answer::{self, Problem};
use super::config::{CancelManner, CartesiaFake};
use super::context::{Context, Phase};
use super::request::{Generation, Request, Version, parse};
use crate::provider::fakes::log::VoiceCounts;
use crate::provider::fakes::outbox::Item;
use crate::provider::fakes::slots::Slots;
use crate::provider::fakes::voice::{Ask, VoiceEvent};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Ended contexts that are remembered.
const MAX_CLOSED: usize = 64;
/// Messages that may wait; while more do, no audio is taken.
const MAX_QUEUED: usize = 512;

pub(super) struct Machine {
    config: CartesiaFake,
    version: Version,
    slots: Slots,
    contexts: BTreeMap<u64, Context>,
    next_key: u64,
    /// The context that was served last.
    served: u64,
    closed: VecDeque<String>,
    loose: VecDeque<String>,
    active_at: Duration,
    counts: VoiceCounts,
}

impl Machine {
    pub(super) fn new(config: CartesiaFake, version: Option<&str>, slots: Slots) -> Self {
        Self {
            config,
            version: Version::of(version),
            slots,
            contexts: BTreeMap::new(),
            next_key: 1,
            served: 0,
            closed: VecDeque::new(),
            loose: VecDeque::new(),
            active_at: Duration::ZERO,
            counts: VoiceCounts::default(),
        }
    }

    /// From here on audio comes at this share of its pace; where it had none, of real time.
    pub(super) fn set_pace(&mut self, percent: u32) {
        let usual = if self.config.pace_percent == 0 { 100 } else { self.config.pace_percent };
        self.config.pace_percent = usual.saturating_mul(percent) / 100;
    }

    /// From here on this comes after a cancel.
    pub(super) fn set_cancel(&mut self, manner: CancelManner) {
        self.config.cancel = manner;
    }

    /// Takes a message of the client.
    pub(super) fn take(&mut self, now: Duration, text: &str) {
        self.active_at = now;
        match parse(text, self.version) {
            Ok(Request::Cancel { context }) => self.cancel(now, &context),
            Ok(Request::Generate(generation)) => self.generate(now, &generation),
            Err((context, problem)) => self.refuse(now, context.as_deref(), &problem),
        }
    }

    /// An error ends its context; the socket stays.
    fn refuse(&mut self, now: Duration, id: Option<&str>, problem: &Problem) {
        self.counts.errors += 1;
        match id.and_then(|id| self.find(id)).and_then(|key| self.contexts.get_mut(&key)) {
            Some(context) => context.fail(now, problem),
            None => self.loose.push_back(answer::error(self.version, id, problem)),
        }
    }

    fn find(&self, id: &str) -> Option<u64> {
        self.contexts.iter().find(|(_, context)| context.id == id).map(|(key, _)| *key)
    }

    /// A cancel of what is not there does nothing.
    fn cancel(&mut self, now: Duration, id: &str) {
        let Some(context) = self.find(id).and_then(|key| self.contexts.get_mut(&key)) else { return };
        self.counts.cancelled += u64::from(!context.is_cancelled);
        context.cancel(now, self.config.cancel);
    }

    fn generate(&mut self, now: Duration, request: &Generation) {
        self.counts.characters += request.transcript.chars().count() as u64;
        let key = match self.find(&request.context) {
            Some(key) => key,
            None => match self.begin(request) {
                Ok(key) => key,
                Err(problem) => return self.refuse(now, Some(&request.context), &problem),
            },
        };
        let Some(context) = self.contexts.get_mut(&key) else { return };
        let was_ending = context.phase == Phase::Ending;
        context.take(now, request);
        self.counts.errors += u64::from(!was_ending && context.phase == Phase::Ending);
    }

    fn begin(&mut self, request: &Generation) -> Result<u64, Problem> {
        if self.closed.contains(&request.context) {
            return Err(Problem::bad_request("the context is closed or has expired; use a new context_id"));
        }
        let slot = self.slots.take().ok_or_else(|| Problem {
            status: 429,
            code: Some("concurrency_limited"),
            title: "Too many concurrent requests",
            message: "plan limit reached".into(),
        })?;
        let key = self.next_key;
        self.next_key += 1;
        self.counts.contexts += 1;
        self.contexts.insert(key, Context::new(&self.config, self.version, request, slot));
        Ok(key)
    }

    /// Takes what a voice gave for context `key`.
    pub(super) fn hear(&mut self, now: Duration, key: u64, event: VoiceEvent) {
        let is_done = event == VoiceEvent::Done;
        if let Some(context) = self.contexts.get_mut(&key) {
            self.counts.finished += u64::from(is_done && !context.is_cancelled);
            context.hear(now, event);
        }
    }

    /// Every open context breaks with the vendor's error; one without a context if there is none.
    pub(super) fn break_down(&mut self, now: Duration) {
        let message = "the model failed; request logged".to_owned();
        let problem = Problem { status: 500, code: None, title: "Internal server error", message };
        self.counts.errors += 1;
        match self.contexts.values_mut().rev().find(|context| context.phase != Phase::Ending) {
            Some(context) => context.fail(now, &problem),
            None => self.loose.push_back(answer::error(self.version, None, &problem)),
        }
    }

    /// What the voices are to do, in order within a context.
    pub(super) fn pop_ask(&mut self) -> Option<(u64, Ask)> {
        self.contexts.iter_mut().find_map(|(key, context)| Some((*key, context.asks.pop_front()?)))
    }

    /// Whether more audio can be taken.
    pub(super) fn has_room(&self) -> bool {
        self.contexts.values().map(Context::queued).sum::<usize>() < MAX_QUEUED
    }

    /// What time alone brings about. Ends with the reason why the socket is closed, if it is.
    pub(super) fn tick(&mut self, now: Duration) -> Option<&'static str> {
        self.contexts.values_mut().for_each(|context| context.tick(now));
        let expiry = Duration::from_millis(self.config.context_expiry_ms);
        let mut expired = self.contexts.values_mut().filter(|c| c.quiet_since().is_some_and(|at| at + expiry <= now));
        expired.by_ref().for_each(Context::expire);
        self.sweep();
        self.idle_at().is_some_and(|at| at <= now).then_some("connection idle timeout")
    }

    /// When the socket is closed; none while something is to be said.
    fn idle_at(&self) -> Option<Duration> {
        let is_idle = self.contexts.values().all(|context| context.next_said().is_none());
        is_idle.then(|| self.active_at + Duration::from_millis(self.config.idle_ms))
    }

    /// When [`Self::tick`] or [`Self::pop`] has something to do.
    pub(super) fn next_due(&self) -> Duration {
        let expiry = Duration::from_millis(self.config.context_expiry_ms);
        let contexts = self.contexts.values();
        let dues = contexts.flat_map(|context| [context.next_due(), context.quiet_since().map(|at| at + expiry)]);
        dues.chain([self.idle_at()]).flatten().min().unwrap_or(Duration::MAX)
    }

    /// The next message that is due.
    pub(super) fn pop(&mut self, now: Duration) -> Option<Item> {
        if let Some(text) = self.loose.pop_front() {
            return Some(Item::message(now, text));
        }
        let served = self.served;
        let ready = self.contexts.iter().filter_map(|(key, context)| Some((context.next_said()?, *key)));
        let (due, key) = ready.min_by_key(|(due, key)| (*due, *key <= served, *key))?;
        let context = self.contexts.get_mut(&key).filter(|_| due <= now)?;
        let item = context.pop(now)?;
        self.served = key;
        self.active_at = now;
        let is_late = context.is_cancelled;
        if let Some(bytes) = item.audio {
            self.counts.audio_bytes += bytes as u64;
            self.counts.late_chunks += u64::from(is_late);
            if !is_late {
                self.contexts.values_mut().for_each(|context| context.is_held = false);
            }
        }
        self.sweep();
        Some(item)
    }

    fn sweep(&mut self) {
        let closed = &mut self.closed;
        self.contexts.retain(|_, context| {
            let stays = !context.is_over() || !context.asks.is_empty();
            if !stays {
                closed.push_back(std::mem::take(&mut context.id));
            }
            stays
        });
        let surplus = closed.len().saturating_sub(MAX_CLOSED);
        closed.drain(..surplus);
    }

    /// The client is gone: what it had not heard to the end counts as cancelled.
    pub(super) fn leave(&mut self) {
        let left = self.contexts.values().filter(|context| !context.is_cancelled).count();
        self.counts.cancelled += left as u64;
    }

    /// What was counted since the last time.
    pub(super) fn take_counts(&mut self) -> VoiceCounts {
        std::mem::take(&mut self.counts)
    }
}

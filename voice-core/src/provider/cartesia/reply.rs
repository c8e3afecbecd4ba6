//! One reply: the contexts its clauses are spoken in, in turn.
//!
//! Invariant: while it lives it has at least one context, and the last is the one that is spoken in. A context that
//! Cartesia may have forgotten is followed by another whose audio and word times go on where the reply is; what the
//! earlier one still says counts until the new one is heard. Nothing of a dead reply is heard.

use super::command::{self, Follows};
use super::config::{CartesiaConfig, ENGINE};
use super::context::{Ending, Marks, SpeechContext};
use super::fault::{classify, may_be_forgotten};
use super::message::{ServerMessage, VendorError, WordTime};
use crate::provider::clock::now;
use crate::provider::contexts::{
    Awaited, Clause, Expiry, Line, Outbox, Router, SpeechQueue, SpokenReply, TimedWord, is_speakable,
};
use crate::provider::net::Vendor;
use crate::stage::{Fault, StageError, TtsEvent};
use crate::units::SampleRate;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Unspeakable text that may wait for words to go with.
const MAX_HELD_BYTES: usize = 1_024;

/// What the replies of a session share.
pub(super) struct Shared {
    pub(super) config: Arc<CartesiaConfig>,
    pub(super) rate: SampleRate,
    pub(super) vendor: Vendor,
    pub(super) router: Router<Reply>,
    pub(super) line: Line,
    /// Whether this session's Cartesia has ever said that a submission is spoken.
    pub(super) marks_seen: AtomicBool,
}

impl Shared {
    fn marks(&self) -> Marks {
        if self.marks_seen.load(Ordering::Relaxed) { Marks::Told } else { Marks::Guessed }
    }

    fn idle(&self) -> Duration {
        Duration::from_millis(self.config.context_idle_ms)
    }
}

/// A reply being spoken.
pub(super) struct Reply {
    this: Weak<Reply>,
    name: String,
    shared: Arc<Shared>,
    queue: SpeechQueue,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    contexts: Vec<SpeechContext>,
    named: u32,
    /// Clauses taken so far.
    clauses: u32,
    /// Of those, told to be complete.
    complete: u32,
    held: String,
    finished: bool,
    /// Clauses were said again in a new context of which nothing was heard yet.
    said_again: bool,
}

impl Reply {
    /// A reply with a context that Cartesia does not know of yet.
    ///
    /// # Errors
    /// What the socket ended with.
    pub(super) fn begin(name: String, shared: Arc<Shared>) -> Result<Arc<Self>, StageError> {
        let queue = SpeechQueue::new(shared.config.limits(shared.rate));
        let reply = Arc::new_cyclic(|this| Self { this: this.clone(), name, shared, queue, state: Mutex::default() });
        reply.open_context(&mut reply.lock())?;
        Ok(reply)
    }

    /// Cartesia says something of `context`.
    pub(super) fn hear(&self, context: &str, message: ServerMessage) {
        let mut state = self.lock();
        let Some(at) = state.contexts.iter().position(|known| known.id == context) else { return };
        match message {
            ServerMessage::Chunk { data, flush_id } => self.hear_audio(&mut state, at, data, flush_id),
            ServerMessage::Timestamps(words) => self.hear_words(&mut state, at, words),
            ServerMessage::FlushDone { flush_id } => self.hear_mark(&mut state, at, flush_id),
            ServerMessage::Done => self.hear_done(&mut state, at),
            ServerMessage::Error(error) => self.hear_error(&mut state, at, &error),
            ServerMessage::PhonemeTimestamps | ServerMessage::Unknown => {}
        }
        self.await_next(&state);
    }

    /// The socket is gone.
    pub(super) fn socket_ended(&self, error: StageError) {
        let mut state = self.lock();
        self.fail(&mut state, error);
    }

    fn hear_audio(&self, state: &mut State, at: usize, data: Vec<u8>, flush_id: Option<u64>) {
        let is_last = at + 1 == state.contexts.len();
        if !is_last && state.contexts.last().is_some_and(SpeechContext::has_audio) {
            return;
        }
        let Some(context) = state.contexts.get_mut(at) else { return };
        let flush_id = flush_id.filter(|_| self.counts_submissions());
        let pcm = context.audio(data, flush_id, self.queue.total_samples(), now());
        if pcm.is_empty() {
            return;
        }
        let words = context.words(Vec::new());
        self.tell_words(words);
        if is_last {
            state.said_again = false;
            self.forget(state.contexts.drain(..at));
        }
        if self.queue.audio(pcm).is_err() {
            tracing::warn!(reply = self.name, "nobody reads the audio of a reply: it is cancelled");
            self.drop_contexts(state, self.shared.line.outbox().as_deref());
        }
    }

    fn hear_words(&self, state: &mut State, at: usize, words: Vec<WordTime>) {
        if let Some(context) = state.contexts.get_mut(at) {
            self.tell_words(context.words(words));
        }
    }

    fn tell_words(&self, words: Vec<TimedWord>) {
        for TimedWord { text, start_samples, end_samples } in words {
            self.queue.event(TtsEvent::Word { text, start_samples, end_samples });
        }
    }

    /// Where Cartesia collects text itself, its ids and marks say nothing of submissions.
    fn counts_submissions(&self) -> bool {
        self.shared.config.max_buffer_delay_ms == 0
    }

    fn hear_mark(&self, state: &mut State, at: usize, flush_id: Option<u64>) {
        if !self.counts_submissions() {
            return;
        }
        self.shared.marks_seen.store(true, Ordering::Relaxed);
        let complete = state.contexts.get_mut(at).and_then(|context| context.flushed(flush_id));
        if let Some(clauses) = complete {
            self.tell_complete(state, clauses);
        }
    }

    fn tell_complete(&self, state: &mut State, clauses: u32) {
        if clauses > state.complete {
            state.complete = clauses;
            self.queue.event(TtsEvent::ClauseEnd { clauses });
        }
    }

    /// All output of a context has come, as we wished or because it was silent for too long.
    fn hear_done(&self, state: &mut State, at: usize) {
        let marks = self.shared.marks();
        let is_last = at + 1 == state.contexts.len();
        let mut context = state.contexts.remove(at);
        self.shared.router.close(&context.id);
        if !is_last {
            return;
        }
        let unspoken = context.take_unspoken(marks);
        if !unspoken.is_empty() && !state.said_again {
            self.say_again(state, unspoken);
        } else if context.ending != Ending::Open {
            self.complete(state);
        } else if unspoken.is_empty() {
            self.reopen(state);
        } else {
            let said = "it ended a context before it had spoken all of it";
            self.fail(state, self.shared.vendor.failed(Fault::Engine, said));
        }
    }

    fn hear_error(&self, state: &mut State, at: usize, error: &VendorError) {
        let marks = self.shared.marks();
        let is_last = at + 1 == state.contexts.len();
        let mut context = state.contexts.remove(at);
        self.shared.router.close(&context.id);
        if !is_last {
            return;
        }
        let spoken = context.is_settled(marks) && (marks == Marks::Told || may_be_forgotten(error));
        let forgotten = context.has_audio() && may_be_forgotten(error) && !state.said_again;
        let unspoken = if forgotten { context.take_unspoken(marks) } else { Vec::new() };
        match context.ending {
            _ if !unspoken.is_empty() => self.say_again(state, unspoken),
            Ending::Told | Ending::ToldLate if spoken => self.complete(state),
            Ending::Open if spoken && marks == Marks::Told => self.reopen(state),
            _ => self.fail(state, classify(&self.shared.vendor, error)),
        }
    }

    /// Says in a new context what the one before forgot.
    fn say_again(&self, state: &mut State, clauses: Vec<Clause>) {
        tracing::debug!(
            reply = self.name,
            clauses = clauses.len(),
            "a context was forgotten: the reply goes on in a new one"
        );
        state.said_again = true;
        let out = self.shared.line.outbox().ok_or_else(|| self.shared.vendor.ended());
        let said = out.and_then(|out| {
            self.open_context(state)?;
            clauses.into_iter().try_for_each(|clause| self.submit(state, clause, &*out))?;
            if state.finished { self.send_end(state, Ending::Told, &*out) } else { Ok(()) }
        });
        self.queue.restart_wait();
        if let Err(error) = said {
            self.fail(state, error);
        }
    }

    fn reopen(&self, state: &mut State) {
        if let Err(error) = self.open_context(state) {
            self.fail(state, error);
        }
    }

    fn open_context(&self, state: &mut State) -> Result<(), StageError> {
        let Some(this) = self.this.upgrade() else { return Err(self.shared.vendor.ended()) };
        state.named += 1;
        let id = format!("{}-{}", self.name, state.named);
        self.shared.router.open(&id, &this)?;
        let encoding = self.shared.config.encoding.decoding();
        state.contexts.push(SpeechContext::new(id, encoding, self.shared.rate));
        Ok(())
    }

    fn submit(&self, state: &mut State, clause: Clause, out: &dyn Outbox) -> Result<(), StageError> {
        let Some(context) = state.contexts.last_mut() else { return Err(self.shared.vendor.ended()) };
        out.send(command::generation(&self.shared.config, &context.id, &clause.text, Follows::More))?;
        context.submitted(clause);
        Ok(())
    }

    fn send_end(&self, state: &mut State, ending: Ending, out: &dyn Outbox) -> Result<(), StageError> {
        let Some(context) = state.contexts.last_mut() else { return Err(self.shared.vendor.ended()) };
        out.send(command::generation(&self.shared.config, &context.id, "", Follows::Nothing))?;
        context.ending = ending;
        Ok(())
    }

    fn complete(&self, state: &mut State) {
        self.tell_complete(state, state.clauses);
        self.queue.end(Ok(()));
        self.forget(state.contexts.drain(..));
    }

    fn fail(&self, state: &mut State, error: StageError) {
        self.queue.end(Err(error));
        self.forget(state.contexts.drain(..));
    }

    /// Forgets the contexts and tells the vendor, so far as it can be told.
    fn drop_contexts(&self, state: &mut State, out: Option<&dyn Outbox>) {
        for context in state.contexts.drain(..) {
            self.shared.router.close(&context.id);
            if let Some(out) = out.filter(|_| context.is_used()) {
                let told = out.send(command::cancel(&context.id));
                tracing::debug!(context = context.id, ?told, "cancelled");
            }
        }
    }

    fn forget(&self, contexts: impl Iterator<Item = SpeechContext>) {
        contexts.for_each(|context| self.shared.router.close(&context.id));
    }

    /// Says what the reader should see next.
    fn await_next(&self, state: &State) {
        let config = &self.shared.config;
        let marks = self.shared.marks();
        let awaited = state.contexts.last().filter(|context| context.is_used()).and_then(|context| {
            let within = if context.has_audio() { config.stall_ms } else { config.first_audio_ms };
            let spoken = context.is_settled(marks);
            let then = match context.ending {
                Ending::Open if spoken => return None,
                Ending::ToldLate if spoken => Expiry::Complete,
                Ending::Told if spoken && marks == Marks::Told => Expiry::Complete,
                Ending::Open | Ending::Told | Ending::ToldLate => Expiry::Stalled,
            };
            Some(Awaited { within: Duration::from_millis(within), then })
        });
        self.queue.wait_for(awaited);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpokenReply for Reply {
    fn queue(&self) -> &SpeechQueue {
        &self.queue
    }

    fn speak(&self, clause: &str, out: &dyn Outbox) -> Result<(), StageError> {
        let mut state = self.lock();
        if state.finished {
            return Err(StageError::Ended { engine: ENGINE });
        }
        self.queue.may_ask(clause)?;
        let clauses = state.clauses + 1;
        if is_speakable(clause) {
            let is_stale = |context: &SpeechContext| context.is_stale(self.shared.marks(), self.shared.idle(), now());
            if state.contexts.last().is_none_or(is_stale) {
                self.open_context(&mut state)?;
            }
            let text = format!("{}{clause}", state.held);
            self.submit(&mut state, Clause { text, clauses }, out)?;
            self.queue.asked(clause);
            state.held.clear();
        } else if state.held.len() + clause.len() <= MAX_HELD_BYTES {
            state.held.push_str(clause);
        }
        state.clauses = clauses;
        self.await_next(&state);
        Ok(())
    }

    fn finish(&self, out: &dyn Outbox) {
        let mut state = self.lock();
        if state.finished || self.queue.is_over() {
            return;
        }
        state.finished = true;
        let marks = self.shared.marks();
        let Some(context) = state.contexts.last() else { return };
        let is_stale = context.is_stale(marks, self.shared.idle(), now());
        if !context.is_used() || (is_stale && marks == Marks::Told) {
            return self.complete(&mut state);
        }
        let ending = if is_stale { Ending::ToldLate } else { Ending::Told };
        match self.send_end(&mut state, ending, out) {
            Ok(()) => self.await_next(&state),
            Err(error) => self.fail(&mut state, error),
        }
    }

    fn cancel(&self, out: &dyn Outbox) {
        let mut state = self.lock();
        self.queue.cancel();
        self.drop_contexts(&mut state, Some(out));
    }

    fn expire(&self, expiry: Expiry, waited: Duration, out: &dyn Outbox) {
        let mut state = self.lock();
        match expiry {
            Expiry::Complete => self.complete(&mut state),
            Expiry::Stalled | Expiry::Remind => {
                self.shared.line.fell_silent();
                self.queue.end(Err(self.shared.vendor.stalled(waited)));
                self.drop_contexts(&mut state, Some(out));
            }
        }
    }
}

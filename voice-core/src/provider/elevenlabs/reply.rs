//! One reply: the context its clauses are spoken in.
//!
//! Invariant: while it lives it has one context, which ElevenLabs gets to know with the first clause. A context that
//! ElevenLabs ends by itself between clauses is followed by another. Nothing of a dead reply is heard.

use super::command;
use super::config::{ENGINE, ElevenLabsConfig};
use super::context::{SpeechContext, Stage};
use super::fault::classify;
use super::message::{Output, ServerMessage};
use crate::provider::contexts::{
    Awaited, Expiry, Line, Outbox, Router, SpeechQueue, SpokenReply, TimedWord, is_speakable,
};
use crate::provider::net::Vendor;
use crate::stage::{Fault, StageError, TtsEvent};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Unspeakable text that may wait for words to go with.
const MAX_HELD_BYTES: usize = 1_024;

/// What the replies of a session share.
pub(super) struct Shared {
    pub(super) config: Arc<ElevenLabsConfig>,
    pub(super) vendor: Vendor,
    pub(super) router: Router<Reply>,
    pub(super) line: Line,
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
    context: Option<SpeechContext>,
    named: u32,
    /// Clauses taken so far.
    clauses: u32,
    held: String,
    finished: bool,
}

impl Reply {
    /// A reply with a context that ElevenLabs does not know of yet.
    ///
    /// # Errors
    /// What the socket ended with.
    pub(super) fn begin(name: String, shared: Arc<Shared>) -> Result<Arc<Self>, StageError> {
        let queue = SpeechQueue::new(shared.config.limits());
        let reply = Arc::new_cyclic(|this| Self { this: this.clone(), name, shared, queue, state: Mutex::default() });
        reply.new_context(&mut reply.lock())?;
        Ok(reply)
    }

    /// ElevenLabs says something of `context`.
    pub(super) fn hear(&self, context: &str, message: ServerMessage) {
        let mut state = self.lock();
        if state.context.as_ref().is_none_or(|known| known.id != context) {
            return;
        }
        match message {
            ServerMessage::Output(output) => self.hear_output(&mut state, output),
            ServerMessage::Error(error) => self.fail(&mut state, classify(&self.shared.vendor, &error)),
            ServerMessage::Unknown => {}
        }
        self.await_next(&state);
    }

    /// The socket is gone.
    pub(super) fn socket_ended(&self, error: StageError) {
        let mut state = self.lock();
        self.fail(&mut state, error);
    }

    fn hear_output(&self, state: &mut State, output: Output) {
        let Some(context) = &mut state.context else { return };
        let words = context.characters(&output.characters, self.queue.total_samples());
        self.tell_words(words);
        let pcm = context.audio(output.audio);
        if self.queue.audio(pcm).is_err() {
            tracing::warn!(reply = self.name, "nobody reads the audio of a reply: it is cancelled");
            return self.drop_context(state, self.shared.line.outbox().as_deref());
        }
        if output.is_final {
            self.hear_final(state);
        }
    }

    fn tell_words(&self, words: impl IntoIterator<Item = TimedWord>) {
        for TimedWord { text, start_samples, end_samples } in words {
            self.queue.event(TtsEvent::Word { text, start_samples, end_samples });
        }
    }

    /// The context has ended, as we wished or because it was silent for too long.
    fn hear_final(&self, state: &mut State) {
        let Some(context) = &mut state.context else { return };
        let last_word = context.last_word();
        if context.stage == Stage::Closed {
            self.tell_words(last_word);
            return self.complete(state);
        }
        let settled = context.is_settled();
        self.tell_words(last_word);
        self.forget(state);
        let next = if settled {
            self.new_context(state)
        } else {
            let said = "it ended a context before it had spoken all of it";
            Err(self.shared.vendor.failed(Fault::Engine, said))
        };
        if let Err(error) = next {
            self.fail(state, error);
        }
    }

    fn new_context(&self, state: &mut State) -> Result<(), StageError> {
        let Some(this) = self.this.upgrade() else { return Err(self.shared.vendor.ended()) };
        state.named += 1;
        let id = format!("{}-{}", self.name, state.named);
        self.shared.router.open(&id, &this)?;
        let format = self.shared.config.format;
        state.context = Some(SpeechContext::new(id, format.decoding(), format.rate()));
        Ok(())
    }

    fn submit(&self, state: &mut State, clause: &str, out: &dyn Outbox) -> Result<(), StageError> {
        let Some(context) = &mut state.context else { return Err(self.shared.vendor.ended()) };
        if context.stage == Stage::Unknown {
            out.send(command::open(&self.shared.config, &context.id))?;
            context.stage = Stage::Open;
        }
        out.send(command::speak(&context.id, clause))?;
        context.submitted(clause);
        Ok(())
    }

    fn complete(&self, state: &mut State) {
        if state.clauses > 0 {
            self.queue.event(TtsEvent::ClauseEnd { clauses: state.clauses });
        }
        self.queue.end(Ok(()));
        self.forget(state);
    }

    fn fail(&self, state: &mut State, error: StageError) {
        self.queue.end(Err(error));
        self.forget(state);
    }

    fn forget(&self, state: &mut State) {
        if let Some(context) = state.context.take() {
            self.shared.router.close(&context.id);
        }
    }

    /// Forgets the context and tells the vendor, so far as it can be told and does not know.
    fn drop_context(&self, state: &mut State, out: Option<&dyn Outbox>) {
        let Some(context) = state.context.take() else { return };
        self.shared.router.close(&context.id);
        if let Some(out) = out.filter(|_| context.stage == Stage::Open) {
            let told = out.send(command::close(&context.id));
            tracing::debug!(context = context.id, ?told, "cancelled");
        }
    }

    /// Says what the reader should see next. A context that is silent is reminded of itself twice as often as the
    /// socket, whose sign of life names no context.
    fn await_next(&self, state: &State) {
        let config = &self.shared.config;
        let awaited = state.context.as_ref().filter(|context| context.stage != Stage::Unknown).map(|context| {
            let (within, then) = match context.stage {
                Stage::Closed if context.is_spoken() => (config.quiet_ms, Expiry::Complete),
                Stage::Open | Stage::Unknown if context.is_settled() => {
                    ((config.keep_alive_ms / 2).max(1), Expiry::Remind)
                }
                _ if context.has_audio() => (config.stall_ms, Expiry::Stalled),
                _ => (config.first_audio_ms, Expiry::Stalled),
            };
            Awaited { within: Duration::from_millis(within), then }
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
        if is_speakable(clause) {
            let text = format!("{}{clause}", state.held);
            self.submit(&mut state, &text, out)?;
            self.queue.asked(clause);
            state.held.clear();
        } else if state.held.len() + clause.len() <= MAX_HELD_BYTES {
            state.held.push_str(clause);
        }
        state.clauses += 1;
        self.await_next(&state);
        Ok(())
    }

    fn finish(&self, out: &dyn Outbox) {
        let mut state = self.lock();
        if state.finished || self.queue.is_over() {
            return;
        }
        state.finished = true;
        let Some(context) = state.context.as_mut().filter(|context| context.stage == Stage::Open) else {
            return self.complete(&mut state);
        };
        context.stage = Stage::Closed;
        match out.send(command::close(&context.id)) {
            Ok(()) => self.await_next(&state),
            Err(error) => self.fail(&mut state, error),
        }
    }

    fn cancel(&self, out: &dyn Outbox) {
        let mut state = self.lock();
        self.queue.cancel();
        self.drop_context(&mut state, Some(out));
    }

    fn expire(&self, expiry: Expiry, waited: Duration, out: &dyn Outbox) {
        let mut state = self.lock();
        match (expiry, &mut state.context) {
            (Expiry::Complete, Some(context)) => {
                let last_word = context.last_word();
                self.tell_words(last_word);
                self.complete(&mut state);
            }
            (Expiry::Remind, Some(context)) => {
                let told = out.send(command::keep(&context.id));
                tracing::trace!(context = context.id, ?told, "kept alive");
            }
            (Expiry::Stalled, Some(_)) => {
                self.shared.line.fell_silent();
                self.queue.end(Err(self.shared.vendor.stalled(waited)));
                self.drop_context(&mut state, Some(out));
            }
            (_, None) => {}
        }
    }
}

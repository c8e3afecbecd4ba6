//! TTSs in order: a reply whose voice breaks is spoken on by another, from the word on that was not spoken.

use super::FallbackConfig;
use super::choice::{Choice, error_of_all};
use super::race::{Opened, Race};
use super::speech::Speech;
use crate::stage::{StageError, Tts, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use futures::FutureExt;
use futures::StreamExt;
use futures::future::BoxFuture;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};

/// Several TTSs as one. A session opens the first that can be opened, and further ones when they are needed; all audio
/// has the rate of the one that opened. An engine that takes half of [`FallbackConfig::open_ms`] to open gets company: the next
/// is opened beside it, and the first that is open speaks: after that half also one that the session had open before.
///
/// A reply whose engine refuses it, gives no audio in time or breaks off is spoken on by the next one: from the clause
/// on that was not finished, or from the word on where word times were given; where they were not, or come after their
/// audio, the audio says about how far it had come. With one engine the reply is begun anew once in the same way.
#[derive(Clone)]
pub struct FallbackTts {
    choice: Choice<dyn Tts>,
}

impl FallbackTts {
    /// Engines in the order in which they are preferred.
    ///
    /// # Errors
    /// [`StageError::Open`] if there is none.
    pub fn new(engines: Vec<Arc<dyn Tts>>, config: FallbackConfig) -> Result<Self, StageError> {
        Ok(Self { choice: Choice::new(engines, config, |engine| engine.name())? })
    }
}

impl Tts for FallbackTts {
    /// The first engine's; events say when it is another's.
    fn name(&self) -> &str {
        &self.choice.first
    }

    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        open_any(self.choice.clone()).boxed()
    }
}

async fn open_any(choice: Choice<dyn Tts>) -> Result<Box<dyn TtsSession>, StageError> {
    let (mut order, mut errors) = (choice.order(), Vec::new());
    let Some(first) = order.pop_front() else { return Err(error_of_all(errors)) };
    let mut race = Race::new(choice.clone(), first.at, order);
    while let Some(Opened { at, session }) = poll_fn(|cx| race.poll_next(cx)).await {
        match session {
            Ok(session) => {
                let rate = session.sample_rate();
                let pool = Pool::new(choice.len());
                pool.put(at, session);
                return Ok(Box::new(Session { choice, pool, rate }));
            }
            Err(error) => {
                choice.failed(at, &error);
                errors.push(error);
                race.ask_next();
            }
        }
    }
    Err(error_of_all(errors))
}

struct Session {
    choice: Choice<dyn Tts>,
    pool: Pool,
    rate: SampleRate,
}

impl TtsSession for Session {
    fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    /// Never fails: what goes wrong is the reply's to mend.
    fn begin(&mut self, reply: ReplyId) -> Result<TtsReply, StageError> {
        let speech = Speech::new(reply, self.choice.clone(), self.pool.clone(), self.rate);
        let feed = speech.feed();
        Ok(TtsReply { feed: Box::new(feed), events: speech.fuse().boxed() })
    }
}

/// The session of one engine, if it is open.
type Slot = Option<Box<dyn TtsSession>>;

/// The sessions of one call that are open, one an engine at the most.
#[derive(Clone)]
pub(super) struct Pool {
    sessions: Arc<Mutex<Vec<Slot>>>,
}

impl Pool {
    fn new(engines: usize) -> Self {
        Self { sessions: Arc::new(Mutex::new((0..engines).map(|_| None).collect())) }
    }

    pub(super) fn put(&self, at: usize, session: Box<dyn TtsSession>) {
        self.with(at, |slot| *slot = Some(session));
    }

    pub(super) fn drop_session(&self, at: usize) {
        self.with(at, |slot| *slot = None);
    }

    pub(super) fn is_open(&self, at: usize) -> bool {
        self.with(at, |slot| slot.is_some()).unwrap_or_default()
    }

    /// Begins a reply with an engine, and says at which rate it speaks; nothing where it has no session.
    pub(super) fn begin(&self, at: usize, reply: ReplyId) -> Option<Result<(TtsReply, SampleRate), StageError>> {
        let begin = |slot: &mut Slot| {
            slot.as_mut().map(|session| session.begin(reply).map(|begun| (begun, session.sample_rate())))
        };
        self.with(at, begin).flatten()
    }

    fn with<T>(&self, at: usize, f: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at).map(f)
    }
}

#[cfg(test)]
#[path = "tts_tests.rs"]
mod tests;

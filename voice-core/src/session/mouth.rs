//! The link to the TTS: opened before the first reply needs it, opened again when it breaks.
//!
//! Invariant: how often it is tried for a reply does not depend on what failed before the reply asked. While nobody
//! waits, one try that failed is enough until the caller speaks again.

use super::clock;
use super::retry::Retry;
use crate::stage::{StageError, Tts, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// An engine that does not open within this time is as good as broken.
const OPEN_DEADLINE: Duration = Duration::from_secs(5);
/// The usual waits before each opening that is made for a waiting reply; after the last the waiting replies fail. The next
/// reply tries anew, unless the engine has refused for good. Short ones: the caller hears nothing meanwhile. The first is
/// none: replies of many calls do not come in one instant, whatever broke.
const RETRY_AFTER: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300)];

/// A caller waits no longer for a word: a reply whose engine wants to be left alone for more has failed.
const MAX_WAIT: Duration = Duration::from_secs(1);

enum Link {
    Opening(BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>>),
    Open(Box<dyn TtsSession>),
    Broken,
    /// The engine said that trying again is useless: every reply of the call fails with what it said.
    Refused(StageError),
}

/// Whether a reply waits for the opening under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    No,
    /// So many openings were made for this one, and for those that wait behind it.
    Yes {
        first: ReplyId,
        tries: usize,
    },
}

/// The link of one call.
pub(super) struct TtsLink {
    tts: Arc<dyn Tts>,
    link: Link,
    retry: Retry,
    awaited: Awaited,
    /// What the replies that wait are to be told.
    error: Option<StageError>,
    /// The engine wants to be left alone until then, as it said.
    not_before: Option<(Instant, StageError)>,
}

/// What a reply that wants a voice gets.
pub(super) enum Voice {
    Begun(TtsReply, SampleRate),
    /// Ask again once [`TtsLink::poll_opened`] says so.
    Wait,
    Failed(StageError),
}

impl TtsLink {
    pub(super) fn new(tts: Arc<dyn Tts>, retry: Retry) -> Self {
        let link = Link::Opening(opening(&tts, Duration::ZERO));
        Self { tts, link, retry, awaited: Awaited::No, error: None, not_before: None }
    }

    /// A reply may follow soon: a link that is known to be broken is opened.
    pub(super) fn warm(&mut self) {
        if matches!(self.link, Link::Broken) && self.error.is_none() {
            self.open_after(Duration::ZERO);
        }
    }

    /// No reply waits, or none any more: what fails now is nobody's.
    pub(super) fn nobody_waits(&mut self) {
        (self.awaited, self.error) = (Awaited::No, None);
    }

    /// Begins a reply, or says why not yet. What was tried for another one is not counted against it.
    pub(super) fn begin(&mut self, reply: ReplyId) -> Voice {
        if !matches!(self.awaited, Awaited::Yes { first, .. } if first == reply) {
            (self.awaited, self.error) = (Awaited::Yes { first: reply, tries: 0 }, None);
        }
        let voice = self.begun(reply);
        if matches!(voice, Voice::Begun(..) | Voice::Failed(_)) {
            self.awaited = Awaited::No;
        }
        voice
    }

    fn begun(&mut self, reply: ReplyId) -> Voice {
        if let Some(error) = self.error.take() {
            return Voice::Failed(error);
        }
        if let Some(error) = self.rests_too_long() {
            return Voice::Failed(error);
        }
        match &mut self.link {
            Link::Opening(_) => Voice::Wait,
            Link::Open(session) => match session.begin(reply) {
                Ok(begun) => Voice::Begun(begun, session.sample_rate()),
                Err(error) => self.reopen(error),
            },
            Link::Broken => self.reopen(StageError::Ended { engine: "the TTS" }),
            Link::Refused(error) => Voice::Failed(error.clone()),
        }
    }

    /// Ready when the link has just opened or failed to. Cancellation safe.
    pub(super) fn poll_opened(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Link::Opening(opening) = &mut self.link else { return Poll::Pending };
        match std::task::ready!(opening.poll_unpin(cx)) {
            Ok(session) => self.link = Link::Open(session),
            Err(error) if self.awaited == Awaited::No => {
                tracing::debug!(%error, "the TTS did not open, and nobody waits for it");
                self.note_rest(&error);
                self.link = if error.is_retryable() { Link::Broken } else { Link::Refused(error) };
            }
            Err(error) => {
                self.link = Link::Broken;
                if let Voice::Failed(error) = self.reopen(error) {
                    self.error = Some(error);
                }
            }
        }
        Poll::Ready(())
    }

    /// Opens it for a reply, if that is of use and was not done too often.
    fn reopen(&mut self, error: StageError) -> Voice {
        if !error.is_retryable() {
            self.link = Link::Refused(error.clone());
            return Voice::Failed(error);
        }
        self.note_rest(&error);
        let Awaited::Yes { first, tries } = self.awaited else { return Voice::Wait };
        // Who waited for an opening to its deadline has heard nothing for that long.
        let is_in_vain = matches!(error, StageError::Stalled { .. }) || self.rests_too_long().is_some();
        let Some(usual) = RETRY_AFTER.get(tries).filter(|_| !is_in_vain) else {
            self.link = Link::Broken;
            return Voice::Failed(error);
        };
        self.awaited = Awaited::Yes { first, tries: tries + 1 };
        let wait = self.retry.wait(*usual, &error);
        self.open_after(wait);
        Voice::Wait
    }

    fn open_after(&mut self, wait: Duration) {
        self.link = Link::Opening(opening(&self.tts, wait.max(self.rest())));
    }

    /// How long the engine wants to be left alone.
    fn rest(&self) -> Duration {
        self.not_before.as_ref().map_or(Duration::ZERO, |(at, _)| at.saturating_duration_since(clock::now()))
    }

    fn rests_too_long(&self) -> Option<StageError> {
        let is_open = matches!(self.link, Link::Open(_));
        let (_, error) = self.not_before.as_ref().filter(|_| !is_open && self.rest() > MAX_WAIT)?;
        Some(error.clone())
    }

    fn note_rest(&mut self, error: &StageError) {
        if error.retry_after().is_some() {
            let at = clock::now().checked_add(self.retry.wait(Duration::ZERO, error));
            self.not_before = at.map(|at| (at, error.clone()));
        }
    }
}

fn opening(tts: &Arc<dyn Tts>, wait: Duration) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
    let tts = Arc::clone(tts);
    let late = StageError::Stalled { engine: "the TTS", waited: OPEN_DEADLINE };
    async move {
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        tokio::time::timeout(OPEN_DEADLINE, tts.open()).await.unwrap_or(Err(late))
    }
    .boxed()
}

#[cfg(test)]
#[path = "mouth_tests.rs"]
mod tests;

//! The link to the TTS: opened before the first reply needs it, opened again when it breaks.

use crate::stage::{StageError, Tts, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// An engine that does not open within this time is as good as broken.
const OPEN_DEADLINE: Duration = Duration::from_secs(5);
/// Openings in a row without a reply that was begun; then the waiting replies fail. The next reply tries anew, unless
/// the engine has refused for good.
const MAX_ATTEMPTS: u32 = 3;

enum Link {
    Opening(BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>>),
    Open(Box<dyn TtsSession>),
    Broken,
    /// The engine said that trying again is useless: every reply of the call fails with what it said.
    Refused(StageError),
}

/// The link of one call.
pub(super) struct TtsLink {
    tts: Arc<dyn Tts>,
    link: Link,
    attempts: u32,
    error: Option<StageError>,
}

/// What a reply that wants a voice gets.
pub(super) enum Voice {
    Begun(TtsReply, SampleRate),
    /// Ask again once [`TtsLink::poll_opened`] says so.
    Wait,
    Failed(StageError),
}

impl TtsLink {
    pub(super) fn new(tts: Arc<dyn Tts>) -> Self {
        let link = Link::Opening(opening(&tts));
        Self { tts, link, attempts: 1, error: None }
    }

    /// Begins a reply, or says why not yet.
    pub(super) fn begin(&mut self, reply: ReplyId) -> Voice {
        if let Some(error) = self.error.take() {
            self.attempts = 0;
            return Voice::Failed(error);
        }
        match &mut self.link {
            Link::Opening(_) => Voice::Wait,
            Link::Open(session) => match session.begin(reply) {
                Ok(begun) => {
                    self.attempts = 0;
                    Voice::Begun(begun, session.sample_rate())
                }
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
            Err(error) => {
                self.link = Link::Broken;
                if let Voice::Failed(error) = self.reopen(error) {
                    self.error = Some(error);
                }
            }
        }
        Poll::Ready(())
    }

    fn reopen(&mut self, error: StageError) -> Voice {
        if !error.is_retryable() {
            self.link = Link::Refused(error.clone());
            return Voice::Failed(error);
        }
        if self.attempts >= MAX_ATTEMPTS {
            self.link = Link::Broken;
            self.attempts = 0;
            return Voice::Failed(error);
        }
        self.attempts += 1;
        self.link = Link::Opening(opening(&self.tts));
        Voice::Wait
    }
}

fn opening(tts: &Arc<dyn Tts>) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
    let open = tts.open();
    let late = StageError::Stalled { engine: "the TTS", waited: OPEN_DEADLINE };
    async move { tokio::time::timeout(OPEN_DEADLINE, open).await.unwrap_or(Err(late)) }.boxed()
}

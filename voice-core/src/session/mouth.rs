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
    /// A reply waits for the opening under way.
    is_awaited: bool,
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
        Self { tts, link, attempts: 1, is_awaited: false, error: None }
    }

    /// Begins a reply, or says why not yet.
    pub(super) fn begin(&mut self, reply: ReplyId) -> Voice {
        let voice = self.begun(reply);
        self.is_awaited = matches!(voice, Voice::Wait);
        voice
    }

    fn begun(&mut self, reply: ReplyId) -> Voice {
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
                    // Where nobody waits it says nothing of the reply to come, which asks anew.
                    self.error = Some(error).filter(|_| self.is_awaited);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::TtsFeed;
    use futures::{StreamExt, stream};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Waker;

    /// Fails to open so many times, then works.
    struct Flaky(usize, AtomicUsize);

    struct Works;

    struct Deaf;

    impl Tts for Flaky {
        fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
            let works = self.1.fetch_add(1, Ordering::Relaxed) >= self.0;
            let ended = StageError::Ended { engine: "a TTS" };
            async move { works.then(|| Box::new(Works) as Box<dyn TtsSession>).ok_or(ended) }.boxed()
        }
    }

    impl TtsSession for Works {
        fn sample_rate(&self) -> SampleRate {
            SampleRate::Hz8000
        }

        fn begin(&mut self, _: ReplyId) -> Result<TtsReply, StageError> {
            Ok(TtsReply { feed: Box::new(Deaf), events: stream::pending().boxed() })
        }
    }

    impl TtsFeed for Deaf {
        fn speak(&mut self, _: &str) -> Result<(), StageError> {
            Ok(())
        }

        fn finish(&mut self) {}

        fn cancel(&mut self) {}
    }

    fn settle(link: &mut TtsLink) {
        let mut cx = Context::from_waker(Waker::noop());
        while link.poll_opened(&mut cx).is_ready() {}
    }

    #[tokio::test]
    async fn a_failure_that_nobody_waited_for_is_no_later_replys() {
        let mut link = TtsLink::new(Arc::new(Flaky(MAX_ATTEMPTS as usize, AtomicUsize::new(0))));
        settle(&mut link);
        assert!(matches!(link.begin(ReplyId(1)), Voice::Wait), "the engine may be well by now: it is asked");
        settle(&mut link);
        assert!(matches!(link.begin(ReplyId(1)), Voice::Begun(..)));
    }

    #[tokio::test]
    async fn a_reply_that_waited_learns_that_the_engine_does_not_open() {
        let mut link = TtsLink::new(Arc::new(Flaky(MAX_ATTEMPTS as usize, AtomicUsize::new(0))));
        assert!(matches!(link.begin(ReplyId(1)), Voice::Wait));
        settle(&mut link);
        assert!(matches!(link.begin(ReplyId(1)), Voice::Failed(_)));
        assert!(matches!(link.begin(ReplyId(2)), Voice::Wait));
    }
}

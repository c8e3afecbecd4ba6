//! A reply as the call holds it: its feed and its events, and the deadlines between them.
//!
//! Invariant: a deadline runs only while the reader waits at an empty queue, so a call that reads late never takes a
//! vendor that was in time for a stalled one. Dropping the events cancels the reply.

use super::outbox::Outbox;
use super::queue::{Awaited, Expiry, SpeechQueue, Taken};
use crate::stage::{StageError, TtsEvent, TtsFeed, TtsReply};
use futures::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// What a vendor does with a reply. Its socket's task knows the reply too, but not the way to the vendor.
pub(crate) trait SpokenReply: Send + Sync {
    fn queue(&self) -> &SpeechQueue;

    /// Asks for a clause.
    ///
    /// # Errors
    /// [`StageError::Full`] or [`StageError::Ended`]; nothing was asked for.
    fn speak(&self, clause: &str, out: &dyn Outbox) -> Result<(), StageError>;

    /// No clause follows.
    fn finish(&self, out: &dyn Outbox);

    /// Ends it without a word, and tells the vendor.
    fn cancel(&self, out: &dyn Outbox);

    /// A deadline has passed.
    fn expire(&self, expiry: Expiry, waited: Duration, out: &dyn Outbox);
}

/// Both halves of a reply.
pub(crate) fn tts_reply(reply: Arc<dyn SpokenReply>, out: &Arc<dyn Outbox>) -> TtsReply {
    let feed = Feed { reply: reply.clone(), out: out.clone() };
    let events = Events { reply, out: out.clone(), wait: None };
    TtsReply { feed: Box::new(feed), events: Box::pin(events) }
}

/// The feed of a reply. Dropped without `finish`, nothing can follow: the stream ends after what was asked for.
struct Feed {
    reply: Arc<dyn SpokenReply>,
    out: Arc<dyn Outbox>,
}

impl TtsFeed for Feed {
    fn speak(&mut self, clause: &str) -> Result<(), StageError> {
        self.reply.speak(clause, &*self.out)
    }

    fn finish(&mut self) {
        self.reply.finish(&*self.out);
    }

    fn cancel(&mut self) {
        self.reply.cancel(&*self.out);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.reply.finish(&*self.out);
    }
}

struct Events {
    reply: Arc<dyn SpokenReply>,
    out: Arc<dyn Outbox>,
    wait: Option<Wait>,
}

struct Wait {
    awaited: Awaited,
    progress: u64,
    timer: Pin<Box<Sleep>>,
}

impl Events {
    /// Ready once what is awaited is too late.
    fn poll_expiry(&mut self, cx: &mut Context<'_>, awaited: Option<Awaited>, progress: u64) -> Poll<Awaited> {
        let Some(awaited) = awaited else {
            self.wait = None;
            return Poll::Pending;
        };
        let wait = match &mut self.wait {
            Some(wait) if wait.progress == progress => wait,
            other => other.insert(Wait { awaited, progress, timer: Box::pin(sleep(awaited.within)) }),
        };
        ready!(wait.timer.as_mut().poll(cx));
        let awaited = wait.awaited;
        self.wait = None;
        Poll::Ready(awaited)
    }
}

impl Stream for Events {
    type Item = Result<TtsEvent, StageError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let reply = self.reply.clone();
            let (awaited, progress) = match reply.queue().take(cx) {
                Taken::Event(event) => {
                    self.wait = None;
                    return Poll::Ready(Some(event));
                }
                Taken::Over => return Poll::Ready(None),
                Taken::Empty(awaited, progress) => (awaited, progress),
            };
            let late = ready!(self.poll_expiry(cx, awaited, progress));
            reply.expire(late.then, late.within, &*self.out);
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.reply.cancel(&*self.out);
    }
}

//! Engines that are opened until one is open: one after the other, and side by side where one takes long.
//!
//! Invariant: each is asked once. The next is asked when one has failed and its caller has nothing better, or when the last
//! has taken half of what opening may take; one that rests only when no other is being opened. Those that are still being
//! opened when one is are given up. Nothing here waits but in `poll_next`.

use super::choice::Choice;
use super::health::{Candidate, Rest};
use crate::stage::{StageError, Tts, TtsSession};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Sleep, sleep};

/// An engine that is being opened.
pub(super) type Opening = BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>>;

/// The openings of one session or reply.
pub(super) struct Race {
    choice: Choice<dyn Tts>,
    /// Those that were not asked yet, in order.
    left: VecDeque<Candidate>,
    running: Vec<(usize, Opening)>,
    /// When the next is asked, whatever becomes of those that run.
    hedge: Pin<Box<Sleep>>,
    /// When whoever can do without need not wait any more.
    patience: Pin<Box<Sleep>>,
}

/// What became of an opening. What it says is for the caller to note.
pub(super) struct Opened {
    pub(super) at: usize,
    pub(super) session: Result<Box<dyn TtsSession>, StageError>,
}

/// Opens an engine within the deadline.
pub(super) fn opening(choice: &Choice<dyn Tts>, at: usize) -> Opening {
    let Some(open) = choice.engine(at).map(|engine| engine.open()) else {
        return std::future::ready(Err(StageError::Ended { engine: "the TTS" })).boxed();
    };
    choice.clone().opened(at, "the TTS", open).boxed()
}

impl Race {
    /// Begins with `first`; `others` follow in their order.
    pub(super) fn new(choice: Choice<dyn Tts>, first: usize, others: impl IntoIterator<Item = Candidate>) -> Self {
        let first = (first, opening(&choice, first));
        Self::with(choice, first, others)
    }

    /// Begins with one that is being opened; `others` follow in their order.
    pub(super) fn with(
        choice: Choice<dyn Tts>,
        first: (usize, Opening),
        others: impl IntoIterator<Item = Candidate>,
    ) -> Self {
        let half = choice.config.open_deadline() / 2;
        let (hedge, patience) = (Box::pin(sleep(half)), Box::pin(sleep(half)));
        Self { choice, left: others.into_iter().collect(), running: vec![first], hedge, patience }
    }

    /// The next that has opened or failed; `None` once all have failed. Cancellation safe.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Opened>> {
        loop {
            if let Some(opened) = self.poll_running(cx) {
                return Poll::Ready(Some(opened));
            }
            if self.running.is_empty() && self.left.is_empty() {
                return Poll::Ready(None);
            }
            if self.running.is_empty() {
                self.ask_next();
                continue;
            }
            if !self.next_may_run() {
                return Poll::Pending;
            }
            std::task::ready!(self.hedge.poll_unpin(cx));
            self.ask_next();
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<Opened> {
        let polled = self.running.iter_mut().enumerate().find_map(|(place, (_, opening))| {
            let Poll::Ready(session) = opening.poll_unpin(cx) else { return None };
            Some((place, session))
        });
        let (place, session) = polled?;
        let (at, _) = self.running.remove(place);
        Some(Opened { at, session })
    }

    fn next_may_run(&self) -> bool {
        self.left.front().is_some_and(|next| next.rest == Rest::Awake || self.running.is_empty())
    }

    /// Also waits for one that is being opened already; it is not to be among the others.
    pub(super) fn join(&mut self, at: usize, opening: Opening) {
        self.running.push((at, opening));
    }

    /// Ready once half of what opening may take is over, and again whenever asked.
    pub(super) fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.patience.poll_unpin(cx)
    }

    /// Asks the next, if it may run beside those that do: one has failed.
    pub(super) fn ask_next(&mut self) {
        if self.next_may_run()
            && let Some(next) = self.left.pop_front()
        {
            self.ask(next.at);
        }
    }

    fn ask(&mut self, at: usize) {
        self.running.push((at, opening(&self.choice, at)));
        self.hedge = Box::pin(sleep(self.choice.config.open_deadline() / 2));
    }
}

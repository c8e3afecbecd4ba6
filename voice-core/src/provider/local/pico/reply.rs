//! One reply between a call, which leaves clauses and takes audio, and the voice thread, which does the reverse.
//!
//! Invariant: events come in the order of the clauses; after a cancel none comes. Bounds: [`CLAUSES`] clauses and
//! [`TEXT_BYTES`] of text wait at most (then a clause is refused); unread audio is at most `ahead` and one piece.

use super::desk::Desk;
use super::speakable::{pieces, speakable};
use super::tts::ENGINE;
use crate::stage::{StageError, TtsEvent};
use bytes::Bytes;
use futures::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Clauses that may wait: far more than a reply has.
const CLAUSES: usize = 256;
/// Text that may wait: about 20 minutes of speech.
const TEXT_BYTES: usize = 16_384;

type Event = Result<TtsEvent, StageError>;

/// The shared state of a reply.
pub(super) struct Reply {
    state: Mutex<State>,
    desk: Arc<Desk>,
    ahead_samples: usize,
    cancelled: AtomicBool,
}

struct State {
    jobs: VecDeque<Job>,
    waiting_bytes: usize,
    clauses: u32,
    finished: bool,
    /// At the desk or in a lane.
    in_hand: bool,
    unread_samples: usize,
    /// Gone once the reply is over or cancelled. Its channel is bounded by `unread_samples` and `CLAUSES`.
    events: Option<UnboundedSender<Event>>,
}

enum Job {
    Speak(String),
    ClauseEnd(u32),
}

impl Reply {
    /// A reply and the events of it.
    pub(super) fn open(desk: Arc<Desk>, ahead_samples: usize) -> (Arc<Self>, ReplyEvents) {
        let (events, receiver) = unbounded_channel();
        let state = State {
            jobs: VecDeque::new(),
            waiting_bytes: 0,
            clauses: 0,
            finished: false,
            in_hand: false,
            unread_samples: 0,
            events: Some(events),
        };
        let reply = Arc::new(Self {
            state: Mutex::new(state),
            desk,
            ahead_samples: ahead_samples.max(1),
            cancelled: AtomicBool::new(false),
        });
        (reply.clone(), ReplyEvents { reply, receiver })
    }

    /// Leaves a clause to be spoken.
    pub(super) fn speak(self: &Arc<Self>, clause: &str) -> Result<(), StageError> {
        let mut state = self.lock();
        if state.finished || state.events.is_none() {
            return Err(StageError::Ended { engine: ENGINE });
        }
        let text = speakable(clause);
        if state.jobs.len() >= CLAUSES || state.waiting_bytes + text.len() > TEXT_BYTES {
            return Err(StageError::Full { engine: ENGINE });
        }
        state.waiting_bytes += text.len();
        state.clauses += 1;
        let end = Job::ClauseEnd(state.clauses);
        state.jobs.extend(pieces(&text).into_iter().map(|piece| Job::Speak(piece.to_owned())));
        state.jobs.push_back(end);
        self.queue(&mut state);
        Ok(())
    }

    /// No clause follows.
    pub(super) fn finish(self: &Arc<Self>) {
        let mut state = self.lock();
        state.finished = true;
        self.queue(&mut state);
    }

    /// Drops everything; the stream ends. The voice thread notices at its next block.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        let mut state = self.lock();
        state.events = None;
        state.jobs.clear();
    }

    /// For the voice thread: the next text to speak. None lays the reply down until there is more, or the reader
    /// has read, or for good.
    pub(super) fn next_piece(&self) -> Option<String> {
        let mut state = self.lock();
        while self.has_work(&state) {
            match state.jobs.pop_front() {
                Some(Job::Speak(piece)) => {
                    state.waiting_bytes = state.waiting_bytes.saturating_sub(piece.len());
                    return Some(piece);
                }
                Some(Job::ClauseEnd(clauses)) => {
                    state.send(Ok(TtsEvent::ClauseEnd { clauses }));
                }
                None => {
                    state.send(Ok(TtsEvent::Done));
                    state.events = None;
                }
            }
        }
        state.in_hand = false;
        None
    }

    /// For the voice thread: hands over a block; false if nobody wants it any more.
    pub(super) fn give(&self, samples: &[i16]) -> bool {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut state = self.lock();
        state.unread_samples += samples.len();
        state.send(Ok(TtsEvent::Audio(Bytes::from(bytes))))
    }

    /// For the voice thread: the engine failed; the reply is over.
    pub(super) fn fail(&self, error: StageError) {
        let mut state = self.lock();
        state.send(Err(error));
        state.events = None;
        state.jobs.clear();
    }

    fn has_read(self: &Arc<Self>, samples: usize) {
        let mut state = self.lock();
        state.unread_samples = state.unread_samples.saturating_sub(samples);
        self.queue(&mut state);
    }

    /// Goes to the desk if there is something to do and it is not there yet.
    fn queue(self: &Arc<Self>, state: &mut State) {
        if !state.in_hand && self.has_work(state) {
            state.in_hand = true;
            self.desk.put(self.clone());
        }
    }

    fn has_work(&self, state: &State) -> bool {
        state.events.is_some()
            && match state.jobs.front() {
                Some(Job::Speak(_)) => state.unread_samples < self.ahead_samples,
                Some(Job::ClauseEnd(_)) => true,
                None => state.finished,
            }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&self, event: Event) -> bool {
        self.events.as_ref().is_some_and(|events| events.send(event).is_ok())
    }
}

/// The stream of a reply. Dropping it cancels the reply.
pub(super) struct ReplyEvents {
    reply: Arc<Reply>,
    receiver: UnboundedReceiver<Event>,
}

impl Stream for ReplyEvents {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let event = this.receiver.poll_recv(context);
        // What was made before the cancel and not yet read is dropped too.
        if this.reply.cancelled.load(Ordering::Acquire) {
            return Poll::Ready(None);
        }
        if let Poll::Ready(Some(Ok(TtsEvent::Audio(bytes)))) = &event {
            this.reply.has_read(bytes.len() / 2);
        }
        event
    }
}

impl Drop for ReplyEvents {
    fn drop(&mut self) {
        self.reply.cancel();
    }
}

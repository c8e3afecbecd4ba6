//! One reply: its clauses in order, each spoken by its own request.
//!
//! Invariant: at most two requests are under way, the one whose audio is given and the one after it, which is asked for as
//! soon as the first one sounds. The stream owns both: when it is dropped, or the reply is cancelled, so are they. Bounds:
//! [`CLAUSE_QUEUE`] clauses of [`MAX_CLAUSE_BYTES`] wait at most, then a clause is refused.

use super::config::{ENGINE, SpeechConfig};
use super::fetch::Fetch;
use super::request::{self, Piece};
use crate::provider::openai::endpoint::Endpoint;
use crate::stage::{StageError, TtsEvent, TtsFeed, TtsReply};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};

/// Clauses that may wait: far more than a reply has.
const CLAUSE_QUEUE: usize = 256;
const MAX_CLAUSE_BYTES: usize = 64 * 1024;

/// What all replies of an engine share.
pub(super) struct Speaker {
    pub(super) config: SpeechConfig,
    pub(super) settings: Map<String, Value>,
    pub(super) endpoint: Arc<Endpoint>,
}

/// A new reply.
pub(super) fn begin(speaker: &Arc<Speaker>) -> TtsReply {
    let (sender, clauses) = mpsc::channel(CLAUSE_QUEUE);
    let cancelled = Arc::new(Notify::new());
    let feed = Feed { sender: Some(sender), cancelled: Arc::clone(&cancelled) };
    let queue = Queue { speaker: Arc::clone(speaker), clauses, pieces: VecDeque::new(), next: None };
    let reply = Reply { queue, current: None, clauses: 0, is_over: false };
    let events = stream::unfold((reply, cancelled), |(mut reply, cancelled)| async move {
        let item = tokio::select! {
            biased;
            () = cancelled.notified() => None,
            item = reply.next() => item,
        };
        item.map(|item| (item, (reply, cancelled)))
    });
    TtsReply { feed: Box::new(feed), events: events.fuse().boxed() }
}

/// The feed. Dropped without `finish`, nothing can follow: the stream ends after what was given.
struct Feed {
    sender: Option<mpsc::Sender<String>>,
    cancelled: Arc<Notify>,
}

impl TtsFeed for Feed {
    fn speak(&mut self, clause: &str) -> Result<(), StageError> {
        let sender = self.sender.as_ref().ok_or(StageError::Ended { engine: ENGINE })?;
        if clause.len() > MAX_CLAUSE_BYTES {
            return Err(StageError::Full { engine: ENGINE });
        }
        sender.try_send(clause.to_owned()).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StageError::Full { engine: ENGINE },
            mpsc::error::TrySendError::Closed(_) => StageError::Ended { engine: ENGINE },
        })
    }

    fn finish(&mut self) {
        self.sender = None;
    }

    fn cancel(&mut self) {
        self.sender = None;
        self.cancelled.notify_one();
    }
}

/// What is spoken next.
struct Queue {
    speaker: Arc<Speaker>,
    clauses: mpsc::Receiver<String>,
    pieces: VecDeque<Piece>,
    next: Option<Fetch>,
}

impl Queue {
    /// The next request; `None` after the last. Cancellation safe.
    async fn take(&mut self) -> Option<Fetch> {
        self.fill().await;
        self.next.take()
    }

    /// Asks for the next piece and waits for its first samples; then waits for ever. Cancellation safe.
    async fn prepare(&mut self) {
        self.fill().await;
        if let Some(next) = &mut self.next {
            next.begun().await;
        }
        std::future::pending().await
    }

    async fn fill(&mut self) {
        if self.next.is_some() {
            return;
        }
        if self.pieces.is_empty() {
            let Some(clause) = self.clauses.recv().await else { return };
            self.pieces = request::pieces(&clause);
        }
        self.next = self.pieces.pop_front().map(|piece| {
            let Speaker { config, settings, endpoint } = &*self.speaker;
            Fetch::start(endpoint, config, &piece, request::body(settings, &piece.text))
        });
    }
}

struct Reply {
    queue: Queue,
    current: Option<Fetch>,
    clauses: u32,
    is_over: bool,
}

impl Reply {
    async fn next(&mut self) -> Option<Result<TtsEvent, StageError>> {
        while !self.is_over {
            let Some(current) = &mut self.current else {
                match self.queue.take().await {
                    Some(fetch) => self.current = Some(fetch),
                    None => return Some(Ok(self.over())),
                }
                continue;
            };
            match samples(current, &mut self.queue).await {
                Ok(Some(samples)) => return Some(Ok(TtsEvent::Audio(samples))),
                Ok(None) => {
                    let ends_clause = current.ends_clause();
                    self.current = None;
                    if ends_clause {
                        self.clauses += 1;
                        return Some(Ok(TtsEvent::ClauseEnd { clauses: self.clauses }));
                    }
                }
                Err(error) => {
                    self.over();
                    return Some(Err(error));
                }
            }
        }
        None
    }

    /// Nothing follows: no request is under way any more.
    fn over(&mut self) -> TtsEvent {
        self.is_over = true;
        self.current = None;
        self.queue.next = None;
        TtsEvent::Done
    }
}

/// The next samples of `current`, while what comes after it is prepared.
async fn samples(current: &mut Fetch, queue: &mut Queue) -> Result<Option<Bytes>, StageError> {
    let has_sounded = current.has_sounded();
    tokio::select! {
        biased;
        samples = current.samples() => samples,
        () = queue.prepare(), if has_sounded => Ok(None),
    }
}

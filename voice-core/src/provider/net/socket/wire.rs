//! Moves messages both ways, neither waiting for the other.
//!
//! Invariant: what was queued is written in its order, flushed once a burst; while writing is stuck, nothing more is
//! taken from the queue, so that its bound is felt, and reading goes on. It knows no timer and no meaning of a message.

use futures::{Sink, SinkExt, Stream, StreamExt};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

/// What happened.
pub(super) enum Step {
    /// A message or an error came; `None`: the connection is closed.
    Read(Option<Result<Message, Error>>),
    /// Something of the queue was given to the connection.
    Wrote,
    /// All that was queued is written, and all who could queue more are gone.
    Drained,
    /// The connection takes nothing more.
    Broken(Error),
}

/// A connection with the queue of what is to be written to it.
pub(super) struct Wire<S> {
    stream: WebSocketStream<S>,
    queued: mpsc::Receiver<Message>,
    /// Something was given to the connection that may still be in its buffer.
    flushing: bool,
    /// The last messages were given to it: the queue is of no interest any more.
    finished: bool,
    /// Reading goes first every other time, so that a flood from the vendor cannot keep us from writing.
    read_first: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: WebSocketStream<S>, queued: mpsc::Receiver<Message>) -> Self {
        Self { stream, queued, flushing: false, finished: false, read_first: false }
    }

    /// What happens next. Cancellation safe.
    pub(super) async fn step(&mut self) -> Step {
        std::future::poll_fn(|cx| self.poll_step(cx)).await
    }

    /// What comes next. Cancellation safe.
    pub(super) async fn read(&mut self) -> Option<Result<Message, Error>> {
        self.stream.next().await
    }

    /// Whether the connection has not taken yet what was given to it.
    pub(super) fn is_stuck(&self) -> bool {
        self.flushing
    }

    /// Gives a message to the connection, before what is queued.
    pub(super) fn put(&mut self, message: Message) -> Result<(), Error> {
        self.flushing = true;
        Pin::new(&mut self.stream).start_send(message)
    }

    /// Gives the last texts and a close to the connection. Nothing is taken from the queue after it.
    pub(super) fn finish(&mut self, farewell: Vec<String>) -> Result<(), Error> {
        self.finished = true;
        farewell.into_iter().try_for_each(|text| self.put(Message::text(text)))?;
        self.put(Message::Close(None))
    }

    /// Whoever would queue more is told that it is over.
    pub(super) fn refuse_more(&mut self) {
        self.queued.close();
    }

    /// Sends a close, or the answer to the vendor's, as far as the connection takes it.
    pub(super) async fn close(&mut self) -> Result<(), Error> {
        SinkExt::close(&mut self.stream).await
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        self.read_first = !self.read_first;
        let (first, second) = if self.read_first {
            (Self::poll_read as Way<S>, Self::poll_write as Way<S>)
        } else {
            (Self::poll_write as Way<S>, Self::poll_read as Way<S>)
        };
        match first(self, cx) {
            Poll::Pending => second(self, cx),
            step => step,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        Pin::new(&mut self.stream).poll_next(cx).map(Step::Read)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.flushing {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Step::Broken(error)),
                Poll::Ready(Ok(())) => self.flushing = false,
            }
        }
        if self.finished { Poll::Pending } else { self.poll_take(cx) }
    }

    /// Takes what is queued as long as the connection has room for it.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            let room = Pin::new(&mut self.stream).poll_ready(cx);
            let message = match room {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Step::Broken(error)),
                Poll::Ready(Ok(())) => self.queued.poll_recv(cx),
            };
            match message {
                Poll::Ready(Some(message)) => {
                    if let Err(error) = self.put(message) {
                        return Poll::Ready(Step::Broken(error));
                    }
                }
                _ if self.flushing => return Poll::Ready(Step::Wrote),
                Poll::Ready(None) => return Poll::Ready(Step::Drained),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

type Way<S> = fn(&mut Wire<S>, &mut Context<'_>) -> Poll<Step>;

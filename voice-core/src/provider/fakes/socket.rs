//! A WebSocket as a service uses it, with the faults between.
//!
//! Invariant: messages leave in the order they were given, except where a fault says otherwise; a held-back message
//! holds back all after it. Reading goes on meanwhile.

use super::clock::after;
use super::faults::{Fault, Moment};
use super::visit::{ErrorScript, Visit};
use bytes::Bytes;
use futures::{Sink, SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

/// The largest message a client may send: a minute of 16 kHz audio and more.
const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// How long the client may take to answer a close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// Frames of a fragmented message hold so many bytes.
const FRAGMENT_BYTES: usize = 7;

type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// What a client sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Received {
    Text(String),
    Binary(Bytes),
    Ping,
}

/// What waits to be sent.
#[derive(Debug)]
enum Outgoing {
    Message(Message),
    /// Pieces of one message, in separate frames.
    Frames(Vec<Frame>),
    Close(Option<CloseFrame>),
    Reset,
    Stall,
}

/// An open WebSocket of a fake.
pub(super) struct FakeSocket {
    stream: Stream,
    visit: Visit,
    error: ErrorScript,
    /// With the instant before which each may not leave, if there is one: a timer would take a millisecond at least.
    outbox: VecDeque<(Option<Instant>, Outgoing)>,
    /// A message that a fault puts after the next one.
    swapped: Option<Message>,
    needs_flush: bool,
    is_over: bool,
    /// [`Fault::ErrorMessage`] has struck a service that words its error itself.
    must_err: bool,
}

impl FakeSocket {
    pub(super) async fn new(io: Upgraded, visit: Visit, error: ErrorScript) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let stream = WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, Some(config)).await;
        let (outbox, swapped) = (VecDeque::new(), None);
        let mut socket =
            Self { stream, visit, error, outbox, swapped, needs_flush: false, is_over: false, must_err: false };
        socket.strike_between();
        socket
    }

    pub(super) fn visit(&self) -> &Visit {
        &self.visit
    }

    pub(super) fn visit_mut(&mut self) -> &mut Visit {
        &mut self.visit
    }

    /// Puts a text message behind those that wait. It leaves while [`Self::next`] or [`Self::flush`] is awaited.
    pub(super) fn send(&mut self, text: impl Into<String>) {
        self.send_later(Duration::ZERO, text);
    }

    /// The same, but not before `delay` has passed; all after it waits for it.
    pub(super) fn send_later(&mut self, delay: Duration, text: impl Into<String>) {
        self.send_message(Message::text(text.into()), delay);
    }

    /// How many messages wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// Whether [`Fault::ErrorMessage`] has struck since the last time; only for a service without an [`ErrorScript`].
    pub(super) fn take_error(&mut self) -> bool {
        std::mem::take(&mut self.must_err)
    }

    /// The next message of the client, while everything that is due is sent. `None` once the socket is over, whoever
    /// ended it. Cancellation safe.
    pub(super) async fn next(&mut self) -> Option<Received> {
        while !self.is_over {
            let due = self.outbox.front().map(|(due, _)| *due);
            let step = tokio::select! {
                biased;
                () = until(due) => self.send_due().await,
                message = Self::receive(&mut self.stream, &mut self.needs_flush) => match message {
                    Some(Message::Text(text)) => return Some(Received::Text(text.as_str().to_owned())),
                    Some(Message::Binary(bytes)) => return Some(Received::Binary(bytes)),
                    Some(Message::Ping(_)) => return Some(Received::Ping),
                    Some(Message::Pong(_) | Message::Frame(_)) => Some(()),
                    Some(Message::Close(_)) => {
                        // The answer to the close leaves; if not, the far end sees the connection end.
                        let _ = self.stream.flush().await;
                        None
                    }
                    None => None,
                },
            };
            self.is_over |= step.is_none();
        }
        None
    }

    /// The next message, while what was started to be sent is flushed.
    async fn receive(stream: &mut Stream, needs_flush: &mut bool) -> Option<Message> {
        poll_fn(|cx| {
            if *needs_flush && let Poll::Ready(flushed) = Pin::new(&mut *stream).poll_flush(cx) {
                *needs_flush = false;
                if flushed.is_err() {
                    return Poll::Ready(None);
                }
            }
            stream.poll_next_unpin(cx).map(|message| message?.ok())
        })
        .await
    }

    /// Sends everything that waits, held-back messages included.
    pub(super) async fn flush(&mut self) {
        while let Some((due, _)) = self.outbox.front() {
            if self.is_over {
                return;
            }
            until(Some(*due)).await;
            if self.send_due().await.is_none() {
                self.is_over = true;
            }
        }
        if self.stream.flush().await.is_err() {
            self.is_over = true;
        }
    }

    /// Closes with `code`, or with a close frame that has no body, behind everything that waits.
    pub(super) async fn close(mut self, code: Option<u16>, reason: &str) {
        self.put(Outgoing::Close(code.map(|code| close_frame(code, reason))));
        self.flush().await;
    }

    fn send_message(&mut self, message: Message, mut delay: Duration) {
        if self.visit.never_greets {
            self.visit.never_greets = false;
            return;
        }
        let (mut fragments, mut cut, mut swap) = (false, false, false);
        for fault in self.visit.due(Moment::Message) {
            match fault {
                Fault::Fragment => fragments = true,
                Fault::CutUtf8 => cut = true,
                Fault::OutOfOrder => swap = true,
                Fault::Delay { ms } => delay += Duration::from_millis(ms),
                _ => {}
            }
        }
        if swap && self.swapped.is_none() {
            self.swapped = Some(message);
            return;
        }
        let outgoing = if fragments || cut { fragmented(message, cut) } else { Outgoing::Message(message) };
        self.put_after(delay, outgoing);
        self.sent();
        if let Some(swapped) = self.swapped.take() {
            self.put(Outgoing::Message(swapped));
            self.sent();
        }
    }

    fn sent(&mut self) {
        self.visit.strikes.note_sent();
        self.strike_between();
    }

    fn strike_between(&mut self) {
        for fault in self.visit.due(Moment::Between) {
            match fault {
                Fault::SplitWrites { bytes } => self.visit.wire.split(bytes.max(1)),
                Fault::Close { code, reason } => {
                    self.put(Outgoing::Close(code.map(|code| close_frame(code, &reason))));
                }
                Fault::Reset => self.put(Outgoing::Reset),
                Fault::Stall => self.put(Outgoing::Stall),
                Fault::ErrorMessage => self.put_error(),
                Fault::Malformed => self.put(Outgoing::Message(Message::text("{\"type\":"))),
                Fault::UnknownType => {
                    let text = r#"{"type":"Unheard","event":"unheard","channel":7,"data":{"of":[null]}}"#;
                    self.put(Outgoing::Message(Message::text(text)));
                }
                _ => {}
            }
        }
    }

    fn put_error(&mut self) {
        let ErrorScript { messages, close } = self.error.clone();
        self.must_err = messages.is_empty();
        for text in messages {
            self.put(Outgoing::Message(Message::text(text)));
        }
        if let Some(code) = close {
            self.put(Outgoing::Close(code.map(|code| close_frame(code, ""))));
        }
    }

    fn put(&mut self, outgoing: Outgoing) {
        self.put_after(Duration::ZERO, outgoing);
    }

    fn put_after(&mut self, delay: Duration, outgoing: Outgoing) {
        let due = (!delay.is_zero()).then(|| after(delay));
        let held_back = self.outbox.back().and_then(|(due, _)| *due);
        self.outbox.push_back((held_back.max(due), outgoing));
    }

    /// Sends the first message that waits. `None` if the connection is gone.
    async fn send_due(&mut self) -> Option<()> {
        poll_fn(|cx| Pin::new(&mut self.stream).poll_ready(cx)).await.ok()?;
        // From here to the flush nothing waits: a future dropped while it flushes has lost nothing.
        match self.outbox.pop_front()?.1 {
            Outgoing::Message(message) => self.start(message)?,
            Outgoing::Frames(frames) => {
                for frame in frames {
                    self.start(Message::Frame(frame))?;
                }
            }
            Outgoing::Close(frame) => return self.say_goodbye(frame).await,
            Outgoing::Reset => {
                self.flush_soon().await;
                self.visit.wire.reset();
                return None;
            }
            Outgoing::Stall => {
                self.flush_soon().await;
                self.visit.wire.stall();
            }
        }
        Some(())
    }

    /// What was sent before the connection breaks leaves, if the client reads it.
    async fn flush_soon(&mut self) {
        let _ = timeout(CLOSE_DEADLINE, self.stream.flush()).await;
    }

    fn start(&mut self, message: Message) -> Option<()> {
        self.needs_flush = true;
        Pin::new(&mut self.stream).start_send(message).ok()
    }

    /// Sends a close frame and reads on until the client has answered it.
    async fn say_goodbye(&mut self, frame: Option<CloseFrame>) -> Option<()> {
        self.is_over = true;
        self.stream.close(frame).await.ok()?;
        let answered = async { while let Some(Ok(_)) = self.stream.next().await {} };
        // A client that does not answer finds the connection ended.
        let _ = timeout(CLOSE_DEADLINE, answered).await;
        Some(())
    }
}

/// Waits until the message at the front may leave; for ever if there is none.
async fn until(front: Option<Option<Instant>>) {
    match front {
        Some(Some(due)) => sleep_until(due).await,
        Some(None) => {}
        None => pending().await,
    }
}

fn close_frame(code: u16, reason: &str) -> CloseFrame {
    CloseFrame { code: CloseCode::from(code), reason: reason.to_owned().into() }
}

/// One message in several frames. With `cut` there are two of them, and the first character of several bytes is in both.
fn fragmented(message: Message, cut: bool) -> Outgoing {
    let is_text = message.is_text();
    let bytes = message.into_data();
    let opcode = OpCode::Data(if is_text { Data::Text } else { Data::Binary });
    let inside = bytes.iter().position(|byte| !byte.is_ascii()).map(|lead| lead + 1);
    let pieces = match inside {
        Some(at) if cut => vec![bytes.slice(..at), bytes.slice(at..)],
        _ => (0..bytes.len())
            .step_by(FRAGMENT_BYTES)
            .map(|at| bytes.slice(at..bytes.len().min(at + FRAGMENT_BYTES)))
            .collect(),
    };
    let last = pieces.len().saturating_sub(1);
    let frames = pieces.into_iter().enumerate().map(|(index, piece)| {
        let opcode = if index == 0 { opcode } else { OpCode::Data(Data::Continue) };
        Frame::message(piece, opcode, index == last)
    });
    Outgoing::Frames(frames.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_hold_the_message_and_only_the_last_is_final() {
        let text = r#"{"transcript":"grün"}"#;
        for cut in [false, true] {
            let Outgoing::Frames(frames) = fragmented(Message::text(text), cut) else { panic!("frames") };
            let all: Vec<u8> = frames.iter().flat_map(|frame| frame.payload().to_vec()).collect();
            assert_eq!(all, text.as_bytes());
            let finals: Vec<bool> = frames.iter().map(|frame| frame.header().is_final).collect();
            assert_eq!(finals.iter().filter(|is_final| **is_final).count(), 1);
            assert_eq!(finals.last(), Some(&true));
            assert_eq!(cut, frames.len() == 2);
        }
    }
}

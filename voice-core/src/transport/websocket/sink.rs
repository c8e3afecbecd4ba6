//! The agent's half: a bounded queue, written as the socket takes it.

use super::codec::Encoder;
use super::wire::{WebSocketLimits, WireMessage, WireReceiver};
use crate::audio::Frame;
use crate::transport::cleared::ClearedReplies;
use crate::transport::line::{LineControl, LineError, LineSink};
use crate::transport::native::ServerMessage;
use crate::units::ReplyId;
use futures::Sink;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub(super) struct WebSocketSink<W> {
    socket: W,
    encoder: Encoder,
    queue: VecDeque<Queued>,
    queued_audio: usize,
    cleared: ClearedReplies,
    messages: WireReceiver,
    limits: WebSocketLimits,
    flushed: bool,
    failed: Option<LineError>,
}

/// Audio is encoded when it is written: what is cleared costs nothing.
#[expect(clippy::large_enum_variant, reason = "a frame is inline: boxed, each would be an allocation")]
enum Queued {
    Audio { reply: ReplyId, frame: Frame },
    Control(LineControl),
}

/// What the next step of writing found.
enum Step {
    Wrote,
    /// Nothing to write for now.
    Idle,
    /// Nothing to write, and the embedding program sends nothing any more.
    Finished,
}

impl<W> WebSocketSink<W> {
    pub(super) fn new(socket: W, encoder: Encoder, messages: WireReceiver, limits: WebSocketLimits) -> Self {
        Self {
            socket,
            encoder,
            queue: VecDeque::new(),
            queued_audio: 0,
            cleared: ClearedReplies::default(),
            messages,
            limits,
            flushed: true,
            failed: None,
        }
    }

    fn drop_audio_of(&mut self, dropped: ReplyId) {
        self.queue.retain(|queued| !matches!(queued, Queued::Audio { reply, .. } if *reply == dropped));
        self.queued_audio = self.queue.iter().filter(|queued| matches!(queued, Queued::Audio { .. })).count();
    }

    /// What is written of a control now: an end waits for what the encoder still has of the reply.
    fn control(&mut self, control: LineControl) -> WireMessage {
        if let LineControl::End { reply, .. } = control
            && !self.cleared.contains(reply)
            && let Some(rest) = self.encoder.rest(reply)
        {
            self.queue.push_front(Queued::Control(control));
            return WireMessage::Binary(rest);
        }
        text(&control_message(control))
    }

    /// The next message: the session's before the embedding program's.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<WireMessage>> {
        match self.queue.pop_front() {
            Some(Queued::Audio { reply, frame }) => {
                self.queued_audio -= 1;
                Poll::Ready(Some(WireMessage::Binary(self.encoder.encode(reply, &frame))))
            }
            Some(Queued::Control(control)) => Poll::Ready(Some(self.control(control))),
            None => self.messages.poll_recv(cx).map(|message| message.map(|message| text(&message))),
        }
    }
}

impl<W, E> WebSocketSink<W>
where
    W: Sink<WireMessage, Error = E> + Unpin,
    E: fmt::Display,
{
    /// Writes one message. What was written before is flushed first, so that the socket never holds more than one:
    /// the rest can still be dropped by a clear.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, E>> {
        let mut socket = Pin::new(&mut self.socket);
        if !self.flushed {
            ready!(socket.as_mut().poll_flush(cx))?;
            self.flushed = true;
        }
        ready!(socket.poll_ready(cx))?;
        let message = match self.poll_message(cx) {
            Poll::Ready(Some(message)) => message,
            Poll::Ready(None) => return Poll::Ready(Ok(Step::Finished)),
            Poll::Pending => return Poll::Ready(Ok(Step::Idle)),
        };
        self.flushed = false;
        Pin::new(&mut self.socket).start_send(message)?;
        Poll::Ready(Ok(Step::Wrote))
    }

    fn fail(&mut self, error: &E) -> LineError {
        let error = LineError::Lost(error.to_string());
        self.queue.clear();
        self.queued_audio = 0;
        self.failed = Some(error.clone());
        error
    }
}

impl<W, E> LineSink for WebSocketSink<W>
where
    W: Sink<WireMessage, Error = E> + Send + Unpin,
    E: fmt::Display,
{
    fn send_audio(&mut self, reply: ReplyId, frame: &Frame) -> Result<(), LineError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.cleared.contains(reply) {
            return Ok(());
        }
        if self.queued_audio >= self.limits.queued_frames {
            return Err(LineError::Full);
        }
        self.queued_audio += 1;
        self.queue.push_back(Queued::Audio { reply, frame: frame.clone() });
        Ok(())
    }

    fn send_control(&mut self, control: LineControl) -> Result<(), LineError> {
        if let LineControl::Clear { reply } = control {
            self.cleared.insert(reply);
            self.drop_audio_of(reply);
        }
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.queue.len() - self.queued_audio >= self.limits.queued_messages {
            return Err(LineError::Full);
        }
        self.queue.push_back(Queued::Control(control));
        Ok(())
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<LineError> {
        if let Some(error) = &self.failed {
            return Poll::Ready(error.clone());
        }
        loop {
            match ready!(self.poll_step(cx)) {
                Ok(Step::Wrote) => {}
                Ok(Step::Idle | Step::Finished) => return Poll::Pending,
                Err(error) => return Poll::Ready(self.fail(&error)),
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.failed.is_none() {
            match ready!(self.poll_step(cx)) {
                Ok(Step::Wrote) => {}
                Ok(Step::Idle) => return Poll::Pending,
                Ok(Step::Finished) => return Pin::new(&mut self.socket).poll_close(cx).map(|_| ()),
                Err(error) => drop(self.fail(&error)),
            }
        }
        Poll::Ready(())
    }
}

fn control_message(control: LineControl) -> ServerMessage {
    match control {
        LineControl::Pause { reply, sent_samples } => ServerMessage::Pause { reply: reply.0, sent_samples },
        LineControl::Resume { reply } => ServerMessage::Resume { reply: reply.0 },
        LineControl::Clear { reply } => ServerMessage::Clear { reply: reply.0 },
        LineControl::End { reply, total_samples } => ServerMessage::AudioEnd { reply: reply.0, total_samples },
    }
}

fn text(message: &ServerMessage) -> WireMessage {
    // Plain values always serialise; were one not to, an empty object is an unknown message and harms nobody.
    WireMessage::Text(serde_json::to_string(message).unwrap_or_else(|_| "{}".into()))
}

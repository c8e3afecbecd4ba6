//! A line over a WebSocket that speaks the native protocol.
//!
//! Invariant: runs in the task that polls it and starts none. The source decodes on demand; the sink is a bounded
//! queue, and audio of a cleared reply leaves it before it is written: no sample of a reply follows its `clear`. What
//! the client got wrong is answered here, without the session's help. It knows no particular WebSocket library: any
//! `Sink` and `Stream` of [`WireMessage`] will do.

mod codec;
#[cfg(feature = "opus")]
mod opus;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod texts;
mod wire;

pub use wire::{WebSocketLimits, WireMessage, WireSendError, WireSender, WireTokens};

use super::line::{BoxLineSource, Line, LineInfo, LineSink, PlayedReports, Rebuffer};
use super::native::{AudioFormat, AuthToken, FormatError};
use codec::{Decoder, Encoder};
use futures::{Sink, Stream, StreamExt};
use sink::WebSocketSink;
use source::WebSocketSource;
use std::fmt;
use tokio::sync::mpsc;
use wire::WireReceiver;

/// A line over a WebSocket whose handshake is done: `hello` was read and `ready` was written.
pub struct WebSocketLine<S> {
    socket: S,
    info: LineInfo,
    limits: WebSocketLimits,
    decoder: Decoder,
    encoder: Encoder,
    messages: WireReceiver,
    tokens: Option<mpsc::Sender<AuthToken>>,
}

impl<S> fmt::Debug for WebSocketLine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketLine").field("info", &self.info).finish_non_exhaustive()
    }
}

impl<S, E> WebSocketLine<S>
where
    S: Sink<WireMessage, Error = E> + Stream<Item = Result<WireMessage, E>> + Send + Unpin + 'static,
    E: fmt::Display + Send + 'static,
{
    /// A line over `socket` in the agreed format, and a sender for the embedding program's own messages to the client.
    ///
    /// # Errors
    /// [`FormatError`] if the format is not spoken here.
    pub fn new(
        socket: S,
        format: AudioFormat,
        played: PlayedReports,
        limits: WebSocketLimits,
    ) -> Result<(Self, WireSender), FormatError> {
        let rate = format.line_rate()?;
        let (decoder, encoder) = (Decoder::new(format.encoding, rate)?, Encoder::new(format.encoding, rate)?);
        let (sender, messages) = wire::channel(limits.queued_messages);
        let info = LineInfo { rate, rebuffer: Rebuffer::PauseAndClear, played };
        Ok((Self { socket, info, limits, decoder, encoder, messages, tokens: None }, sender))
    }

    /// Takes the tokens that the client sends during the call; without this, one is answered with an error.
    pub fn tokens(&mut self) -> WireTokens {
        let (sender, tokens) = wire::tokens();
        self.tokens = Some(sender);
        tokens
    }
}

impl<S, E> Line for WebSocketLine<S>
where
    S: Sink<WireMessage, Error = E> + Stream<Item = Result<WireMessage, E>> + Send + Unpin + 'static,
    E: fmt::Display + Send + 'static,
{
    fn info(&self) -> LineInfo {
        self.info
    }

    fn split(self: Box<Self>) -> (BoxLineSource, Box<dyn LineSink>) {
        let (write, read) = self.socket.split();
        let answers = self.messages.answers();
        let source = WebSocketSource::new(read, self.decoder, self.info, (answers, self.tokens), self.limits);
        (Box::pin(source), Box::new(WebSocketSink::new(write, self.encoder, self.messages, self.limits)))
    }
}

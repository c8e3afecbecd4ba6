//! The line of a call: over one socket, or over as many as it takes.

use super::handshake::Agreed;
use super::resume::{Held, Lasting, LastingSocket, Registration, Renewed, with_presence};
use super::socket::CallSocket;
use futures::{Sink, Stream};
use std::fmt::Display;
use tokio::sync::watch;
use voice_core::transport::native::FormatError;
use voice_core::transport::{Line, WebSocketLimits, WebSocketLine, WireMessage, WireSender, WireTokens};

/// A line, and what else comes and goes over its socket.
pub(super) struct OpenLine {
    pub(super) line: Box<dyn Line>,
    pub(super) sender: WireSender,
    pub(super) tokens: WireTokens,
    /// What is shown to take the call up again.
    pub(super) renewals: Option<watch::Receiver<Renewed>>,
    /// The call can be taken up again as long as this is kept.
    pub(super) place: Option<Held>,
}

/// A line over `socket`; with a place among the resumables, also over those that follow it.
pub(super) fn open(
    socket: CallSocket,
    agreed: &Agreed,
    registration: Option<Registration>,
    limits: WebSocketLimits,
) -> Result<OpenLine, FormatError> {
    let Some(registration) = registration else { return over(socket, agreed, limits) };
    let Lasting { socket, presence, renewals, place } = LastingSocket::over(socket, registration);
    let open = over(socket, agreed, limits)?;
    let line = with_presence(open.line, presence);
    Ok(OpenLine { line, renewals: Some(renewals), place: Some(place), ..open })
}

fn over<S, E>(socket: S, agreed: &Agreed, limits: WebSocketLimits) -> Result<OpenLine, FormatError>
where
    S: Sink<WireMessage, Error = E> + Stream<Item = Result<WireMessage, E>> + Send + Unpin + 'static,
    E: Display + Send + 'static,
{
    let (mut line, sender) = WebSocketLine::new(socket, agreed.format, agreed.played, limits)?;
    let tokens = line.tokens();
    Ok(OpenLine { line: Box::new(line), sender, tokens, renewals: None, place: None })
}

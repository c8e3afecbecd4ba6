//! The first message of a client that showed nothing with its request: `auth`, and whether it may stay.
//!
//! Invariant: bounded in time and size; no audio is taken before it, and nothing is answered but a refusal.

use super::entrance::{Newcomer, Pass};
use crate::auth::{AuthError, Refused};
use crate::server::Server;
use futures::{Sink, SinkExt, Stream, StreamExt};
use std::time::Duration;
use tokio::time::timeout;
use voice_core::transport::WireMessage;
use voice_core::transport::native::{AuthToken, ClientMessage, MAX_TOKEN_BYTES, ServerMessage, decode_client};

/// A token and what is around it.
const MAX_MESSAGE_BYTES: usize = MAX_TOKEN_BYTES + 256;

/// How long a refused client has to read why.
const REFUSAL: Duration = Duration::from_secs(1);

/// Waits for `auth`, which is not answered if all is well.
///
/// # Errors
/// Why there will be no call. The client has not been told yet.
pub(super) async fn introduce<S, E>(server: &Server, socket: &mut S, newcomer: Newcomer) -> Result<Pass, Refused>
where
    S: Stream<Item = Result<WireMessage, E>> + Unpin,
{
    let first = timeout(server.limits.handshake(), socket.next()).await;
    let token = token(first.map_err(|_| Refused::Auth(AuthError::Missing))?)?;
    newcomer.pass(server, token.expose()).await
}

fn token<E>(first: Option<Result<WireMessage, E>>) -> Result<AuthToken, Refused> {
    match first {
        Some(Ok(WireMessage::Text(text))) if text.len() > MAX_MESSAGE_BYTES => Err(Refused::Auth(AuthError::TooLong)),
        Some(Ok(WireMessage::Text(text))) => match decode_client(&text) {
            Ok(ClientMessage::Auth { token }) => Ok(token),
            _ => Err(Refused::Auth(AuthError::Missing)),
        },
        _ => Err(Refused::Auth(AuthError::Missing)),
    }
}

/// Tells the client why, and closes; whoever does not read it does without.
pub(super) async fn send_away<S, E>(socket: &mut S, why: Refused)
where
    S: Sink<WireMessage, Error = E> + Unpin,
{
    let told = async {
        let error = ServerMessage::Error { code: why.code(), message: why.to_string() };
        let bye = ServerMessage::Bye { reason: why.bye().0.into() };
        for message in [error, bye] {
            let text = serde_json::to_string(&message).unwrap_or_default();
            socket.send(WireMessage::Text(text)).await?;
        }
        socket.close().await
    };
    let _ = timeout(REFUSAL, told).await;
}

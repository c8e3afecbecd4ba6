//! The first message of a client that showed nothing with its request: `auth`, and whether it may stay.
//!
//! Invariant: bounded in time and size; no audio is taken before it, and nothing is answered here.

use super::entrance::{Newcomer, Pass};
use crate::auth::{AuthError, Refused};
use crate::server::Server;
use futures::{Stream, StreamExt};
use tokio::time::timeout;
use voice_core::transport::WireMessage;
use voice_core::transport::native::{AuthToken, ClientMessage, MAX_TOKEN_BYTES, decode_client};

/// A token and what is around it.
const MAX_MESSAGE_BYTES: usize = MAX_TOKEN_BYTES + 256;

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

//! A client that is back: from its new socket to its call.

use super::super::handshake::{handshake, turn_away};
use super::super::socket::CallSocket;
use super::{Arrival, NotResumed, Returning};
use crate::server::Server;
use tracing::info;
use voice_core::transport::native::ErrorCode;

/// Hands `socket` to the call, once its client has said where it stands; or says why not, and closes it.
pub(in crate::call) async fn come_back(server: &Server, mut socket: CallSocket, returning: &Returning) {
    let hello = match handshake(&mut socket, server.limits.handshake()).await {
        Ok(hello) => hello,
        Err(error) => {
            info!(%error, "a call is not taken up again");
            return server.metrics.handshake_failed();
        }
    };
    let given = match returning.check(&hello) {
        Ok(received) => returning.give(Arrival { socket, received }).map_err(|back| (back.socket, NotResumed::Taken)),
        Err(why) => Err((socket, why)),
    };
    if let Err((mut socket, why)) = given {
        info!(error = %why, "a call is not taken up again");
        server.metrics.handshake_failed();
        turn_away(&mut socket, ErrorCode::Handshake, &why).await;
    }
}

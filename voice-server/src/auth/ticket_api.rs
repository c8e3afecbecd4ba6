//! `POST /v1/tickets`: a ticket for a token.

use super::caller::Caller;
use super::gate::Gate;
use super::refused::Refused;
use super::{origin, tickets};
use crate::problem;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A ticket that opens one call: `GET /v1/call?ticket=TICKET`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ticket {
    /// The ticket. It is of no use a second time, and on no other page than the one that asked for it.
    ticket: String,
    /// For how long it is good, in milliseconds.
    expires_in_ms: u64,
}

/// Makes a ticket for whoever sends a token: for browsers, which can send no header with a WebSocket.
#[utoipa::path(post, path = "/tickets", tag = "calls",
    responses((status = CREATED, description = "As it was made", body = Ticket), problem::Refused))]
pub(crate) async fn make_ticket(
    State(gate): State<Gate>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let ticket = gate.make_ticket(caller.identity(), origin::of(&headers))?;
    let expires_in_ms = tickets::LIFE.as_millis() as u64;
    Ok((StatusCode::CREATED, Json(Ticket { ticket, expires_in_ms })).into_response())
}

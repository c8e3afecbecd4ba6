//! One socket, one session: from the upgraded connection to the last message.
//!
//! Invariant: a call runs in a task of its own, so that a panic in it ends that call and no other. Nothing here decides
//! anything about the conversation.

mod authority;
mod entrance;
mod follow;
mod handshake;
mod introduction;
mod keep;
mod line;
pub(crate) mod names;
mod report;
mod resume;
mod socket;
mod timing;
mod transcript;

pub(crate) use entrance::{Entrance, enter};
pub(crate) use resume::Resumables;

use crate::admission::Refusal;
use crate::auth::UNAUTHORIZED;
use crate::principal::CallUuid;
use crate::server::Server;
use crate::store::Header;
use authority::Authority;
use axum::extract::ws::WebSocket;
use entrance::{Newcomer, Pass};
use follow::follow;
use handshake::{Agreed, HandshakeError, Resumable, handshake, turn_away, welcome};
use keep::{Answered, Keeper};
use line::OpenLine;
use resume::{Registration, come_back};
use socket::{CallSocket, CloseCode};
use std::sync::Arc;
use time::OffsetDateTime;
use tracing::{Instrument, error, info, info_span};
use voice_core::session::{CallRecord, Session, SessionHandle};
use voice_core::transport::native::ErrorCode;
use voice_core::transport::{Line, WebSocketLimits};
use voice_core::turn::EndReason;
use voice_core::units::CallId;

/// Holds a call on `socket` until it is over and everything is written; or gives the socket to the call that its client
/// takes up again.
pub(crate) async fn hold(server: Arc<Server>, socket: WebSocket, entrance: Entrance) {
    let mut socket = CallSocket::new(socket, server.limits.idle());
    let who = match entrance {
        Entrance::Returning(returning) => return come_back(&server, socket, &returning).await,
        Entrance::Pass(pass) => Ok(pass),
        Entrance::Stranger(newcomer) => Err(newcomer),
    };
    let call = CallUuid(uuid::Uuid::now_v7());
    let span = info_span!("call", id = %call);
    async {
        let pass = match who {
            Ok(pass) => Some(pass),
            Err(newcomer) => admit(&server, &mut socket, *newcomer).await,
        };
        if let Some(pass) = pass {
            converse(&server, socket, call, &pass).await;
        }
    }
    .instrument(span)
    .await;
}

/// The pass of a stranger who has said who they are; one without is sent away.
async fn admit(server: &Server, socket: &mut CallSocket, newcomer: Newcomer) -> Option<Box<Pass>> {
    match introduction::introduce(server, socket, newcomer).await {
        Ok(pass) => Some(Box::new(pass)),
        Err(why) => {
            info!(reason = why.label(), "call refused");
            server.metrics.call_refused(why.label());
            socket.close_code().set(why.close_code());
            turn_away(socket, why.code(), &why).await;
            None
        }
    }
}

async fn converse(server: &Server, mut socket: CallSocket, call: CallUuid, pass: &Pass) {
    let Some(Answer { agreed, answered, keeper, registration }) = answer(server, &mut socket, call, pass).await else {
        return;
    };
    let close_code = socket.close_code();
    let limits = WebSocketLimits { max_errors: server.limits.max_errors, ..WebSocketLimits::default() };
    let OpenLine { line, sender, tokens, renewals, place: _place } =
        match line::open(socket, &agreed, registration, limits) {
            Ok(open) => open,
            Err(error) => return error!(%error, "no line in a format that was agreed"),
        };
    let authority = Authority::new(server.gate.clone(), &pass.identity, server.limits.auth_grace());
    let own_sender = sender.clone();
    let run_out = async move { authority.run_out(tokens, renewals, &own_sender).await };
    let _active = server.metrics.call_started();
    info!(encoding = ?agreed.format.encoding, rate = agreed.format.rate, "call started");
    let line = recorded(server, line, pass, answered.header);
    let (mut session, handle, events) = Session::new(call_id(call), server.agent.clone(), line);
    if let Some(log) = server.persistence.as_ref().and_then(|kept| kept.turn_logs().of(answered.header)) {
        session.witness(Box::new(log));
    }
    let running = server.tasks.spawn(session.run().in_current_span());
    tokio::select! {
        () = follow(server, events, sender, keeper) => {}
        () = hang_up_at_shutdown(server, &handle) => {}
        () = hang_up_unauthorized(run_out, &handle, &close_code) => {}
    }
    match running.await {
        Ok(record) => log_end(&record),
        Err(error) => {
            error!(%error, "call broke off by a fault of the server");
            server.metrics.call_panicked();
        }
    }
}

/// A call that the client was told of.
struct Answer<'s> {
    agreed: Agreed,
    answered: Answered,
    keeper: Keeper<'s>,
    registration: Option<Registration>,
}

/// Agrees with the client on a call, and keeps that it was answered before the client is told.
async fn answer<'s>(server: &'s Server, socket: &mut CallSocket, call: CallUuid, pass: &Pass) -> Option<Answer<'s>> {
    let agreed = handshake(socket, server.limits.handshake()).await;
    let agreed = agreed.inspect_err(|error| refused(server, error)).ok()?;
    if agreed.resume.is_some() {
        turn_away(socket, ErrorCode::Handshake, &HandshakeError::NothingToResume).await;
        refused(server, &HandshakeError::NothingToResume);
        return None;
    }
    let answered = answered(server, call, pass, &agreed)?;
    let keeper = match Keeper::answer(server.persistence.as_ref(), answered, &server.prices).await {
        Ok(keeper) => keeper,
        Err(error) => {
            error!(%error, "call refused: it cannot be kept");
            server.metrics.call_refused(Refusal::NotKept.name());
            turn_away(socket, ErrorCode::Unavailable, &Refusal::NotKept).await;
            return None;
        }
    };
    let registration = resumable(server, pass, agreed);
    let offer = registration.as_ref().map(Registration::offer);
    match welcome(socket, &call_id(call), &agreed, offer, server.limits.handshake()).await {
        Ok(()) => Some(Answer { agreed, answered, keeper, registration }),
        Err(error) => {
            refused(server, &error);
            keeper.finish(None, names::end_reason(EndReason::LineLost)).await;
            None
        }
    }
}

/// A place among the calls that can be taken up again, where both sides can.
fn resumable(server: &Server, pass: &Pass, agreed: Agreed) -> Option<Registration> {
    match agreed.resumable {
        Resumable::Yes => server.resumables.register(&pass.identity, agreed, server.limits.resume()?),
        Resumable::No => None,
    }
}

fn answered(server: &Server, call: CallUuid, pass: &Pass, agreed: &Agreed) -> Option<Answered> {
    let principal = &pass.identity.standing.principal;
    let now = OffsetDateTime::now_utc();
    let started_at = server.persistence.as_ref().map_or(now, |persistence| persistence.begins(now));
    let header = Header { tenant: principal.tenant(), call, started_at };
    // The handshake has agreed on no other rate.
    Some(Answered { header, user: principal.user(), rate: agreed.format.line_rate().ok()? })
}

fn refused(server: &Server, error: &HandshakeError) {
    info!(%error, "call refused");
    server.metrics.handshake_failed();
}

fn recorded(server: &Server, line: Box<dyn Line>, pass: &Pass, header: Header) -> Box<dyn Line> {
    match &server.persistence {
        Some(persistence) if pass.identity.standing.records_calls => persistence.recordings().record(line, header),
        _ => line,
    }
}

fn call_id(call: CallUuid) -> CallId {
    CallId::new(call.to_string())
}

/// Never ready: the call then ends by itself, with its last words.
async fn hang_up_at_shutdown(server: &Server, handle: &SessionHandle) {
    server.end_calls.cancelled().await;
    // Either it takes the command or it is over already; a full queue holds a command to end as well as any.
    let _ = handle.hang_up(EndReason::Shutdown);
    std::future::pending().await
}

/// Never ready, as the one above.
async fn hang_up_unauthorized(run_out: impl Future<Output = ()>, handle: &SessionHandle, close_code: &CloseCode) {
    run_out.await;
    close_code.set(UNAUTHORIZED);
    let _ = handle.hang_up(EndReason::Unauthorized);
    std::future::pending().await
}

fn log_end(record: &CallRecord) {
    info!(
        reason = names::end_reason(record.reason),
        turns = record.turns.len(),
        received_samples = record.received_samples,
        sent_samples = record.sent_samples,
        "call ended"
    );
}

//! The log of a call's turn-taking.

use super::extract::Id;
use super::identity::User;
use super::state::ApiState;
use crate::persist::{TURN_LOG_MEDIA_TYPE, turn_log_key};
use crate::principal::CallUuid;
use crate::problem::{Missing, Problem, Refused};
use crate::store::Header;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use object_store::{Error, ObjectStoreExt};
use tracing::error;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read_turn_log))
}

/// What the call's turn machine was told and what it said, as JSON lines that `voice-server replay` runs again. There once
/// the call is over, unless the server keeps no such logs.
#[utoipa::path(get, path = "/calls/{id}/turn-log", tag = "calls", params(("id" = CallUuid, Path)),
    responses((status = OK, description = "The log", content_type = "application/jsonl", body = Vec<u8>), Refused, Missing))]
async fn read_turn_log(State(api): State<ApiState>, who: User, Id(call): Id<CallUuid>) -> Result<Response, Problem> {
    let found = api.store.call(&who, call).await?;
    let key = turn_log_key(&Header { tenant: who.tenant(), call, started_at: found.call.started_at });
    let held = who.hold()?;
    match api.recordings.get(&key).await {
        Ok(log) => Ok((headers(call), held.keep(Body::from_stream(log.into_stream()))).into_response()),
        Err(Error::NotFound { .. }) => Err(Problem::new(StatusCode::NOT_FOUND, "there is no such turn log")),
        Err(cause) => {
            error!(%call, %cause, "a turn log cannot be read");
            Err(Problem::unavailable("the turn logs cannot be reached now; try again later"))
        }
    }
}

fn headers(call: CallUuid) -> [(HeaderName, String); 2] {
    let name = format!("attachment; filename=\"call-{call}.turns.jsonl\"");
    [(header::CONTENT_TYPE, TURN_LOG_MEDIA_TYPE.to_owned()), (header::CONTENT_DISPOSITION, name)]
}

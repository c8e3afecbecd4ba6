//! Calls and what was said in them.

use super::answer::Answer;
use super::extract::{Id, Params};
use super::identity::User;
use super::instant;
use super::page::{List, page_request};
use super::state::ApiState;
use crate::principal::CallUuid;
use crate::problem::{Missing, Problem, Refused};
use crate::store::{CallDetail, CallFilter, CallStatus, CallSummary};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// The longest reason for which a call ends.
const MAX_REASON_BYTES: usize = 64;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_calls)).routes(routes!(read_call)).routes(routes!(read_conversation))
}

/// Which calls are wanted: those that all filters let through.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CallParams {
    /// Only those that are over, or that run.
    status: Option<CallStatus>,
    /// Only those answered at or after this (RFC 3339).
    #[serde(default, with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    /// Only those answered before this.
    #[serde(default, with = "time::serde::rfc3339::option")]
    to: Option<OffsetDateTime>,
    /// Only those for this lead.
    lead_id: Option<Uuid>,
    /// Only those that ended so: `caller_hung_up`.
    end_reason: Option<String>,
    /// The most items: 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl CallParams {
    fn filter(&self) -> Result<CallFilter, Problem> {
        Ok(CallFilter {
            status: self.status,
            from: instant::utc("from", self.from)?,
            to: instant::utc("to", self.to)?,
            lead_id: self.lead_id,
            end_reason: self.end_reason.as_deref().map(reason).transpose()?,
        })
    }
}

fn reason(text: &str) -> Result<String, Problem> {
    let is_reason = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if text.is_empty() || text.len() > MAX_REASON_BYTES || !text.bytes().all(is_reason) {
        let problem = "end_reason must be a word of at most 64 letters, as in caller_hung_up";
        return Err(Problem::new(StatusCode::BAD_REQUEST, problem));
    }
    Ok(text.to_owned())
}

/// Calls, newest first.
#[utoipa::path(get, path = "/calls", tag = "calls", params(CallParams),
    responses((status = OK, description = "A page of them", body = List<CallSummary>), Refused))]
async fn list_calls(
    State(api): State<ApiState>,
    who: User,
    Params(params): Params<CallParams>,
) -> Answer<List<CallSummary>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    Ok(Json(api.store.calls(&who, &params.filter()?, page).await?.into()))
}

/// A call with all that was said and where the time went.
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", params(("id" = CallUuid, Path)),
    responses((status = OK, description = "As it is now", body = CallDetail), Refused, Missing))]
async fn read_call(State(api): State<ApiState>, who: User, Id(call): Id<CallUuid>) -> Result<Response, Problem> {
    let found = api.store.call(&who, call).await?;
    who.give_json(&found)
}

/// The conversation as the model saw it: messages with `role` and `text`, tool calls included. Empty before the call ends.
#[utoipa::path(get, path = "/calls/{id}/conversation", tag = "calls", params(("id" = CallUuid, Path)),
    responses((status = OK, description = "As it is now", body = Vec<Object>), Refused, Missing))]
async fn read_conversation(
    State(api): State<ApiState>,
    who: User,
    Id(call): Id<CallUuid>,
) -> Result<Response, Problem> {
    let found = api.store.conversation(&who, call).await?;
    who.give_json(&found)
}

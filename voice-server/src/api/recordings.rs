//! Recordings: the list of them, and the audio itself.
//!
//! Invariant: audio is passed on as the object store gives it, a piece at a time and no faster than the client takes it; until
//! all of it is, the request has its place among those of the tenant.

mod audio;
mod range;

use super::answer::Answer;
use super::extract::{Id, Params};
use super::identity::User;
use super::page::{List, PageParams};
use super::state::ApiState;
use crate::principal::CallUuid;
use crate::problem::{Missing, Problem, ProblemDocument, Refused};
use crate::store::Recording;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use range::Wanted;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_recordings)).routes(routes!(read_recording))
}

/// Recordings, newest first.
#[utoipa::path(get, path = "/recordings", tag = "recordings", params(PageParams),
    responses((status = OK, description = "A page of them", body = List<Recording>), Refused))]
async fn list_recordings(
    State(api): State<ApiState>,
    who: User,
    Params(page): Params<PageParams>,
) -> Answer<List<Recording>> {
    Ok(Json(api.store.recordings(&who, page.request()?).await?.into()))
}

/// The audio of a call, the caller left and the agent right. Takes single byte ranges and `If-None-Match`; `HEAD` says
/// how long it is.
#[utoipa::path(get, path = "/calls/{id}/recording", tag = "recordings",
    params(("id" = CallUuid, Path), ("Range" = Option<String>, Header, description = "`bytes=0-1023`")),
    responses(
        (status = OK, description = "All of it", content_type = "audio/ogg", body = Vec<u8>),
        (status = PARTIAL_CONTENT, description = "The range", content_type = "audio/ogg", body = Vec<u8>),
        (status = NOT_MODIFIED, description = "The client has it"),
        (status = RANGE_NOT_SATISFIABLE, description = "The range begins after the end",
            body = ProblemDocument, content_type = "application/problem+json"),
        Refused, Missing))]
async fn read_recording(
    State(api): State<ApiState>,
    who: User,
    Id(call): Id<CallUuid>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let recording = api.store.recording(&who, call).await?;
    let size_bytes = u64::try_from(recording.size_bytes).unwrap_or(0);
    let tag = audio::tag(&recording);
    match range::wanted(&method, &headers, &tag, size_bytes) {
        Wanted::NotModified => Ok(audio::described(StatusCode::NOT_MODIFIED, &recording, Body::empty())),
        Wanted::Head => Ok(audio::whole(&recording, Body::empty())),
        Wanted::Whole => {
            let held = who.hold()?;
            let body = audio::open(&*api.recordings, &recording, None).await?;
            Ok(audio::whole(&recording, held.keep(body)))
        }
        Wanted::Part(part) => {
            let held = who.hold()?;
            let body = audio::open(&*api.recordings, &recording, Some(part.clone())).await?;
            Ok(audio::part(&recording, &part, held.keep(body)))
        }
        Wanted::BeyondTheEnd => Err(audio::beyond_the_end(size_bytes)),
    }
}

//! What was said in a call, to be read or shown beside its recording.
//!
//! Invariant: each turn of the caller is there once, in its last version, and of the agent only what was heard.

mod form;
mod lines;
mod render;

use super::extract::{Id, Params};
use super::identity::User;
use super::state::ApiState;
use crate::principal::CallUuid;
use crate::problem::{Missing, Problem, Refused};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use form::Form;
use lines::Transcript;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read_transcript))
}

/// In which form a transcript is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TranscriptParams {
    /// Overrules the `Accept` header; without either it is JSON.
    #[param(inline)]
    format: Option<Form>,
}

/// What was said in a call: as JSON, as plain text, or as WebVTT captions for the recording.
#[utoipa::path(get, path = "/calls/{id}/transcript", tag = "calls", params(("id" = CallUuid, Path), TranscriptParams),
    responses(
        (status = OK, description = "In the form that was asked for", content((Transcript = "application/json"), (String = "text/plain"), (String = "text/vtt"))),
        (status = NOT_ACCEPTABLE, description = "None of the accepted types is among these three",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        Refused, Missing))]
async fn read_transcript(
    State(api): State<ApiState>,
    who: User,
    Id(call): Id<CallUuid>,
    Params(params): Params<TranscriptParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = params.format.map_or_else(|| form::accepted(&headers), Ok)?;
    let transcript = Transcript::of(&api.store.call(&who, call).await?);
    let answer = match form {
        Form::Json => who.give_json(&transcript)?,
        Form::Text => {
            let text = who.give(render::text(&transcript))?;
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
        }
        Form::Vtt => {
            let captions = who.give(render::vtt(&transcript))?;
            ([(header::CONTENT_TYPE, "text/vtt; charset=utf-8")], captions).into_response()
        }
    };
    Ok(([(header::VARY, "Accept")], answer).into_response())
}

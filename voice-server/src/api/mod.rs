//! The REST API under `/v1`, described by the document at `/v1/openapi.json`.
//!
//! Invariant: a handler parses, asks the store once as the user that the token names, and answers. Which rows are whose
//! the store alone decides; whatever is refused is a [`crate::problem`] document.

mod admin_tenants;
mod admin_users;
mod answer;
mod bounds;
mod calls;
mod campaigns;
mod clients;
mod document;
mod extract;
mod figures;
mod guard;
mod identity;
mod instant;
mod leads;
mod me;
mod page;
mod recordings;
mod state;
mod transcript;
mod turn_log;

pub(crate) use guard::wrong_method;
pub(crate) use state::ApiState;

use crate::auth::ticket_api;
use axum::extract::DefaultBodyLimit;
use axum::{Extension, Router, middleware};
use document::{Document, Preface};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where the API is.
const PREFIX: &str = "/v1";

/// The longest body of a request.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The API, to be merged into a router with any state.
pub(crate) fn router<S>(api: ApiState) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let (routes, document) = resources().split_for_parts();
    let document = Document::of(Preface::openapi().nest(PREFIX, document));
    let cors = guard::cors(&api.allowed_origins);
    let routes = routes
        .fallback(guard::unknown_path)
        .method_not_allowed_fallback(guard::wrong_method)
        .layer(Extension(document))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(api.clone(), guard::counted))
        .layer(middleware::from_fn_with_state(api.clone(), guard::within_deadline))
        .layer(cors)
        .layer(middleware::from_fn(guard::sealed));
    Router::new().nest(PREFIX, routes).with_state(api)
}

/// Every route; a route that is not made with `routes!` is not in the document, and a test refuses it.
fn resources() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(me::routes())
        .merge(figures::routes())
        .merge(calls::routes())
        .merge(transcript::routes())
        .merge(recordings::routes())
        .merge(turn_log::routes())
        .merge(clients::routes())
        .merge(campaigns::routes())
        .merge(leads::routes())
        .merge(admin_tenants::routes())
        .merge(admin_users::routes())
        .routes(routes!(ticket_api::make_ticket))
        .merge(document::routes())
}

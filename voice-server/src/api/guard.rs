//! What every answer of the API has, whoever gives it.
//!
//! Invariant: a request is answered within the deadline, and no answer is kept by a cache or taken for another type.

use super::state::ApiState;
use crate::problem::{Because, Problem};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what other hosts' pages are allowed.
const PREFLIGHT_LIFE: Duration = Duration::from_secs(600);

/// Answers 503 for a handler that does not: a slow database is no reason to hang. What the handler began in the store
/// runs to its end there.
pub(crate) async fn within_deadline(State(api): State<ApiState>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(api.deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("this took too long; try again later").into_response(),
    }
}

/// Counts who was refused for lack of room.
pub(crate) async fn counted(State(api): State<ApiState>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(Because(reason)) = response.extensions().get() {
        api.gate.request_refused(reason);
    }
    response
}

/// Marks what is a tenant's as nobody else's.
pub(crate) async fn sealed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}

/// Where tickets are made, within the API.
const TICKETS: &str = "/tickets";

/// Which pages of other hosts may use the API: those that may place calls, none unless configured. Tokens are sent by the
/// page and not by the browser, so cookies are not let through. Any page may ask for a ticket: which pages it is good on the
/// tenant's own list says, and whose that is nobody knows before the token has come.
pub(crate) fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.to_vec();
    let is_listed = move |page: &HeaderValue| origins.iter().any(|origin| origin == "*" || page == origin);
    let allowed = AllowOrigin::predicate(move |page, request| request.uri.path() == TICKETS || is_listed(page));
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            header::IF_RANGE,
            header::IF_NONE_MATCH,
        ])
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_LIFE)
}

/// What a page of another host may read of an answer.
const EXPOSED: [HeaderName; 6] = [
    header::LOCATION,
    header::ETAG,
    header::CONTENT_RANGE,
    header::CONTENT_DISPOSITION,
    header::RETRY_AFTER,
    header::ACCEPT_RANGES,
];

/// No such path.
pub(crate) async fn unknown_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such path; GET /v1/openapi.json lists them")
}

/// The path is there, the method is not.
pub(crate) async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method; the header Allow says which")
}

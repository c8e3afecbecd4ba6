//! What is said over HTTP to whoever does not get what they asked for: problem documents (RFC 9457).
//!
//! Invariant: every refusal of the API is made here, and none tells more than its status and a sentence that is the same
//! for what does not exist and for what is another tenant's. What the database said is in the log only.

use crate::store::StoreError;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::borrow::Cow;
use tracing::{error, warn};
use utoipa::{IntoResponses, ToSchema};

/// The media type of a problem document.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// After how many seconds it is worth asking again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// A refusal on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    header: Option<(HeaderName, HeaderValue)>,
    because: Option<Because>,
}

/// Why a request was refused for lack of room, in one word: an extension of its answer, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Because(pub(crate) &'static str);

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// Always `about:blank`: the status says which kind it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong and what to do.
    detail: Cow<'static, str>,
}

/// What any request may be answered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is documentation")]
pub(crate) enum Refused {
    /// The path, the query or the body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Unreadable(ProblemDocument),
    /// There is no valid bearer token.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemDocument),
    /// The user's role or their tenant's state does not allow it.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDocument),
    /// The tenant asks too much at a time.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemDocument),
    /// The server is at fault.
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(ProblemDocument),
    /// The database is away or too slow; the same may work later.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// What a request for one thing may be answered besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is documentation")]
pub(crate) enum Missing {
    /// There is no such thing, or it is another tenant's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
}

/// What a request that changes something may be answered besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is documentation")]
pub(crate) enum Rejected {
    /// The rows forbid it: a duplicate, or a reference to nothing.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemDocument),
    /// The body is longer than 64 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLong(ProblemDocument),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(ProblemDocument),
    /// A field is missing, unknown, or out of its range.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemDocument),
}

impl Problem {
    /// `detail` says what is wrong and what to do.
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), header: None, because: None }
    }

    /// `detail` names the field.
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// The same may work later.
    pub(crate) fn unavailable(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
    }

    /// The cause is in the log already.
    pub(crate) fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server could not do this; its log says why")
    }

    /// With a header that the status asks for.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// With one word for a metric's label.
    pub(crate) fn because(mut self, reason: &'static str) -> Self {
        self.because = Some(Because(reason));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let mut response = (self.status, Json(document)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        if let Some(because) = self.because {
            response.extensions_mut().insert(because);
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            StoreError::Conflict { sentence } => Self::new(StatusCode::CONFLICT, sentence),
            StoreError::Forbidden { .. } => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            StoreError::Busy => Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
                .with(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
                .because("tenant_database"),
            StoreError::Unavailable(cause) => {
                warn!(%cause, "the database cannot be reached: a request is answered 503");
                Self::unavailable("the database cannot be reached now; try again later")
            }
            StoreError::Database(cause) => {
                error!(%cause, "the database refused a request of the API");
                Self::failed()
            }
        }
    }
}

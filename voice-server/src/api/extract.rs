//! What a handler takes from a request, with refusals that are problem documents.
//!
//! Invariant: what a handler is given was read whole, has no unknown field and is within its bounds.

use super::bounds::Bounded;
use crate::problem::Problem;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// The longest query.
const MAX_QUERY_BYTES: usize = 2 * 1024;

/// A body of JSON.
pub(crate) struct Body<T>(pub(crate) T);

/// The query.
pub(crate) struct Params<T>(pub(crate) T);

/// The id in the path.
pub(crate) struct Id<T>(pub(crate) T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Bounded,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(body) = Json::<T>::from_request(request, state).await.map_err(unreadable_body)?;
        body.check()?;
        Ok(Self(body))
    }
}

impl<S, T> FromRequestParts<S> for Params<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.len() > MAX_QUERY_BYTES) {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "the query is longer than 2 KiB"));
        }
        let Query(params) = Query::from_request_parts(parts, state).await.map_err(unreadable_query)?;
        Ok(Self(params))
    }
}

impl<S, T> FromRequestParts<S> for Id<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let unreadable = |_| Problem::new(StatusCode::BAD_REQUEST, "the id in the path is not a UUID");
        let Path(id) = Path::from_request_parts(parts, state).await.map_err(unreadable)?;
        Ok(Self(id))
    }
}

fn unreadable_body(rejection: JsonRejection) -> Problem {
    Problem::new(rejection.status(), rejection.body_text())
}

fn unreadable_query(rejection: QueryRejection) -> Problem {
    Problem::new(rejection.status(), rejection.body_text())
}

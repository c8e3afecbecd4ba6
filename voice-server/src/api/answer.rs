//! What handlers give back.

use crate::problem::Problem;
use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use std::fmt::Display;

/// A value as JSON.
pub(crate) type Answer<T> = Result<Json<T>, Problem>;

/// Something that was made: 201, where it is, and what it is.
pub(crate) type Made<T> = Result<(StatusCode, [(HeaderName, String); 1], Json<T>), Problem>;

/// Something that is gone: 204.
pub(crate) type Gone = Result<StatusCode, Problem>;

/// `collection` is the path under `/v1` of what it belongs to.
pub(crate) fn made<T>(collection: &str, id: impl Display, value: T) -> Made<T> {
    let location = format!("/v1/{collection}/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(value)))
}

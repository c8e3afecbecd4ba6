//! The answers that carry a recording.

use crate::problem::Problem;
use crate::store::Recording;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore};
use std::ops::Range;
use tracing::error;

/// What it is where the row's media type is none.
const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The entity tag: a recording never changes.
pub(super) fn tag(recording: &Recording) -> String {
    format!("\"{}\"", recording.id)
}

/// An answer with what every answer about a recording says.
pub(super) fn described(status: StatusCode, recording: &Recording, body: Body) -> Response {
    let name = format!("attachment; filename=\"call-{}.{}\"", recording.call_id, extension(&recording.media_type));
    let mut response =
        (status, [(header::CONTENT_DISPOSITION, name), (header::ETAG, tag(recording))], body).into_response();
    let media_type = HeaderValue::from_str(&recording.media_type).unwrap_or(UNKNOWN_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

/// All of it, or its head.
pub(super) fn whole(recording: &Recording, body: Body) -> Response {
    let mut response = described(StatusCode::OK, recording, body);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(recording.size_bytes));
    response
}

/// A part of it.
pub(super) fn part(recording: &Recording, part: &Range<u64>, body: Body) -> Response {
    let place = format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), recording.size_bytes);
    let mut response =
        ([(header::CONTENT_RANGE, place)], described(StatusCode::PARTIAL_CONTENT, recording, body)).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    response
}

/// The range has nothing in it.
pub(super) fn beyond_the_end(size_bytes: u64) -> Problem {
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "the range begins after the end of the recording");
    match HeaderValue::from_str(&format!("bytes */{size_bytes}")) {
        Ok(place) => problem.with(header::CONTENT_RANGE, place),
        Err(_) => problem,
    }
}

/// The audio, piece by piece as it is read.
///
/// # Errors
/// A problem if it is not there, or not as long as its row says: half a recording is not passed on as a whole one.
pub(super) async fn open(
    store: &dyn ObjectStore,
    recording: &Recording,
    part: Option<Range<u64>>,
) -> Result<Body, Problem> {
    let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
    let path = Path::parse(&recording.object_key).map_err(|cause| unreadable(recording, &cause.into()))?;
    let found = store.get_opts(&path, options).await.map_err(|cause| unreadable(recording, &cause))?;
    if i64::try_from(found.meta.size) != Ok(recording.size_bytes) {
        error!(recording = %recording.id, found_bytes = found.meta.size, "a recording is not as long as its row says");
        return Err(Problem::failed());
    }
    Ok(Body::from_stream(found.into_stream()))
}

fn unreadable(recording: &Recording, cause: &Error) -> Problem {
    error!(recording = %recording.id, %cause, "a recording cannot be read");
    match cause {
        // Retention takes the object first and the row after it.
        Error::NotFound { .. } => Problem::new(StatusCode::NOT_FOUND, "there is no such recording"),
        Error::InvalidPath { .. } => Problem::failed(),
        _ => Problem::unavailable("the recordings cannot be reached now; try again later"),
    }
}

fn extension(media_type: &str) -> &'static str {
    match media_type.split(';').next().map(str::trim) {
        Some("audio/ogg") => "ogg",
        Some("audio/wav") => "wav",
        _ => "bin",
    }
}

//! The user behind a request, for handlers: `caller: Caller` among the arguments, and the handler runs only for a user.

use super::error::AuthError;
use super::gate::{Gate, Identity};
use crate::principal::Principal;
use crate::store::Standing;
use axum::Json;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A user who sent a good token. Kept as long as the request is worked on.
#[derive(Debug)]
pub(crate) struct Caller {
    identity: Identity,
}

impl Caller {
    /// Who asks.
    pub(crate) fn principal(&self) -> &Principal {
        &self.identity.standing.principal
    }

    /// Who asks, with what belongs to them.
    pub(crate) fn standing(&self) -> &Standing {
        &self.identity.standing
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Gate: FromRef<S>,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let identity = Gate::from_ref(state).identify(bearer(&parts.headers)).await?;
        Ok(Self { identity })
    }
}

/// The token of `Authorization: Bearer TOKEN`, if there is exactly one such header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The same for every reason, so that nobody learns from it how far a forgery got.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let answer = |status: StatusCode, code: &str, message: &str| {
            (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
        };
        match self {
            Self::Suspended => answer(StatusCode::FORBIDDEN, "tenant_suspended", "this tenant is suspended"),
            Self::NoKeys | Self::NoStore => {
                let mut busy = answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "try again in a moment");
                busy.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
                busy
            }
            _ => {
                let message = "send a valid token as `Authorization: Bearer TOKEN`";
                let mut refused = answer(StatusCode::UNAUTHORIZED, "unauthorized", message);
                refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
                refused
            }
        }
    }
}

//! Who asks, as handlers take it.
//!
//! Invariant: every handler but that of the document has one of these among its arguments, before anything that reads a
//! body: who is nobody here learns nothing of what is wrong with their request.

use super::problem::Problem;
use super::state::ApiState;
use crate::auth::{self, AuthError};
use crate::principal::{Principal, Role};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

/// A user of an active tenant.
pub(crate) struct User(pub(crate) Principal);

/// A platform administrator. The store asks again.
pub(crate) struct Administrator(pub(crate) Principal);

impl FromRequestParts<ApiState> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let caller = auth::Caller::from_request_parts(parts, api).await?;
        Ok(Self(*caller.principal()))
    }
}

impl FromRequestParts<ApiState> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let User(who) = User::from_request_parts(parts, api).await?;
        match who.role() {
            Role::PlatformAdmin => Ok(Self(who)),
            Role::Member | Role::Admin => {
                Err(Problem::new(StatusCode::FORBIDDEN, "this is for platform administrators"))
            }
        }
    }
}

/// The same for every reason, so that nobody learns from it how far a forgery got.
impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Suspended => Self::new(StatusCode::FORBIDDEN, "this tenant is suspended"),
            AuthError::NoKeys | AuthError::NoStore => Self::unavailable("tokens cannot be judged now; try again later"),
            _ => Self::unauthenticated(),
        }
    }
}

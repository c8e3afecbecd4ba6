//! Who asks, as handlers take it.
//!
//! Invariant: there is no handler of a tenant's data without one of these among its arguments.

use super::problem::Problem;
use crate::principal::Principal;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// A user of an active tenant.
pub(crate) struct User(pub(crate) Principal);

/// A platform administrator. The store asks again.
pub(crate) struct Administrator(pub(crate) Principal);

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(_parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Err(Problem::unauthenticated())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let User(who) = User::from_request_parts(parts, state).await?;
        Ok(Self(who))
    }
}

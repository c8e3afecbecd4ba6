//! The user behind a request, for handlers: `caller: Caller` among the arguments, and the handler runs only for a user.

use super::gate::{Gate, Identity};
use super::refused::Refused;
use super::tenants::Place;
use crate::principal::Principal;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// A user of an active tenant who sent a good token. It has one of the places for the tenant's requests: a handler keeps it
/// as long as it works.
pub(crate) struct Caller {
    identity: Identity,
    place: Place,
}

/// The places of a request whose answer goes on as long as its client takes it.
pub(crate) struct Holding {
    // Given back first: whoever has the request's place back has this one too.
    _body: Place,
    _request: Place,
}

impl Caller {
    /// Who asks.
    pub(crate) fn principal(&self) -> &Principal {
        &self.identity.standing.principal
    }

    /// What a long answer keeps until it is over; refused where the tenant has as many of them as it may.
    pub(crate) fn hold(self) -> Result<Holding, Refused> {
        let body = self.place.body().map_err(|at_bound| Refused::Bodies { retry_after: at_bound.retry_after })?;
        Ok(Holding { _body: body, _request: self.place })
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Gate: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let gate = Gate::from_ref(state);
        let identity = gate.identify(bearer(&parts.headers)).await?;
        let place = gate.request(&identity)?;
        Ok(Self { identity, place })
    }
}

/// The token of `Authorization: Bearer TOKEN`, if there is exactly one such header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

//! Who asks, as handlers take it.
//!
//! Invariant: every handler but that of the document has one of these among its arguments, before anything that reads a
//! body: who is nobody here learns nothing of what is wrong with their request.

use super::state::ApiState;
use crate::auth::{Caller, Holding};
use crate::principal::{Principal, Role};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use serde::Serialize;
use std::ops::Deref;

/// A user of an active tenant. It holds the request's place among those of the tenant as long as it is kept.
pub(crate) struct User(Caller);

/// A platform administrator. The store asks again.
pub(crate) struct Administrator(User);

impl User {
    /// What the body of a long answer keeps. A download has it before its file is opened; an answer that is written here only once
    /// it is known to be long, when the database was asked already.
    ///
    /// # Errors
    /// 429 where such answers hold half of the tenant's places already: the other half stays for everything else.
    pub(crate) fn hold(self) -> Result<Held, Problem> {
        Ok(Held(self.0.hold()?))
    }

    /// The value as JSON, keeping the places where it is long.
    ///
    /// # Errors
    /// As of [`User::hold`].
    pub(crate) fn give_json(self, value: &impl Serialize) -> Result<Response, Problem> {
        let json = serde_json::to_vec(value).map_err(|_| Problem::failed())?;
        Ok(([(header::CONTENT_TYPE, "application/json")], self.give(json)?).into_response())
    }

    /// Likewise, what is written already, with its length and without a type.
    ///
    /// # Errors
    /// As of [`User::hold`].
    pub(crate) fn give(self, bytes: impl Into<Bytes>) -> Result<Response, Problem> {
        let bytes = bytes.into();
        let length = bytes.len();
        let body = Body::from(bytes);
        let body = if length > LONG_BYTES { self.hold()?.keep(body) } else { body };
        // A body that keeps places does not say by itself how long it is.
        Ok(([(header::CONTENT_LENGTH, length)], body).into_response())
    }
}

/// A longer answer is one that goes on as long as its client takes it: less fits into what systems buffer.
const LONG_BYTES: usize = 256 << 10;

/// The places of a request whose answer is long.
pub(crate) struct Held(Holding);

impl Held {
    /// The body, keeping the places until its client has all of it, or is gone.
    pub(crate) fn keep(self, body: Body) -> Body {
        Body::from_stream(body.into_data_stream().map(move |piece| {
            let _places = &self.0;
            piece
        }))
    }
}

impl Deref for User {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        self.0.principal()
    }
}

impl Deref for Administrator {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl FromRequestParts<ApiState> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        Ok(Self(Caller::from_request_parts(parts, api).await?))
    }
}

impl FromRequestParts<ApiState> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let user = User::from_request_parts(parts, api).await?;
        match user.role() {
            Role::PlatformAdmin => Ok(Self(user)),
            Role::Member | Role::Admin => {
                Err(Problem::new(StatusCode::FORBIDDEN, "this is for platform administrators"))
            }
        }
    }
}

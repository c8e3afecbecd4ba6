//! What is said to whoever does not get what they asked for: as an answer of HTTP, and as messages in an open socket.
//!
//! Invariant: all that is wrong with a token is answered alike, so that nobody learns how far a forgery got.

use super::error::AuthError;
use crate::admission;
use crate::problem::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use voice_core::transport::native::ErrorCode;

/// Why somebody does not get what they asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The token is in the address.
    #[error(
        "an address is no place for a token: send it as `Authorization: Bearer TOKEN`, or get a ticket with POST /v1/tickets and call /v1/call?ticket=TICKET; take the token for known to others"
    )]
    TokenInAddress,
    /// They are not let in. What is said does not depend on why.
    #[error("{}", said(*.0))]
    Auth(#[from] AuthError),
    /// The page may not call.
    #[error("pages of this origin may not call here: it is neither in limits.allowed_origins nor among the tenant's")]
    Origin,
    /// The tenant has as many calls as it may have.
    #[error("the tenant's plan allows {max} calls at a time, and they are all in use")]
    Calls {
        /// How many.
        max: u32,
    },
    /// The tenant has as many calls as one tenant may have of this server's.
    #[error("one tenant may have {max} calls at a time on this server, and they are all in use; try again later")]
    CallShare {
        /// How many.
        max: u32,
    },
    /// The tenant has talked as long as it may in a month.
    #[error("the tenant's plan allows {max} minutes of calls a month, and they are used up")]
    Minutes {
        /// How long.
        max: u32,
        /// When the next month begins.
        retry_after: Duration,
    },
    /// The tenant asks too much at a time.
    #[error("this tenant sends more requests than it may; wait a moment")]
    Requests {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The tenant takes too many long answers at a time.
    #[error("this tenant downloads as much at a time as it may; wait until a download is over")]
    Bodies {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The tenant has too many tickets that nobody used.
    #[error("too many tickets are out; use them, or wait until they are too old")]
    Tickets,
    /// There is no such call of theirs to be taken up.
    #[error("there is no call to be taken up: it is over, or waited too long")]
    CallGone,
    /// Too many have not said who they are.
    #[error("too many clients have not said yet who they are; send a token or a ticket with the request")]
    Strangers,
    /// The server takes no call now.
    #[error(transparent)]
    Server(#[from] admission::Refusal),
}

fn said(why: AuthError) -> &'static str {
    match why {
        AuthError::Suspended { .. } => "this tenant is suspended",
        AuthError::TooOften => "this user sends more requests than one may; wait a moment",
        AuthError::NoKeys | AuthError::NoStore => "who you are cannot be found out now; try again in a moment",
        _ => "this needs a valid bearer token",
    }
}

impl Refused {
    /// One word for a metric's label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::TokenInAddress => "token_in_address",
            Self::Auth(why) => match why.status() {
                StatusCode::UNAUTHORIZED => "unauthorized",
                _ => why.label(),
            },
            Self::Origin => "origin",
            Self::Calls { .. } => "tenant_calls",
            Self::CallShare { .. } => "tenant_call_share",
            Self::Minutes { .. } => "tenant_minutes",
            Self::Requests { .. } => "tenant_requests",
            Self::Bodies { .. } => "tenant_bodies",
            Self::Tickets => "tickets",
            Self::CallGone => "call_gone",
            Self::Strangers => "strangers",
            Self::Server(refusal) => refusal.name(),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::TokenInAddress => StatusCode::BAD_REQUEST,
            Self::Auth(why) => why.status(),
            Self::Origin => StatusCode::FORBIDDEN,
            Self::CallGone => StatusCode::GONE,
            Self::Calls { .. }
            | Self::CallShare { .. }
            | Self::Minutes { .. }
            | Self::Requests { .. }
            | Self::Bodies { .. }
            | Self::Tickets
            | Self::Strangers => StatusCode::TOO_MANY_REQUESTS,
            Self::Server(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Minutes { retry_after, .. } | Self::Requests { retry_after } | Self::Bodies { retry_after } => {
                Some(retry_after)
            }
            Self::Tickets => Some(super::tickets::LIFE),
            _ if self.status() == StatusCode::TOO_MANY_REQUESTS => Some(Duration::from_secs(1)),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// The code of the message that says so in an open socket.
    pub(crate) fn code(self) -> ErrorCode {
        match self.status() {
            StatusCode::TOO_MANY_REQUESTS => ErrorCode::OverLimit,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GONE => ErrorCode::Unavailable,
            _ => ErrorCode::Unauthorized,
        }
    }

    /// The code the socket then closes with.
    pub(crate) fn close_code(self) -> u16 {
        match self.status() {
            StatusCode::TOO_MANY_REQUESTS => 4429,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GONE => 1013,
            StatusCode::FORBIDDEN => 4403,
            _ => UNAUTHORIZED,
        }
    }
}

/// The code a socket closes with when nothing says any more who the client is.
pub(crate) const UNAUTHORIZED: u16 = 4401;

impl AuthError {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Suspended { .. } => StatusCode::FORBIDDEN,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::NoKeys | Self::NoStore => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let problem = Self::new(refused.status(), refused.to_string());
        let problem = match refused.retry_after() {
            Some(wait) => problem.with(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1))),
            None if refused.status() == StatusCode::UNAUTHORIZED => {
                problem.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            None => problem,
        };
        // Who is not let in is counted where that is decided.
        match refused {
            Refused::Auth(_) => problem,
            _ => problem.because(refused.label()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

//! What a request for a call shows of who it is.
//!
//! Invariant: no token is taken from an address, where logs, histories and other sites' servers see it.

use super::caller::bearer;
use axum::http::{HeaderMap, header};
use std::fmt;
use url::form_urlencoded;

/// The subprotocol of a call, where a client names one.
pub(crate) const SUBPROTOCOL: &str = "voice.v1";

/// Before a token among the subprotocols.
const BEARER: &str = "bearer.";

/// Names under which clients put tokens into addresses.
const TOKEN_NAMES: [&str; 6] = ["token", "access_token", "bearer", "jwt", "id_token", "authorization"];

/// What says who it is.
#[derive(PartialEq, Eq)]
pub(crate) enum Shown {
    /// A token.
    Token(String),
    /// A ticket.
    Ticket(String),
    /// Nothing yet: the first message will.
    Nothing,
}

/// A token in the address. It is to be taken for known to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenInAddress;

impl Shown {
    /// What the headers and the query of a request show; a token goes before a ticket.
    pub(crate) fn by(headers: &HeaderMap, query: &str) -> Result<Self, TokenInAddress> {
        let mut ticket = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if TOKEN_NAMES.iter().any(|token| name.eq_ignore_ascii_case(token)) {
                return Err(TokenInAddress);
            }
            if name == "ticket" {
                ticket = Some(value.into_owned());
            }
        }
        if headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self::Token(bearer(headers).unwrap_or_default().to_owned()));
        }
        let token = subprotocol_token(headers).map(Self::Token);
        Ok(token.or(ticket.map(Self::Ticket)).unwrap_or(Self::Nothing))
    }
}

/// The call that the query of a request wants to take up again.
pub(crate) fn call_to_resume(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "resume").map(|(_, token)| token.into_owned())
}

fn subprotocol_token(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    let token = lines.flat_map(|line| line.split(',')).find_map(|name| name.trim().strip_prefix(BEARER));
    token.map(str::to_owned)
}

/// Which of them it is.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token",
            Self::Ticket(_) => "Ticket",
            Self::Nothing => "Nothing",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn shown(headers: &[(HeaderName, &'static str)], query: &str) -> Result<Shown, TokenInAddress> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        Shown::by(&headers.collect(), query)
    }

    #[test]
    fn a_token_may_be_in_a_header_and_nowhere_else() {
        let token = |token: &str| Ok(Shown::Token(token.to_owned()));
        assert_eq!(shown(&[(header::AUTHORIZATION, "Bearer a.b.c")], ""), token("a.b.c"));
        assert_eq!(shown(&[(header::AUTHORIZATION, "bearer a.b.c")], "ticket=t"), token("a.b.c"));
        assert_eq!(shown(&[(header::SEC_WEBSOCKET_PROTOCOL, "voice.v1, bearer.a.b.c")], ""), token("a.b.c"));
        assert_eq!(shown(&[], "x=1&ticket=t"), Ok(Shown::Ticket("t".to_owned())));
        assert_eq!(shown(&[(header::SEC_WEBSOCKET_PROTOCOL, "voice.v1")], ""), Ok(Shown::Nothing));
        for query in ["token=a", "access_token=a", "x=1&Token=a", "%74oken=a", "ticket=t&jwt=a"] {
            assert_eq!(shown(&[(header::AUTHORIZATION, "Bearer a.b.c")], query), Err(TokenInAddress), "{query}");
        }
    }

    #[test]
    fn a_header_that_is_no_bearer_token_is_a_wrong_one_and_not_none() {
        for value in ["Basic dXNlcjpwdw==", "Bearer", "a.b.c"] {
            assert_eq!(shown(&[(header::AUTHORIZATION, value)], "ticket=t"), Ok(Shown::Token(String::new())));
        }
        let twice = [(header::AUTHORIZATION, "Bearer a"), (header::AUTHORIZATION, "Bearer b")];
        let headers: HeaderMap = twice.into_iter().fold(HeaderMap::new(), |mut all, (name, value)| {
            all.append(name, value.parse().unwrap());
            all
        });
        assert_eq!(Shown::by(&headers, ""), Ok(Shown::Token(String::new())));
    }
}

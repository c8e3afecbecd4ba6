//! `POST /page/session`: in development, the page's token.
//!
//! Invariant: only a page of this very server, in a browser on this very machine, gets one. Another site cannot ask in the
//! browser's name (`Origin`), not even under a name that it lets point here (`Host`), and nobody else can reach it (the
//! peer's address; whoever asks through a proxy is somebody else). Where the local issuer is missing, so is this.

use crate::auth::{LocalIssuer, origin};
use crate::development::Development;
use crate::problem::Problem;
use crate::server::Peer;
use crate::store::AnyStore;
use crate::this_machine::is_this_machine;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use secrecy::ExposeSecret;
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tracing::error;

/// Where it is.
pub(super) const PATH: &str = "/page/session";

/// How long a token is good; the page asks for the next one in time.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// What a browser says of the page that asks.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What proxies add.
const FORWARDED: [HeaderName; 3] =
    [header::FORWARDED, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];

/// Makes the page's tokens.
#[derive(Clone)]
pub(crate) struct Sessions {
    issuer: Arc<LocalIssuer>,
    store: Arc<dyn AnyStore>,
}

/// Who the page is.
#[derive(Serialize)]
struct Session {
    token: String,
    expires_in_ms: u64,
}

impl Sessions {
    /// Tokens signed by `issuer`, of a user that is made in `store`.
    pub(crate) fn new(issuer: Arc<LocalIssuer>, store: Arc<dyn AnyStore>) -> Self {
        Self { issuer, store }
    }
}

/// A token of the tenant and user that `voice-server token` makes unless told otherwise.
pub(super) async fn open_session(
    State(sessions): State<Sessions>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    check(address, &headers).map_err(|why| Problem::new(StatusCode::FORBIDDEN, why))?;
    let who = Development::default();
    who.ensure(&*sessions.store).await?;
    let token = sessions.issuer.sign(who.user, LIFE).map_err(|error| {
        error!(%error, "the page gets no token");
        Problem::failed()
    })?;
    let session = Session { token: token.expose_secret().to_owned(), expires_in_ms: LIFE.as_millis() as u64 };
    let never_kept = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, never_kept, Json(session)).into_response())
}

/// Whether it is a page of this server on this machine that asks; if not, why.
fn check(address: Option<IpAddr>, headers: &HeaderMap) -> Result<(), &'static str> {
    if !address.is_some_and(|address| address.to_canonical().is_loopback())
        || FORWARDED.iter().any(|name| headers.contains_key(name))
    {
        return Err("this is for browsers on the server's own machine; elsewhere, sign in with a token");
    }
    let host = text(headers, &header::HOST).unwrap_or_default();
    if !is_this_machine(without_port(host)) {
        return Err("open the page under the server's own address, as in http://127.0.0.1:8080/");
    }
    let is_own_page = origin::of(headers).and_then(|page| page.strip_prefix("http://")) == Some(host);
    let is_same_site = text(headers, &FETCH_SITE).is_none_or(|site| site == "same-origin");
    if !(is_own_page && is_same_site) {
        return Err("this is for the server's own page; programs get a token from `voice-server token`");
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:8080";
    const PAGE: &str = "http://127.0.0.1:8080";

    fn asked(from: &str, headers: &[(&str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
        check(from.parse().ok(), &headers.collect()).is_ok()
    }

    #[test]
    fn the_servers_own_page_on_this_machine_may_ask() {
        assert!(asked("127.0.0.1", &[("host", HERE), ("origin", PAGE), ("sec-fetch-site", "same-origin")]));
        assert!(asked("127.0.0.1", &[("host", HERE), ("origin", PAGE)]), "a browser that says less");
        assert!(asked("::1", &[("host", "localhost:80"), ("origin", "http://localhost:80")]));
        assert!(asked("::ffff:127.0.0.1", &[("host", "[::1]:80"), ("origin", "http://[::1]:80")]));
    }

    #[test]
    fn another_machine_may_not_and_neither_may_a_proxy() {
        let own = [("host", HERE), ("origin", PAGE)];
        for from in ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1", "no address at all"] {
            assert!(!asked(from, &own), "{from}");
        }
        for proxy in ["forwarded", "x-forwarded-for", "x-real-ip"] {
            assert!(!asked("127.0.0.1", &[own[0], own[1], (proxy, "127.0.0.1")]), "{proxy}");
        }
    }

    #[test]
    fn a_name_that_was_made_to_point_here_may_not() {
        for host in ["evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "", "0.0.0.0:8080"] {
            assert!(!asked("127.0.0.1", &[("host", host), ("origin", &format!("http://{host}"))]), "{host}");
        }
        assert!(!asked("127.0.0.1", &[("origin", PAGE)]), "no host");
    }

    #[test]
    fn another_page_may_not() {
        for page in
            ["https://evil.example", "http://127.0.0.1:9090", "https://127.0.0.1:8080", "null", "127.0.0.1:8080"]
        {
            assert!(!asked("127.0.0.1", &[("host", HERE), ("origin", page)]), "{page}");
        }
        assert!(!asked("127.0.0.1", &[("host", HERE)]), "no page");
        for site in ["cross-site", "same-site", "none"] {
            assert!(!asked("127.0.0.1", &[("host", HERE), ("origin", PAGE), ("sec-fetch-site", site)]), "{site}");
        }
    }
}

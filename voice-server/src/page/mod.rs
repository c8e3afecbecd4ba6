//! The page on which a person holds a call with the agent and sees where every millisecond goes.
//!
//! Invariant: all that a browser runs here is in the binary and of this origin, and nothing else may be loaded, run or
//! embedded. It is a client like any other: it speaks the protocol and the API, and nothing here knows of calls.

mod assets;
mod session;

pub(crate) use session::Sessions;

use assets::Asset;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the page may load, run and connect to. `'self'` covers WebSockets of the same host.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; media-src 'self' blob:; font-src 'none'; worker-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// What every answer here has.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), "microphone=(self)"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // Asked for again each time, and answered with 304: an old script would not go with a new server.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The page, its assets and, with `sessions`, the tokens it gets in development; to be merged into a router with any state.
pub(crate) fn router<S>(sessions: Option<Sessions>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let mut router = Router::new();
    for asset in assets::ALL {
        router = router.route(asset.path(), get(async move |headers: HeaderMap| serve(asset, &headers)));
    }
    if let Some(sessions) = sessions {
        router = router.route(session::PATH, post(session::open_session).with_state(sessions));
    }
    router.layer(middleware::from_fn(sealed))
}

/// Where a browser on this machine finds the page of a server that listens on `listen`.
pub(crate) fn address(listen: SocketAddr) -> String {
    let host = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}/", SocketAddr::new(host, listen.port()))
}

fn serve(asset: &Asset, headers: &HeaderMap) -> Response {
    let tag = asset.tag();
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let is_known = known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag);
    if is_known {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    ([(header::CONTENT_TYPE, asset.media_type()), (header::ETAG, &*tag)], asset.bytes).into_response()
}

async fn sealed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_is_told_can_be_opened() {
        for (listen, told) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080/"),
            ("[::]:9", "http://[::1]:9/"),
            ("192.0.2.7:80", "http://192.0.2.7:80/"),
        ] {
            assert_eq!(address(listen.parse().unwrap()), told);
        }
    }
}

//! The settings of reqwest that sockets and requests have in common.
//!
//! Invariant: what is asked goes to the address that was set, nowhere else: no redirect is followed, no proxy of the
//! environment is used. Headers are sensitive: neither `Debug` nor HTTP/2's compression table holds them.

use super::address::http_url;
use super::{Vendor, tls};
use crate::stage::StageError;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, Response, redirect};
use std::error::Error;
use std::time::Duration;
use url::Url;

/// What is said of us.
const USER_AGENT: &str = concat!("voice-core/", env!("CARGO_PKG_VERSION"));

/// A dead peer is noticed by TCP after about four times this.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// How much of an error's body is read, and for how long.
const ERROR_BODY_BYTES: usize = 8 * 1024;
const ERROR_BODY_DEADLINE: Duration = Duration::from_secs(2);

/// A builder with everything that both drivers want; `protocols` is for ALPN.
pub(super) fn builder(vendor: &Vendor, protocols: &[&[u8]]) -> Result<ClientBuilder, StageError> {
    let tls = tls::config().or_else(|_| tls::trusting_nobody());
    let mut tls = tls.map_err(|what| vendor.misconfigured(what))?;
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let builder = ClientBuilder::new().tls_backend_preconfigured(tls).user_agent(USER_AGENT);
    Ok(builder.redirect(redirect::Policy::none()).no_proxy().tcp_nodelay(true).tcp_keepalive(TCP_KEEPALIVE))
}

/// Where a request goes. A server with TLS needs certificates to be judged by; one without does not.
///
/// # Errors
/// A configuration error: no address, or no certificates.
pub(super) fn target(vendor: &Vendor, address: &str) -> Result<Url, StageError> {
    let url = http_url(vendor, address)?;
    if url.scheme() == "https" {
        tls::config().map_err(|what| vendor.misconfigured(what))?;
    }
    Ok(url)
}

/// The headers of a request, all of them sensitive.
///
/// # Errors
/// A configuration error that names the header, never its value.
pub(super) fn headers(vendor: &Vendor, headers: &[(&'static str, String)]) -> Result<HeaderMap, StageError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let wrong =
            || vendor.misconfigured(format_args!("the {name} header cannot be sent: it holds a stray character"));
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        map.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    Ok(map)
}

/// The vendor's name of a request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let names = ["dg-request-id", "x-request-id", "request-id"];
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok())
}

/// What a request failed of: a server whose certificate is not trusted will not be trusted the next time either.
pub(super) fn failed(vendor: &Vendor, error: reqwest::Error) -> StageError {
    let refused = std::iter::successors(error.source(), |&cause| cause.source()).any(is_refused_certificate);
    let why = causes(error);
    if refused { vendor.untrusted(why) } else { vendor.unreachable(why) }
}

/// An error of the connection keeps that of TLS inside, more than once wrapped, and does not tell it as its source.
fn is_refused_certificate(cause: &(dyn Error + 'static)) -> bool {
    match (cause.downcast_ref::<rustls::Error>(), cause.downcast_ref::<std::io::Error>()) {
        (Some(error), _) => matches!(error, rustls::Error::InvalidCertificate(_)),
        (None, Some(error)) => error.get_ref().is_some_and(|inside| is_refused_certificate(inside)),
        (None, None) => false,
    }
}

/// Why a request failed, without the address: the causes below reqwest's own words, which say only that it did.
pub(super) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let below = std::iter::successors(error.source(), |&cause| cause.source());
    let mut said: Vec<String> = below.map(ToString::to_string).collect();
    said.dedup_by(|inner, outer| outer.ends_with(inner.as_str()));
    if said.is_empty() { error.to_string() } else { said.join(": ") }
}

/// As much of a body as an error may have and as comes in time.
pub(super) async fn error_body(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(bytes)) = response.chunk().await {
            let room = ERROR_BODY_BYTES - body.len();
            body.extend(bytes.iter().take(room));
            if body.len() == ERROR_BODY_BYTES {
                break;
            }
        }
    };
    let _in_time = tokio::time::timeout(ERROR_BODY_DEADLINE, read).await;
    body
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;

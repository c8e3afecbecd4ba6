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

/// Why nothing was answered: nobody is there, or somebody who cannot show who they are.
pub(super) fn unanswered(vendor: &Vendor, error: reqwest::Error) -> StageError {
    let is_untrusted = distrust(&error).is_some();
    let causes = causes(error);
    if is_untrusted { vendor.untrusted(causes) } else { vendor.unreachable(causes) }
}

/// What is wrong with the certificate that was shown.
fn distrust(error: &reqwest::Error) -> Option<&rustls::CertificateError> {
    let below = std::iter::successors(error.source(), |&cause| cause.source());
    let told = below.filter_map(|cause| {
        // An I/O error does not tell what it holds as its source.
        let held = cause.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        cause.downcast_ref::<rustls::Error>().or_else(|| held?.downcast_ref::<rustls::Error>())
    });
    told.filter_map(|error| match error {
        rustls::Error::InvalidCertificate(why) => Some(why),
        _ => None,
    })
    .next()
}

/// What is left of the vendor's limits, as its `x-ratelimit-…` headers say; empty if there are none.
pub(super) fn rate_limits(headers: &HeaderMap) -> String {
    let limits = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-ratelimit-")?;
        Some(format!("{name} {}", value.to_str().ok()?))
    });
    limits.collect::<Vec<_>>().join(", ")
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
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_by_their_names() {
        let headers =
            [("x-request-id", "req_1"), ("x-ratelimit-limit-tokens", "6000"), ("x-ratelimit-reset-tokens", "7.66s")];
        let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        assert_eq!(rate_limits(&headers.map(pair).into_iter().collect()), "limit-tokens 6000, reset-tokens 7.66s");
        assert_eq!(rate_limits(&HeaderMap::new()), "");
    }
}

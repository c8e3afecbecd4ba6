//! A vendor's address as an operator may write it.

use super::Vendor;
use crate::stage::StageError;
use url::Url;

/// Parses a base or request address; `ws` and `wss` count as `http` and `https`.
///
/// # Errors
/// A configuration error that names the setting. The address itself is not shown: it may hold a password.
pub(super) fn http_url(vendor: &Vendor, address: &str) -> Result<Url, StageError> {
    let wrong = |what: &str| vendor.misconfigured(format_args!("{} {what}", vendor.url_setting));
    let mut url = Url::parse(address.trim()).map_err(|error| wrong(&format!("is no address: {error}")))?;
    let scheme = match url.scheme() {
        "http" | "ws" => "http",
        "https" | "wss" => "https",
        _ => return Err(wrong("must begin with http://, https://, ws:// or wss://")),
    };
    url.set_scheme(scheme).map_err(|()| wrong("is no address"))?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor() -> Vendor {
        Vendor { name: "Deepgram", key: None, url_setting: "DEEPGRAM_URL" }
    }

    #[test]
    fn a_socket_address_is_an_http_address() {
        for (given, taken) in [
            ("wss://api.deepgram.com/v2/listen?model=x", "https://api.deepgram.com/v2/listen?model=x"),
            (" ws://127.0.0.1:9/ ", "http://127.0.0.1:9/"),
            ("https://h", "https://h/"),
            ("http://[::1]:80/v1", "http://[::1]/v1"),
        ] {
            assert_eq!(http_url(&vendor(), given).unwrap().as_str(), taken);
        }
    }

    #[test]
    fn anything_else_is_a_wrong_setting() {
        for given in ["", "api.deepgram.com", "ftp://user:secret@h", "https://", "file:///etc/passwd", "http://[::1"] {
            let error = http_url(&vendor(), given).unwrap_err();
            assert!(!error.is_retryable());
            assert!(error.to_string().contains("DEEPGRAM_URL"), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}

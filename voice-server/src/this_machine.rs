//! Whether what is sent to a host stays on this machine: only then may it travel unencrypted.
//!
//! Invariant: no name server has a say in it.

use std::net::IpAddr;

/// Whether `host`, a name or an address as it stands in a URL, is this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let is_address = || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    host.eq_ignore_ascii_case("localhost") || is_address()
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    #[test]
    fn this_machine_is_localhost_and_loopback_and_nothing_that_looks_like_it() {
        for (host, is_here) in [
            ("localhost", true),
            ("LocalHost", true),
            ("127.0.0.1", true),
            ("127.8.9.10", true),
            ("[::1]", true),
            ("127.0.0.1.example", false),
            ("localhost.example", false),
            ("example.com", false),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("[::]", false),
            ("[2001:db8::1]", false),
        ] {
            assert_eq!(is_this_machine(host), is_here, "{host}");
            let url = Url::parse(&format!("http://{host}:80/x")).unwrap();
            assert_eq!(url.host_str().is_some_and(is_this_machine), is_here, "{url}");
        }
        assert!(is_this_machine("::1"), "as drivers of databases write it");
        assert!(!is_this_machine(""));
    }
}

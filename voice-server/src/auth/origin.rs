//! Whose web page asks.
//!
//! Invariant: a browser lets any page open a WebSocket to any server and says only whose page it is; without this, a page
//! that somebody happens to look at could use a server on their own machine, or a ticket that leaked.

use axum::http::{HeaderMap, header};

/// The page a request comes from, as the browser names it; `None` where there is no browser.
pub(crate) fn of(headers: &HeaderMap) -> Option<&str> {
    // What is no text is some page, and on no list.
    headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null"))
}

/// Whether such a page may call: this server's own, or one of a list, where `*` is any.
pub(crate) fn is_allowed(headers: &HeaderMap, lists: &[&[String]]) -> bool {
    let Some(origin) = of(headers) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").map(|(_, authority)| authority);
    (own.is_some() && own == host) || lists.iter().copied().flatten().any(|allowed| allowed == "*" || allowed == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_listed(origin: Option<&'static str>, server: &[&str], tenant: &[&str]) -> bool {
        let mut headers = HeaderMap::from_iter([(header::HOST, "127.0.0.1:8080".parse().unwrap())]);
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let list = |origins: &[&str]| origins.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>();
        is_allowed(&headers, &[&list(server), &list(tenant)])
    }

    #[test]
    fn a_foreign_page_is_refused_unless_it_is_listed() {
        assert!(is_listed(None, &[], &[]), "no browser");
        assert!(is_listed(Some("http://127.0.0.1:8080"), &[], &[]), "this server's own page");
        assert!(!is_listed(Some("https://evil.example"), &[], &[]));
        assert!(!is_listed(Some("null"), &["https://app.example"], &[]));
        assert!(is_listed(Some("https://app.example"), &["https://app.example"], &[]));
        assert!(is_listed(Some("https://app.example"), &[], &["https://app.example"]));
        assert!(is_listed(Some("https://any.example"), &["*"], &[]));
    }
}

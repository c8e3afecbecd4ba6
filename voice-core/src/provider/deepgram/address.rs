//! Where to connect and what to ask for there, as a URL.

use super::super::net::Vendor;
use crate::stage::StageError;
use url::Url;

/// The settings of a stream, in the order they were given.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Raw audio as all engines here are given it.
    pub(super) fn of_audio() -> Self {
        let rate = crate::stage::LISTEN_RATE.hz();
        Self::default().with("encoding", "linear16").with("sample_rate", rate)
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.push((name, value.to_string()));
        self
    }

    /// The name once for each value.
    #[must_use]
    pub(super) fn with_each(mut self, name: &'static str, values: &[String]) -> Self {
        self.0.extend(values.iter().map(|value| (name, value.clone())));
        self
    }
}

/// `<base>/<version>/listen` with the query.
///
/// # Errors
/// A configuration error that names the setting. The address itself is not shown: it may hold a password.
pub(super) fn listen(vendor: &Vendor, base: &str, version: &str, query: &Query) -> Result<String, StageError> {
    let wrong = |what: &str| vendor.misconfigured(format_args!("{} {what}", vendor.url_setting));
    let mut url = Url::parse(base.trim()).map_err(|error| wrong(&format!("is no address: {error}")))?;
    let mut path = url.path_segments_mut().map_err(|()| wrong("is no address of a server"))?;
    path.pop_if_empty().extend([version, "listen"]);
    drop(path);
    url.query_pairs_mut().extend_pairs(&query.0);
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor() -> Vendor {
        Vendor { name: "Deepgram", key: None, url_setting: "DEEPGRAM_URL" }
    }

    #[test]
    fn names_repeat_and_values_are_escaped() {
        let terms = ["order number".to_owned(), "R&D=1".to_owned()];
        let query = Query::of_audio().with("eot_threshold", 0.7_f32).with_each("keyterm", &terms);
        let url = listen(&vendor(), "https://api.deepgram.com", "v2", &query).unwrap();
        let settings = "encoding=linear16&sample_rate=16000&eot_threshold=0.7";
        let keyterms = "keyterm=order+number&keyterm=R%26D%3D1";
        assert_eq!(url, format!("https://api.deepgram.com/v2/listen?{settings}&{keyterms}"));
    }

    #[test]
    fn a_base_may_have_a_path_and_a_slash() {
        for (base, whole) in [
            ("ws://127.0.0.1:9/", "ws://127.0.0.1:9/v1/listen?a=b"),
            ("http://h/deepgram", "http://h/deepgram/v1/listen?a=b"),
            ("http://h/deepgram/", "http://h/deepgram/v1/listen?a=b"),
        ] {
            let query = Query::default().with("a", "b");
            assert_eq!(listen(&vendor(), base, "v1", &query).unwrap(), whole);
        }
    }

    #[test]
    fn what_is_no_address_is_a_wrong_setting() {
        for base in ["", "api.deepgram.com", "mailto:me"] {
            let error = listen(&vendor(), base, "v1", &Query::default()).unwrap_err();
            assert!(!error.is_retryable() && error.to_string().contains("DEEPGRAM_URL"), "{error}");
        }
    }
}

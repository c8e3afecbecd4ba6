//! The page as it is served: what it may do, that it is whole, and who gets a token with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod serve_support;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use serve_support::access_support::Access;
use serve_support::{TestServer, agent};
use std::collections::BTreeSet;
use std::sync::Arc;
use voice_server::auth::LocalIssuer;
use voice_server::{ServerConfig, ServerLimits};

/// A server that signs its page in, if it is one in development.
async fn start(is_development: Development) -> TestServer {
    let access = Access::new().await;
    let config = access.config(agent(None), ServerLimits::default());
    let local_issuer = match is_development {
        Development::Yes => Some(Arc::new(LocalIssuer::ephemeral().unwrap())),
        Development::No => None,
    };
    let verifier = match &local_issuer {
        Some(issuer) => Arc::new(voice_server::auth::Verifier::default().with_local(issuer)),
        None => Arc::clone(&config.verifier),
    };
    TestServer::with(access, ServerConfig { local_issuer, verifier, ..config }).await
}

enum Development {
    Yes,
    No,
}

fn url(server: &TestServer, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

async fn get(server: &TestServer, path: &str) -> Response {
    Client::new().get(url(server, path)).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

/// The attributes of an element, by their names.
type Attributes = Vec<(String, String)>;

/// The elements of a page, each with its attributes, and the text within scripts and styles.
fn elements(html: &str) -> (Vec<(String, Attributes)>, String) {
    let mut reader = Reader::from_str(html);
    let config = reader.config_mut();
    (config.check_end_names, config.allow_unmatched_ends) = (false, true);
    let (mut found, mut inline, mut open) = (Vec::new(), String::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => {
                open = text(tag.name().as_ref());
                found.push((open.clone(), attributes(&tag)));
            }
            Event::End(_) => open.clear(),
            Event::Text(words) if ["script", "style"].contains(&open.as_str()) => inline += &text(&words),
            Event::Eof => return (found, inline.trim().to_owned()),
            _ => {}
        }
    }
}

fn attributes(tag: &BytesStart<'_>) -> Attributes {
    let mut attributes = tag.html_attributes();
    attributes
        .with_checks(false)
        .map(Result::unwrap)
        .map(|attribute| (text(attribute.key.as_ref()), text(&attribute.value)))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a script imports, or a worklet adds, as an absolute path.
fn imports(script: &str, at: &str) -> Vec<String> {
    let quoted = script.split('"').skip(1).step_by(2).filter(|name| name.starts_with('.') && name.ends_with(".js"));
    let base = reqwest::Url::parse("http://x").unwrap().join(at).unwrap();
    quoted.map(|name| base.join(name).unwrap().path().to_owned()).collect()
}

#[tokio::test]
async fn nothing_but_the_page_itself_may_run_and_nobody_may_embed_it() {
    let server = start(Development::No).await;
    for path in ["/", "/page/main.js", "/page/style/base.css"] {
        let answer = get(&server, path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let policy = header(&answer, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        for directive in ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(directive), "{policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("permissions-policy", "microphone=(self)"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(header(&answer, name), value, "{path}");
        }
    }
    server.stopped().await;
}

#[tokio::test]
async fn the_page_has_no_script_and_no_style_of_its_own() {
    let server = start(Development::No).await;
    let html = get(&server, "/").await.text().await.unwrap();
    let (elements, inline) = elements(&html);
    assert_eq!(inline, "");
    assert!(elements.iter().all(|(name, _)| name != "style"));
    for (name, attributes) in &elements {
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "style", "{name} {attribute}");
            assert!(!value.contains("javascript:") && !value.contains("//"), "{name} {attribute}={value}");
        }
    }
    let ids: Vec<_> = elements.iter().flat_map(|(_, all)| all).filter(|(name, _)| name == "id").collect();
    let unique: BTreeSet<_> = ids.iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), unique.len(), "an id is there twice");
    server.stopped().await;
}

#[tokio::test]
async fn every_file_that_the_page_names_is_served_and_known_again() {
    let server = start(Development::No).await;
    let (elements, _) = elements(&get(&server, "/").await.text().await.unwrap());
    let named = elements.iter().flat_map(|(_, attributes)| attributes);
    let mut wanted: Vec<_> =
        named.filter(|(name, _)| ["src", "href"].contains(&name.as_str())).map(|(_, path)| path.clone()).collect();
    let mut seen = BTreeSet::new();
    while let Some(path) = wanted.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = get(&server, &path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let tag = header(&answer, "etag").to_owned();
        let again = Client::new().get(url(&server, &path)).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        if path.ends_with(".js") {
            assert!(header(&answer, "content-type").starts_with("text/javascript"), "{path}");
            wanted.extend(imports(&answer.text().await.unwrap(), &path));
        }
    }
    assert!(seen.iter().any(|path| path.ends_with("playout.js")), "worklets are followed too: {seen:?}");
    assert_eq!(get(&server, "/page/nothing.js").await.status(), StatusCode::NOT_FOUND);
    server.stopped().await;
}

fn session(server: &TestServer) -> RequestBuilder {
    Client::new().post(url(server, "/page/session"))
}

#[tokio::test]
async fn in_development_the_servers_own_page_gets_a_token_that_is_good() {
    let server = start(Development::Yes).await;
    let answer = session(&server)
        .header("origin", format!("http://{}", server.address))
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .unwrap();
    assert_eq!((answer.status(), header(&answer, "cache-control")), (StatusCode::CREATED, "no-store"));
    let session: Value = answer.json().await.unwrap();
    assert_eq!(session["expires_in_ms"], 600_000);
    let me = Client::new().get(url(&server, "/v1/me")).bearer_auth(session["token"].as_str().unwrap());
    assert_eq!(me.send().await.unwrap().status(), StatusCode::OK);
    server.stopped().await;
}

#[tokio::test]
async fn another_page_another_name_and_no_page_get_none() {
    let server = start(Development::Yes).await;
    let own = format!("http://{}", server.address);
    for (name, headers) in [
        ("another page", vec![("origin", "https://evil.example")]),
        ("a page that is none", vec![("origin", "null")]),
        ("another name of this machine", vec![("host", "evil.example"), ("origin", "http://evil.example")]),
        ("another site's frame", vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")]),
        ("a proxy", vec![("origin", own.as_str()), ("x-forwarded-for", "192.0.2.1")]),
        ("no page", vec![]),
    ] {
        let request = headers.into_iter().fold(session(&server), |request, (name, value)| request.header(name, value));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}");
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        assert!(!answer.text().await.unwrap().contains("token\":"), "{name}");
    }
    let answer = Client::new().get(url(&server, "/page/session")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "a link is no request");
    server.stopped().await;
}

#[tokio::test]
async fn in_production_there_is_no_such_path() {
    let server = start(Development::No).await;
    let answer = session(&server).header("origin", format!("http://{}", server.address)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    server.stopped().await;
}

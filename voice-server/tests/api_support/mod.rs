//! A server on a port of its own with its API, and a client that holds every answer against the OpenAPI document.
#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod document;
pub(crate) mod serving;
pub(crate) mod world;

use document::Document;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use serving::Serving;
use std::time::Duration;
use voice_server::UserId;

/// Only a hang gets here: no test depends on how long anything takes.
const HANG: Duration = Duration::from_secs(60);

pub(crate) async fn no_hang<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(HANG, what).await.expect("hangs")
}

/// A running server and what it says of itself.
pub(crate) struct Api {
    pub(crate) serving: Serving,
    pub(crate) document: Document,
    client: reqwest::Client,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub(crate) struct Token(String);

impl Token {
    /// Whatever is sent as one.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it is sent.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Api {
    /// Over an empty embedded store.
    pub(crate) async fn start() -> Self {
        Self::over(Serving::sqlite().await).await
    }

    pub(crate) async fn over(serving: Serving) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/v1/openapi.json", serving.address);
        let document = no_hang(client.get(url).send()).await.unwrap().json().await.unwrap();
        Self { serving, client, document: Document(document) }
    }

    /// A good token of `user`.
    pub(crate) fn token(&self, user: UserId) -> Token {
        let token = self.serving.issuer.sign(user, Duration::from_secs(600)).unwrap();
        Token(token.expose_secret().to_owned())
    }

    pub(crate) async fn get(&self, token: &Token, path: &str) -> Answer {
        self.send(Method::GET, token, path, None).await
    }

    /// Sends a request with a body of JSON or none.
    pub(crate) async fn send(&self, method: Method, token: &Token, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, path).bearer_auth(&token.0);
        self.answer(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// A request without a token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.serving.address))
    }

    /// A request with a token.
    pub(crate) fn request_of(&self, token: &Token, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&token.0)
    }

    /// The answer to `request`, which is as the document says.
    pub(crate) async fn answer(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = no_hang(self.client.execute(request)).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer { status, headers, body: no_hang(response.bytes()).await.unwrap().to_vec() };
        answer.is_sealed();
        if let Err(why) = self.document.allows(&method, &path, &answer) {
            panic!("{method} {path} answered {status}, which the document does not allow: {why}\n{}", answer.text());
        }
        answer
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of an answer with this status.
    pub(crate) fn json(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The JSON of a 200.
    pub(crate) fn ok(&self) -> Value {
        self.json(StatusCode::OK)
    }

    /// What a problem document of this status says is wrong.
    pub(crate) fn problem(&self, status: StatusCode) -> String {
        let problem = self.json(status);
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            (&problem["type"], problem["status"].as_u64()),
            (&"about:blank".into(), Some(status.as_u16().into()))
        );
        assert_eq!(problem["title"].as_str(), status.canonical_reason());
        problem["detail"].as_str().unwrap().to_owned()
    }

    /// A header's value; empty without it.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Headers that no answer goes without.
    fn is_sealed(&self) {
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
    }
}

/// Lets time pass at once. Sockets are waited for in real time.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

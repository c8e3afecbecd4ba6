//! An issuer of one's own: keys of every kind, tokens as right or wrong as a test wants, and a server of its key set that
//! changes and fails.
#![allow(dead_code, reason = "each test binary uses a part")]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, get_current_timestamp};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

/// A key pair with a name.
#[derive(Clone)]
pub(crate) struct TestKey {
    pub(crate) id: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) private: EncodingKey,
}

impl TestKey {
    pub(crate) fn ec(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let private = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self { id, algorithm: Algorithm::ES256, private }
    }

    pub(crate) fn ed(id: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        Self { id, algorithm: Algorithm::EdDSA, private: EncodingKey::from_ed_der(document.as_ref()) }
    }

    pub(crate) fn rsa(id: &'static str) -> Self {
        Self::rsa_with_public_pem(id).0
    }

    /// An RSA key, and its public half as people pass it around.
    pub(crate) fn rsa_with_public_pem(id: &'static str) -> (Self, String) {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private = pem("PRIVATE KEY", AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref());
        let public = pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref());
        let private = EncodingKey::from_rsa_pem(private.as_bytes()).unwrap();
        (Self { id, algorithm: Algorithm::RS256, private }, public)
    }

    /// As an issuer publishes it.
    pub(crate) fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["use"] = json!("sig");
        jwk
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        sign(self.algorithm, Some(self.id), &self.private, claims)
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der))
}

pub(crate) fn sign(algorithm: Algorithm, id: Option<&str>, key: &EncodingKey, claims: &Value) -> String {
    let header = Header { kid: id.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

/// What a good token of `issuer` says.
pub(crate) fn claims(issuer: &str, user: Uuid) -> Value {
    let now = get_current_timestamp();
    json!({ "iss": issuer, "aud": "authenticated", "role": "authenticated", "sub": user, "iat": now, "exp": now + 3_600 })
}

/// The claims with one of them otherwise; `null` leaves it out.
pub(crate) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// What the server of a key set answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Keys(Vec<Value>),
    Status(u16),
    Body(String),
    Elsewhere(String),
    Nothing,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<(Answer, usize)>>);

/// A project with a key set at its place.
pub(crate) struct Project {
    pub(crate) url: String,
    shared: Shared,
    _serving: JoinSet<()>,
}

impl Project {
    pub(crate) async fn start(keys: &[&TestKey]) -> Self {
        let shared = Shared(Arc::new(Mutex::new((Answer::Nothing, 0))));
        let router = Router::new().route("/auth/v1/.well-known/jwks.json", get(answer)).with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { drop(axum::serve(listener, router).await) });
        let project = Self { url, shared, _serving: serving };
        project.publish(keys);
        project
    }

    pub(crate) fn publish(&self, keys: &[&TestKey]) {
        self.answer(Answer::Keys(keys.iter().map(|key| key.public()).collect()));
    }

    pub(crate) fn answer(&self, answer: Answer) {
        self.shared.0.lock().unwrap().0 = answer;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.shared.0.lock().unwrap().1
    }

    pub(crate) fn issuer(&self) -> String {
        format!("{}/auth/v1", self.url)
    }
}

async fn answer(State(shared): State<Shared>) -> Response {
    let answer = {
        let mut shared = shared.0.lock().unwrap();
        shared.1 += 1;
        shared.0.clone()
    };
    match answer {
        Answer::Keys(keys) => json!({ "keys": keys }).to_string().into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Body(body) => body.into_response(),
        Answer::Elsewhere(url) => Redirect::temporary(&url).into_response(),
        Answer::Nothing => std::future::pending().await,
    }
}

/// Lets time pass at once. Sockets are waited for in real time.
pub(crate) async fn pass(time: std::time::Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

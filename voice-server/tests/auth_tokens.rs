//! Forged, foreign and outdated tokens: all refused before anything else happens, and all with the same words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod auth_support;
mod serve_support;

use auth_support::{Project, TestKey, claims, pass, sign, with};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, get_current_timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use serve_support::access_support::{Access, TENANT, USER};
use serve_support::{Answered, TestServer, agent};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use voice_server::auth::{Jwks, LocalIssuer, SharedSecret, Verifier};
use voice_server::store::{NewUser, TenantChange, TenantStatus};
use voice_server::{Role, ServerConfig, ServerLimits, TenantId, UserId};

/// What a user is here is believed for so long.
const BELIEVED: Duration = Duration::from_secs(1);

const SECRET: &str = "the secret of a project, of more than 32 bytes";

/// A server that takes tokens of a published EC key, of a shared secret and of a local issuer.
struct Attacked {
    server: TestServer,
    project: Project,
    ec: TestKey,
    rsa: TestKey,
    rsa_public_pem: String,
}

impl Attacked {
    async fn start() -> Self {
        let ec = TestKey::ec("published");
        let (rsa, rsa_public_pem) = TestKey::rsa_with_public_pem("published-rsa");
        let project = Project::start(&[&ec, &rsa]).await;
        let keys = Jwks::of_project(&project.url).unwrap();
        keys.fetch().await.unwrap();
        let secret = SharedSecret::new(&SecretString::from(SECRET), &project.issuer()).unwrap();
        let access = Access::new().await;
        let verifier = Verifier::default().with_published(keys).with_secret(secret).with_local(&access.issuer);
        let config = ServerConfig::new(agent(None), ServerLimits::default(), verifier, Arc::clone(&access.store));
        Self { server: TestServer::with(access, config).await, project, ec, rsa, rsa_public_pem }
    }

    fn claims(&self) -> Value {
        claims(&self.project.issuer(), USER.0)
    }

    /// What a token gets: for a call, and for a request of the API.
    async fn try_token(&self, token: &str) -> [Answered; 2] {
        let bearer = format!("Authorization: Bearer {token}\r\n");
        [self.server.open_call("/v1/call", &bearer).await, self.server.post("/v1/tickets", &bearer).await]
    }

    /// The same answer to everything that is wrong, before the upgrade.
    async fn is_refused(&self, what: &str, token: &str) {
        for answer in self.try_token(token).await {
            assert_eq!(answer.status, 401, "{what}: {answer:?}");
            let problem: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(problem["detail"], "this needs a valid bearer token", "{what}");
            assert!(answer.head.contains("www-authenticate: Bearer"), "{what}: {answer:?}");
        }
    }
}

fn secret_key(secret: &str) -> EncodingKey {
    EncodingKey::from_secret(secret.as_bytes())
}

/// A token with this header, and whatever for a signature.
fn composed(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test]
async fn good_tokens_of_every_source_are_taken() {
    let attacked = Attacked::start().await;
    let legacy = sign(Algorithm::HS256, None, &secret_key(SECRET), &attacked.claims());
    let local = attacked.server.access.bearer().split_off("Bearer ".len());
    let listed = with(attacked.claims(), "aud", json!(["x", "authenticated"]));
    for token in [
        attacked.ec.sign(&attacked.claims()),
        attacked.rsa.sign(&attacked.claims()),
        attacked.ec.sign(&listed),
        legacy,
        local,
    ] {
        let [call, request] = attacked.try_token(&token).await;
        assert_eq!((call.status, request.status), (101, 201), "{call:?} {request:?}");
    }
}

#[tokio::test]
async fn a_token_with_a_wrong_claim_is_refused() {
    let attacked = Attacked::start().await;
    let now = get_current_timestamp();
    for (name, value) in [
        ("exp", json!(now - 10)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("tomorrow")),
        ("exp", Value::Null),
        ("nbf", json!(now + 60)),
        ("nbf", json!("soon")),
        ("aud", json!("anon")),
        ("aud", json!(["a", "b"])),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("iss", json!("https://evil.example/auth/v1")),
        ("iss", json!("voice-server/local")),
        ("iss", json!([attacked.project.issuer()])),
        ("iss", Value::Null),
        ("sub", json!("somebody")),
        ("sub", json!("")),
        ("sub", Value::Null),
        ("role", json!("service_role")),
        ("role", json!("anon")),
        ("role", json!(["authenticated"])),
        ("role", Value::Null),
        ("sub", json!(Uuid::from_u128(99))),
    ] {
        let token = attacked.ec.sign(&with(attacked.claims(), name, value.clone()));
        attacked.is_refused(&format!("{name} = {value}"), &token).await;
    }
}

#[tokio::test]
async fn a_token_that_no_key_has_signed_is_refused() {
    let attacked = Attacked::start().await;
    let claims = attacked.claims();
    let good = attacked.ec.sign(&claims);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let admin = URL_SAFE_NO_PAD.encode(with(claims.clone(), "sub", json!(Uuid::from_u128(3))).to_string());
    let foreign = TestKey::ec("published");
    let foreign_local = LocalIssuer::ephemeral().unwrap().sign(USER, std::time::Duration::from_secs(60)).unwrap();
    for (what, token) in [
        ("other claims under a right signature", format!("{header}.{admin}.{signature}")),
        ("no signature", format!("{head}.")),
        ("half a signature", format!("{head}.{}", &signature[..signature.len() / 2])),
        ("a foreign key of the same name", foreign.sign(&claims)),
        ("a key nobody knows", TestKey::ec("unknown").sign(&claims)),
        ("no key name where there are several", sign(Algorithm::ES256, None, &attacked.ec.private, &claims)),
        ("the local issuer of another server", secrecy::ExposeSecret::expose_secret(&foreign_local).to_owned()),
        (
            "a wrong secret",
            sign(Algorithm::HS256, None, &secret_key("another secret, also of more than 32 bytes"), &claims),
        ),
        ("an empty secret", sign(Algorithm::HS256, None, &secret_key(""), &claims)),
        (
            "the empty secret of the local issuer",
            sign(Algorithm::HS256, Some("voice-server-local"), &secret_key(""), &claims),
        ),
    ] {
        attacked.is_refused(what, &token).await;
    }
}

#[tokio::test]
async fn a_token_of_another_algorithm_is_refused() {
    let attacked = Attacked::start().await;
    let claims = attacked.claims();
    let ec_public = attacked.ec.public();
    let pem = attacked.rsa_public_pem.clone();
    let (rsa, id) = (&attacked.rsa.private, Some("published-rsa"));
    for algorithm in ["none", "None", "NONE", ""] {
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": "published" });
        attacked.is_refused(algorithm, &composed(&header, &claims, "")).await;
    }
    for (what, token) in [
        ("HS512 with the secret", sign(Algorithm::HS512, None, &secret_key(SECRET), &claims)),
        ("HS384 with the secret", sign(Algorithm::HS384, None, &secret_key(SECRET), &claims)),
        ("RS512 with the RSA key", sign(Algorithm::RS512, id, rsa, &claims)),
        ("PS256 with the RSA key", sign(Algorithm::PS256, id, rsa, &claims)),
        ("the RSA key under the name of the other", sign(Algorithm::RS256, Some("published"), rsa, &claims)),
        ("HS256 with the public PEM", sign(Algorithm::HS256, id, &secret_key(&pem), &claims)),
        ("the same, trimmed", sign(Algorithm::HS256, id, &secret_key(pem.trim()), &claims)),
        (
            "HS256 with the published key",
            sign(Algorithm::HS256, Some("published"), &secret_key(&ec_public.to_string()), &claims),
        ),
        (
            "HS256 with its coordinate",
            sign(Algorithm::HS256, Some("published"), &secret_key(ec_public["x"].as_str().unwrap()), &claims),
        ),
    ] {
        attacked.is_refused(what, &token).await;
    }
}

#[tokio::test]
async fn a_token_that_brings_its_own_key_is_refused_and_nobody_is_asked_for_it() {
    let attacked = Attacked::start().await;
    let planted = TestKey::ec("planted");
    let elsewhere = Project::start(&[&planted]).await;
    let url = format!("{}/.well-known/jwks.json", elsewhere.issuer());
    for (name, value) in [("jku", json!(url)), ("x5u", json!(url)), ("jwk", planted.public())] {
        for id in ["planted", "published"] {
            let mut header = jsonwebtoken::Header::new(Algorithm::ES256);
            header.kid = Some(id.to_owned());
            match name {
                "jku" => header.jku = Some(url.clone()),
                "x5u" => header.x5u = Some(url.clone()),
                _ => header.jwk = Some(serde_json::from_value(value.clone()).unwrap()),
            }
            let token = jsonwebtoken::encode(&header, &attacked.claims(), &planted.private).unwrap();
            attacked.is_refused(name, &token).await;
        }
    }
    assert_eq!(elsewhere.asked(), 0);
    let mut header = jsonwebtoken::Header::new(Algorithm::ES256);
    (header.kid, header.crit) = (Some("published".into()), Some(vec!["b64".into()]));
    let token = jsonwebtoken::encode(&header, &attacked.claims(), &attacked.ec.private).unwrap();
    attacked.is_refused("an extension that must be understood", &token).await;
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let attacked = Attacked::start().await;
    let long = with(attacked.claims(), "more", json!("x".repeat(8 * 1024)));
    let long = attacked.ec.sign(&long);
    for token in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "\u{e9}", "null", &"x".repeat(9_000), &long] {
        attacked.is_refused(token.get(..16).unwrap_or(token), token).await;
    }
    for header in ["", "Authorization: Basic dXNlcjpwYXNz\r\n", "Authorization: Bearer\r\n", "Cookie: token=a.b.c\r\n"]
    {
        assert_eq!(attacked.server.post("/v1/tickets", header).await.status, 401, "{header}");
    }
    let good = attacked.server.access.bearer();
    let twice = format!("Authorization: {good}\r\nAuthorization: {good}\r\n");
    assert_eq!(attacked.server.post("/v1/tickets", &twice).await.status, 401, "which of the two?");
}

#[tokio::test]
async fn every_reason_is_told_to_the_metrics_and_to_nobody_else() {
    let attacked = Attacked::start().await;
    let expired = with(attacked.claims(), "exp", json!(1));
    for token in [attacked.ec.sign(&expired), TestKey::ec("published").sign(&attacked.claims()), "x".to_owned()] {
        attacked.is_refused("a wrong token", &token).await;
    }
    for reason in ["expired", "signature", "malformed"] {
        attacked.server.until_metric(&format!("voice_auth_refused_total{{reason=\"{reason}\"}} 2")).await;
    }
    attacked.server.until_metric("voice_calls_refused_total{reason=\"unauthorized\"} 3").await;
    attacked.server.until_metric("voice_calls_started_total 0").await;
}

#[tokio::test]
async fn the_users_of_a_suspended_tenant_and_removed_users_are_out_after_a_second() {
    let attacked = Attacked::start().await;
    let store = &attacked.server.access.store;
    let (tenant, admin, user) = (TenantId(Uuid::from_u128(8)), UserId(Uuid::from_u128(9)), UserId(Uuid::from_u128(10)));
    store.ensure_development(tenant, admin, Role::PlatformAdmin).await.unwrap();
    let admin = store.standing(admin).await.unwrap().unwrap().principal;
    let new = NewUser { id: user, tenant_id: TENANT, role: Role::Member, full_name: "Leaver".into() };
    store.create_user(&admin, &new).await.unwrap();
    let leaver = attacked.ec.sign(&claims(&attacked.project.issuer(), user.0));
    let stayer = attacked.ec.sign(&attacked.claims());
    assert_eq!(attacked.try_token(&leaver).await.map(|answer| answer.status), [101, 201]);
    store.delete_user(&admin, user).await.unwrap();
    pass(BELIEVED).await;
    attacked.is_refused("a user who was removed", &leaver).await;

    let suspended = TenantChange { status: Some(TenantStatus::Suspended), ..TenantChange::default() };
    store.change_tenant(&admin, TENANT, &suspended).await.unwrap();
    pass(BELIEVED).await;
    for answer in attacked.try_token(&stayer).await {
        assert!(answer.status == 403 && answer.body.contains("suspended"), "{answer:?}");
    }
}

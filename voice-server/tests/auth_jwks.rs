//! Keys that an issuer publishes, changes and fails to give, over a real socket. Where time matters it passes at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod auth_support;

use auth_support::{Answer, Project, TestKey, claims, pass, sign, with};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;
use voice_server::auth::{AuthError, FetchError, Jwks, Verifier};

const USER: Uuid = Uuid::from_u128(7);
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

struct Trusting {
    project: Project,
    keys: Jwks,
    verifier: Verifier,
}

impl Trusting {
    async fn of(keys: &[&TestKey]) -> Self {
        let project = Project::start(keys).await;
        let keys = Jwks::of_project(&project.url).unwrap();
        keys.fetch().await.unwrap();
        let verifier = Verifier::default().with_published(keys.clone());
        Self { project, keys, verifier }
    }

    fn claims(&self) -> Value {
        claims(&self.project.issuer(), USER)
    }

    async fn verdict(&self, token: &str) -> Result<Uuid, AuthError> {
        self.verifier.verify(token).await.map(|verified| verified.user.0)
    }

    async fn verdict_on(&self, key: &TestKey) -> Result<Uuid, AuthError> {
        self.verdict(&key.sign(&self.claims())).await
    }
}

#[tokio::test]
async fn tokens_of_every_published_kind_of_key_are_taken() {
    let keys = [TestKey::ec("ec"), TestKey::rsa("rsa"), TestKey::ed("ed")];
    let trusting = Trusting::of(&keys.each_ref()).await;
    for key in &keys {
        assert_eq!(trusting.verdict_on(key).await, Ok(USER), "{}", key.id);
    }
    assert_eq!(trusting.project.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_with_one_question_however_many_ask() {
    let (old, new) = (TestKey::ec("old"), TestKey::ec("new"));
    let trusting = Trusting::of(&[&old]).await;
    trusting.project.publish(&[&old, &new]);
    pass(HALF_A_MINUTE).await;
    let verdicts = join_all((0..50).map(|_| trusting.verdict_on(&new))).await;
    assert!(verdicts.iter().all(|verdict| *verdict == Ok(USER)), "{verdicts:?}");
    assert_eq!(trusting.project.asked(), 2);
}

#[tokio::test]
async fn tokens_that_name_no_known_key_cost_the_issuer_a_question_every_half_minute_and_no_more() {
    let key = TestKey::ec("known");
    let trusting = Trusting::of(&[&key]).await;
    let forger = TestKey::ec("unheard of");
    for asked in 1..4 {
        for _ in 0..20 {
            assert_eq!(trusting.verdict_on(&forger).await, Err(AuthError::UnknownKey));
        }
        assert_eq!(trusting.project.asked(), asked);
        pass(HALF_A_MINUTE).await;
    }
    assert_eq!(trusting.verdict_on(&key).await, Ok(USER));
}

#[tokio::test]
async fn a_key_that_is_published_no_more_is_refused_after_ten_minutes() {
    let (old, new) = (TestKey::ec("old"), TestKey::ec("new"));
    let trusting = Trusting::of(&[&old]).await;
    trusting.project.publish(&[&new]);
    let fresh = async {
        pass(Duration::from_secs(600)).await;
        while trusting.verdict_on(&old).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = fresh => {}
        () = trusting.keys.keep_fresh() => {}
    }
    assert_eq!(trusting.verdict_on(&old).await, Err(AuthError::UnknownKey));
    assert_eq!(trusting.verdict_on(&new).await, Ok(USER));
}

#[tokio::test]
async fn a_client_that_goes_away_takes_the_question_it_asked_with_it_for_nobody() {
    let (old, new) = (TestKey::ec("old"), TestKey::ec("new"));
    let trusting = Trusting::of(&[&old]).await;
    trusting.project.answer(Answer::Nothing);
    pass(HALF_A_MINUTE).await;
    let asking = trusting.verdict_on(&new);
    tokio::select! {
        _ = asking => panic!("nobody answers"),
        () = async { while trusting.project.asked() < 2 { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(trusting.verdict_on(&old).await, Ok(USER), "those that are known are not kept waiting");
    assert_eq!(trusting.project.asked(), 2);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_done_without_for_an_hour_and_no_longer() {
    let key = TestKey::ec("key");
    let trusting = Trusting::of(&[&key]).await;
    trusting.project.answer(Answer::Status(503));
    pass(Duration::from_secs(59 * 60)).await;
    assert_eq!(trusting.verdict_on(&key).await, Ok(USER));
    pass(Duration::from_secs(60)).await;
    assert_eq!(trusting.verdict_on(&key).await, Err(AuthError::NoKeys));
    trusting.project.publish(&[&key]);
    assert_eq!(trusting.verdict_on(&key).await, Err(AuthError::NoKeys), "it was asked just now");
    pass(HALF_A_MINUTE).await;
    assert_eq!(trusting.verdict_on(&key).await, Ok(USER));
}

#[tokio::test]
async fn whatever_else_is_at_the_address_is_no_key_set() {
    let key = TestKey::ec("key");
    let trusting = Trusting::of(&[&key]).await;
    let elsewhere = Project::start(&[&TestKey::ec("planted")]).await;
    let long = format!(r#"{{"keys":[],"more":"{}"}}"#, "x".repeat(64 * 1024));
    for (answer, error) in [
        (Answer::Status(500), FetchError::Status(500)),
        (Answer::Body("<html>".into()), FetchError::NoSet),
        (Answer::Body(r#"{"keys":{}}"#.into()), FetchError::NoSet),
        (Answer::Body(long), FetchError::TooLong),
        (Answer::Elsewhere(format!("{}/.well-known/jwks.json", elsewhere.issuer())), FetchError::Status(307)),
    ] {
        trusting.project.answer(answer);
        assert_eq!(trusting.keys.fetch().await, Err(error));
        assert_eq!(trusting.verdict_on(&key).await, Ok(USER), "the keys that are there stay");
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_waited_for_five_seconds() {
    let trusting = Trusting::of(&[&TestKey::ec("key")]).await;
    trusting.project.answer(Answer::Nothing);
    let late = async {
        while trusting.project.asked() < 2 {
            tokio::task::yield_now().await;
        }
        pass(Duration::from_secs(5)).await;
    };
    let (fetched, ()) = tokio::join!(trusting.keys.fetch(), late);
    assert_eq!(fetched, Err(FetchError::Request("within 5 s".into())));
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_or_not_understood_verify_nothing() {
    let key = TestKey::ec("key");
    let secret = [7; 32];
    let trusting = Trusting::of(&[]).await;
    for wrong in [
        with(key.public(), "use", json!("enc")),
        with(key.public(), "alg", json!("ES384")),
        with(key.public(), "alg", json!("RS256")),
        with(key.public(), "crv", json!("P-384")),
        with(key.public(), "kty", json!("new")),
        json!("no key"),
        json!({ "kty": "oct", "kid": "key", "alg": "HS256", "k": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc" }),
    ] {
        trusting.project.answer(Answer::Keys(vec![wrong.clone()]));
        trusting.keys.fetch().await.unwrap();
        assert_eq!(trusting.verdict_on(&key).await, Err(AuthError::UnknownKey), "{wrong}");
        let symmetric = jsonwebtoken::EncodingKey::from_secret(&secret);
        let token = sign(jsonwebtoken::Algorithm::HS256, Some("key"), &symmetric, &trusting.claims());
        assert!(trusting.verdict(&token).await.is_err(), "{wrong}");
    }
    trusting.project.answer(Answer::Keys(vec![json!(1), with(key.public(), "alg", Value::Null)]));
    trusting.keys.fetch().await.unwrap();
    assert_eq!(trusting.verdict_on(&key).await, Ok(USER), "one that is understood is used whatever is beside it");
}

#[tokio::test]
async fn a_token_without_a_key_name_means_the_only_key_there_is() {
    let (one, other) = (TestKey::ec("one"), TestKey::ec("other"));
    let trusting = Trusting::of(&[&one]).await;
    let nameless = sign(one.algorithm, None, &one.private, &trusting.claims());
    assert_eq!(trusting.verdict(&nameless).await, Ok(USER));
    trusting.project.publish(&[&one, &other]);
    trusting.keys.fetch().await.unwrap();
    assert_eq!(trusting.verdict(&nameless).await, Err(AuthError::UnknownKey));
    let twin = TestKey { id: "one", ..other };
    trusting.project.publish(&[&one, &twin]);
    trusting.keys.fetch().await.unwrap();
    assert_eq!(trusting.verdict_on(&one).await, Err(AuthError::UnknownKey), "two of one name are none");
}

#[test]
fn keys_are_fetched_with_tls_except_from_this_machine() {
    for project in ["https://p.supabase.co", "http://127.0.0.1:1", "http://localhost:54321/", "http://[::1]:1"] {
        assert!(Jwks::of_project(project).is_ok(), "{project}");
    }
    for project in [
        "http://p.supabase.co",
        "http://10.0.0.1",
        "http://127.0.0.1.nip.io",
        "ftp://127.0.0.1",
        "p.supabase.co",
        "",
        "https://user:pass@p.supabase.co",
        "https://p.supabase.co/?x=1",
    ] {
        let said = Jwks::of_project(project).unwrap_err().to_string();
        assert!(said.starts_with("SUPABASE_URL ") && !said.contains("pass"), "{project}: {said}");
    }
}

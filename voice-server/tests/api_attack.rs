//! A stranger against every route of the OpenAPI document: nothing of another tenant is read, changed or shown to exist.
//! The routes come from the document, so that a new one is attacked without anybody thinking of it; one whose ids or body
//! the world here does not know fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod api_support;
mod postgres_support;

use api_support::document::Operation;
use api_support::serving::{Serving, patient};
use api_support::world::{World, somebody};
use api_support::{Answer, Api, Token};
use postgres_support::TestDatabase;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::fmt::Display;
use std::sync::Arc;
use uuid::Uuid;
use voice_server::Role;
use voice_server::db::DatabaseUrl;
use voice_server::store::{ClientFields, PgConfig, PgStore};

/// What is in everything of the victim's.
const MARK: &str = "victims-own";

/// What is in everything of the attacker's.
const ATTACKER: &str = "attackers-own";

/// The victim's things that a path or a body can name.
struct Ids {
    call: String,
    client: String,
    campaign: String,
    lead: String,
    tenant: String,
    user: String,
}

impl Ids {
    fn of(world: &World) -> Self {
        Self {
            call: world.call.to_string(),
            client: world.client.to_string(),
            campaign: world.campaign.to_string(),
            lead: world.lead.to_string(),
            tenant: world.who.tenant().to_string(),
            user: world.who.user().to_string(),
        }
    }

    /// Ids of nothing.
    fn of_nothing() -> Self {
        let id = || Uuid::now_v7().to_string();
        Self { call: id(), client: id(), campaign: id(), lead: id(), tenant: id(), user: id() }
    }

    /// What `{id}` stands for.
    fn path(&self, template: &str) -> String {
        let id = match template.split('/').take_while(|part| !part.starts_with('{')).last() {
            Some("calls") => &self.call,
            Some("clients") => &self.client,
            Some("campaigns") => &self.campaign,
            Some("leads") => &self.lead,
            Some("tenants") => &self.tenant,
            Some("users") => &self.user,
            other => panic!("the world has no {other:?}: give it one, so that {template} is attacked"),
        };
        let path = template.replace("{id}", id);
        assert!(!path.contains('{'), "{template} has a parameter that this does not know");
        path
    }

    /// A body that would do something.
    fn body(&self, operation: &Operation) -> Option<Value> {
        if !operation.takes_body() {
            return None;
        }
        Some(match (operation.method.as_str(), operation.template.as_str()) {
            ("PATCH", "/v1/me") => json!({ "full_name": ATTACKER }),
            (_, "/v1/clients" | "/v1/clients/{id}") => json!({ "name": ATTACKER }),
            (_, "/v1/campaigns" | "/v1/campaigns/{id}") => json!({ "name": ATTACKER }),
            (_, "/v1/leads" | "/v1/leads/{id}") => json!({ "name": ATTACKER, "phone": "+4930123456",
                "campaign_id": self.campaign, "client_id": self.client }),
            ("POST", "/v1/admin/tenants") => json!({ "name": ATTACKER, "plan_id": Uuid::now_v7() }),
            ("PATCH", "/v1/admin/tenants/{id}") => json!({ "name": ATTACKER, "status": "suspended" }),
            ("POST", "/v1/admin/users") => json!({ "id": self.user, "tenant_id": self.tenant, "role": "platform_admin",
                "full_name": ATTACKER }),
            ("PATCH", "/v1/admin/users/{id}") => json!({ "role": "platform_admin" }),
            other => panic!("no body for {other:?}: give it one, so that it is attacked"),
        })
    }

    /// The value of a filter by id.
    fn filter(&self, name: &str) -> &str {
        match name {
            "lead_id" => &self.lead,
            "campaign_id" => &self.campaign,
            other => panic!("the world has no {other}: give it one, so that the filter is attacked"),
        }
    }

    fn all(&self) -> [&String; 6] {
        [&self.call, &self.client, &self.campaign, &self.lead, &self.tenant, &self.user]
    }
}

async fn send(api: &Api, token: &Token, operation: &Operation, ids: &Ids) -> Answer {
    let path =
        if operation.template.contains('{') { ids.path(&operation.template) } else { operation.template.clone() };
    api.send(operation.method.clone(), token, &path, ids.body(operation).as_ref()).await
}

/// All that a tenant can read of itself, as it is answered.
async fn snapshot(api: &Api, world: &World) -> Vec<(String, Vec<u8>)> {
    let ids = Ids::of(world);
    let mut seen = Vec::new();
    for operation in api.document.operations() {
        if operation.method == Method::GET && !operation.is_open() && !is_for_administrators(&operation) {
            seen.push((operation.template.clone(), send(api, &world.token, &operation, &ids).await.body));
        }
    }
    seen
}

fn is_for_administrators(operation: &Operation) -> bool {
    operation.template.starts_with("/v1/admin/")
}

/// Without what every answer has of its own.
fn tellable(answer: &Answer) -> (StatusCode, Vec<(String, String)>, String) {
    let text = |(name, value): (_, &reqwest::header::HeaderValue)| {
        (ToString::to_string(&name), value.to_str().unwrap().into())
    };
    let mut headers: Vec<(String, String)> = answer.headers.iter().map(text).collect();
    headers.retain(|(name, _)| name != "date");
    (answer.status, headers, answer.text())
}

fn shows_nothing(what: &impl Display, answer: &Answer, victim: &Ids) {
    let text = answer.text();
    assert!(!text.contains(MARK), "{what}: {text}");
    if let Some(id) = victim.all().into_iter().find(|id| text.contains(*id)) {
        panic!("{what} shows {id}: {text}");
    }
}

/// Every route that names a thing, with the victim's and with nothing's: the same refusal to the byte.
async fn foreign_is_missing(api: &Api, attacker: &Token, role: Role, victim: &Ids) {
    for operation in api.document.operations() {
        let what = format!("{role:?} {} {}", operation.method, operation.template);
        if operation.is_open() || (role == Role::PlatformAdmin && is_for_administrators(&operation)) {
            continue;
        }
        let names_something = operation.template.contains('{') || operation.takes_body();
        let foreign = send(api, attacker, &operation, victim).await;
        shows_nothing(&what, &foreign, victim);
        if is_for_administrators(&operation) {
            foreign.problem(StatusCode::FORBIDDEN);
        } else if operation.template.contains('{') {
            foreign.problem(StatusCode::NOT_FOUND);
        }
        if names_something && !foreign.status.is_success() {
            let missing = send(api, attacker, &operation, &Ids::of_nothing()).await;
            assert_eq!(tellable(&foreign), tellable(&missing), "{what}");
        }
        for name in operation.id_filters() {
            let by = |ids: &Ids| format!("{}?{name}={}", operation.template, ids.filter(&name));
            let foreign = api.get(attacker, &by(victim)).await;
            let missing = api.get(attacker, &by(&Ids::of_nothing())).await;
            assert_eq!(tellable(&foreign), tellable(&missing), "{what} by {name}");
            assert_eq!(foreign.ok()["items"], json!([]), "{what} by {name}");
        }
    }
}

/// The whole attack, over either store.
async fn attack(serving: Serving) {
    let api = Api::over(serving).await;
    let victim = World::new(&api, MARK, Role::Member).await;
    let ids = Ids::of(&victim);
    let second = ClientFields { name: MARK.into(), ..ClientFields::default() };
    api.serving.store.create_client(&victim.who, &second).await.unwrap();
    let before = snapshot(&api, &victim).await;
    assert!(before.iter().filter(|(_, body)| String::from_utf8_lossy(body).contains(MARK)).count() >= 10);
    for role in [Role::Member, Role::Admin, Role::PlatformAdmin] {
        let attacker = World::new(&api, ATTACKER, role).await;
        foreign_is_missing(&api, &attacker.token, role, &ids).await;
        cursors_open_nothing(&api, &attacker.token, &victim).await;
        assert_eq!(snapshot(&api, &victim).await, before, "{role:?} changed something");
    }
    nobody_is_told_nothing(&api, &ids).await;
    assert_eq!(snapshot(&api, &victim).await, before);
}

/// The victim's place in a list is a place in the attacker's.
async fn cursors_open_nothing(api: &Api, attacker: &Token, victim: &World) {
    let page = api.get(&victim.token, "/v1/clients?limit=1").await.ok();
    let next = page["next_cursor"].as_str().unwrap();
    let answer = api.get(attacker, &format!("/v1/clients?cursor={next}")).await;
    answer.ok();
    shows_nothing(&"a cursor", &answer, &Ids::of(victim));
}

/// Every route without a good token: the same refusal to the byte, whatever is wrong and whatever is asked for.
async fn nobody_is_told_nothing(api: &Api, ids: &Ids) {
    let forged = voice_server::auth::LocalIssuer::ephemeral().unwrap();
    let nobody = voice_server::UserId(Uuid::now_v7());
    let forged = forged.sign(nobody, std::time::Duration::from_secs(600)).unwrap();
    let tokens = [
        Token::of("x"),
        Token::of("eyJhbGciOiJub25lIn0.e30."),
        Token::of(secrecy::ExposeSecret::expose_secret(&forged)),
        api.token(nobody),
    ];
    let refusal = tellable(&api.answer(api.request(Method::GET, "/v1/me")).await);
    assert_eq!(refusal.0, StatusCode::UNAUTHORIZED);
    for operation in api.document.operations() {
        if operation.is_open() {
            continue;
        }
        for token in &tokens {
            let answer = send(api, token, &operation, ids).await;
            assert_eq!(tellable(&answer), refusal, "{} {}", operation.method, operation.template);
        }
        let path =
            if operation.template.contains('{') { ids.path(&operation.template) } else { operation.template.clone() };
        let bare = api.answer(api.request(operation.method.clone(), &path).body("{")).await;
        assert_eq!(
            tellable(&bare),
            refusal,
            "{} {}: the token is looked at first",
            operation.method,
            operation.template
        );
    }
}

#[tokio::test]
async fn nothing_of_another_tenant_is_read_changed_or_shown_to_exist() {
    attack(Serving::sqlite().await).await;
}

#[tokio::test]
async fn nothing_of_another_tenant_is_read_changed_or_shown_to_exist_in_postgres() {
    let database = TestDatabase::new().await;
    let url = |url: String| DatabaseUrl::parse(&url).unwrap();
    let config = PgConfig::new(url(database.api_url()), url(database.worker_url()));
    let store = PgStore::connect(&config).await.unwrap();
    attack(Serving::over(Arc::new(store.clone()), patient()).await).await;
    store.close().await;
}

#[tokio::test]
async fn only_a_platform_administrator_gets_past_the_door_of_the_admin_routes() {
    let api = Api::start().await;
    let victim = World::new(&api, MARK, Role::Member).await;
    let admin = somebody(&api.serving.store, victim.who.tenant(), Role::PlatformAdmin).await;
    let admin = api.token(admin.user());
    for operation in api.document.operations().iter().filter(|operation| is_for_administrators(operation)) {
        let missing = send(&api, &admin, operation, &Ids::of_nothing()).await;
        assert_ne!(missing.status, StatusCode::FORBIDDEN, "{} {}", operation.method, operation.template);
        // Of a wrong body a member learns nothing.
        if operation.takes_body() {
            let path = operation.template.replace("{id}", &Uuid::now_v7().to_string());
            let request = api.request_of(&victim.token, operation.method.clone(), &path).body("{");
            api.answer(request).await.problem(StatusCode::FORBIDDEN);
        }
    }
}

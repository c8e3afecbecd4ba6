//! What the API refuses, and how it says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod api_support;

use api_support::serving::Serving;
use api_support::world::World;
use api_support::{Answer, Api};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use voice_server::{Role, ServerLimits};

async fn start() -> (Api, World) {
    let api = Api::start().await;
    let world = World::new(&api, "Ada", Role::PlatformAdmin).await;
    (api, world)
}

async fn post(api: &Api, world: &World, path: &str, body: Value) -> Answer {
    api.send(Method::POST, &world.token, path, Some(&body)).await
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_why() {
    let (api, world) = start().await;
    let with_type = |media_type: &'static str, body: String| {
        let request = api.request_of(&world.token, Method::POST, "/v1/clients");
        api.answer(request.header("content-type", media_type).body(body))
    };
    with_type("application/json", "{".into()).await.problem(StatusCode::BAD_REQUEST);
    with_type("application/json", String::new()).await.problem(StatusCode::BAD_REQUEST);
    with_type("text/plain", "{\"name\":\"A\"}".into()).await.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = format!("{{\"name\":\"A\",\"notes\":\"{}\"}}", "x".repeat(64 * 1024));
    with_type("application/json", long).await.problem(StatusCode::PAYLOAD_TOO_LARGE);
    with_type("application/json", "{\"name\":\"\\ud800\"}".into()).await.problem(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_field_that_is_wrong_is_named() {
    let (api, world) = start().await;
    let tenant = json!(world.who.tenant());
    let lead = |phone: &str| json!({ "name": "L", "phone": phone, "campaign_id": world.campaign });
    for (path, body, named) in [
        ("/v1/clients", json!({}), "name"),
        ("/v1/clients", json!({ "name": "A", "nmae": "B" }), "nmae"),
        ("/v1/clients", json!({ "name": 5 }), "name"),
        ("/v1/clients", json!({ "name": " " }), "name"),
        ("/v1/clients", json!({ "name": "x".repeat(201) }), "name"),
        ("/v1/clients", json!({ "name": "nul\0" }), "name"),
        ("/v1/clients", json!({ "name": "A", "notes": "nul\0" }), "notes"),
        ("/v1/clients", json!({ "name": "A", "notes": "x".repeat(4_001) }), "notes"),
        ("/v1/clients", json!({ "name": "A", "phone": "030 1234" }), "phone"),
        ("/v1/clients", json!({ "name": "A", "email": "nobody" }), "email"),
        ("/v1/campaigns", json!({ "name": "A", "status": "late" }), "status"),
        ("/v1/campaigns", json!({ "name": "A", "instructions": "x".repeat(16_001) }), "instructions"),
        ("/v1/leads", lead("+0"), "phone"),
        ("/v1/leads", json!({ "name": "L", "phone": "+4930123456", "campaign_id": "x" }), "campaign_id"),
        ("/v1/admin/tenants", json!({ "name": "", "plan_id": Uuid::nil() }), "name"),
        ("/v1/admin/users", json!({ "id": Uuid::nil(), "tenant_id": tenant, "role": "god", "full_name": "" }), "role"),
        (
            "/v1/admin/users",
            json!({ "id": Uuid::nil(), "tenant_id": tenant, "role": "member", "full_name": "\0" }),
            "full_name",
        ),
    ] {
        let problem = post(&api, &world, path, body.clone()).await.problem(StatusCode::UNPROCESSABLE_ENTITY);
        assert!(problem.contains(named), "{body}: {problem}");
    }
    let tenant = format!("/v1/admin/tenants/{}", world.who.tenant());
    for (path, change, named) in [
        ("/v1/me", json!({ "full_name": "" }), "full_name"),
        ("/v1/me", json!({ "role": "platform_admin", "full_name": "A" }), "role"),
        (&tenant, json!({ "retention_days": 4_000_000_000_u32 }), "retention_days"),
        (&tenant, json!({ "allowed_origins": ["*"] }), "allowed_origins"),
        (&tenant, json!({ "allowed_origins": vec!["https://a.example"; 51] }), "allowed_origins"),
    ] {
        let answer = api.send(Method::PATCH, &world.token, path, Some(&change)).await;
        let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY);
        assert!(problem.contains(named), "{change}: {problem}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_told_why() {
    let (api, world) = start().await;
    for (path, named) in [
        ("/v1/calls?stauts=active", "stauts"),
        ("/v1/calls?status=late", "late"),
        ("/v1/calls?limit=0", "limit"),
        ("/v1/calls?limit=201", "limit"),
        ("/v1/calls?limit=-1", "limit"),
        ("/v1/calls?limit=1&limit=2", "limit"),
        ("/v1/calls?cursor=x", "cursor"),
        ("/v1/calls?cursor=", "cursor"),
        // A time before 1970, of this API's own form.
        ("/v1/calls?cursor=gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "cursor"),
        ("/v1/calls?from=yesterday", "from"),
        ("/v1/calls?from=9999-12-31T23:59:59-12:00", "from"),
        ("/v1/calls?to=0001-01-01T00:00:00Z", "to"),
        ("/v1/calls?lead_id=5", "lead_id"),
        ("/v1/calls?end_reason=%00", "end_reason"),
        ("/v1/calls?end_reason=it's", "end_reason"),
        ("/v1/leads?campaign_id=5", "campaign_id"),
        ("/v1/clients?name=A", "name"),
        ("/v1/analytics?from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "366"),
        ("/v1/analytics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "before"),
        ("/v1/analytics?from=9999-01-01T00:00:00Z", "before"),
    ] {
        let problem = api.get(&world.token, path).await.problem(StatusCode::BAD_REQUEST);
        assert!(problem.contains(named), "{path}: {problem}");
    }
    api.get(&world.token, "/v1/calls?from=1970-01-01T00:00:00Z&to=9999-12-31T23:59:59Z").await.ok();
    let long = format!("/v1/calls?cursor={}", "x".repeat(2_048));
    api.get(&world.token, &long).await.problem(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_id_that_is_none_a_path_that_is_none_and_a_wrong_method_are_problems() {
    let (api, world) = start().await;
    for path in ["/v1/calls/5", "/v1/clients/x", "/v1/admin/tenants/%00", "/v1/calls/5/recording"] {
        api.get(&world.token, path).await.problem(StatusCode::BAD_REQUEST);
    }
    for path in ["/v1", "/v1/nothing", "/v1/calls/", "/v1/calls/5/6/7", "/v1/../v1/nothing"] {
        api.answer(api.request(Method::GET, path)).await.problem(StatusCode::NOT_FOUND);
    }
    let answer = api.send(Method::DELETE, &world.token, "/v1/me", None).await;
    answer.problem(StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), "GET,HEAD,PATCH");
}

#[tokio::test]
async fn what_the_rows_forbid_is_a_conflict() {
    let (api, world) = start().await;
    let lead = json!({ "name": "L", "phone": "+4930123456", "campaign_id": world.campaign });
    let twice = post(&api, &world, "/v1/leads", lead).await.problem(StatusCode::CONFLICT);
    assert!(twice.contains("phone"), "{twice}");
    let nowhere = json!({ "name": "L", "phone": "+4930123457", "campaign_id": Uuid::now_v7() });
    let nowhere = post(&api, &world, "/v1/leads", nowhere).await.problem(StatusCode::CONFLICT);
    assert!(nowhere.contains("campaign_id"), "{nowhere}");
    let no_plan = json!({ "name": "T", "plan_id": Uuid::now_v7() });
    post(&api, &world, "/v1/admin/tenants", no_plan).await.problem(StatusCode::CONFLICT);
    let user = json!({ "id": world.who.user(), "tenant_id": world.who.tenant(), "role": "member", "full_name": "" });
    post(&api, &world, "/v1/admin/users", user).await.problem(StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_transcript_in_no_form_that_there_is_is_not_acceptable() {
    let (api, world) = start().await;
    let path = format!("/v1/calls/{}/transcript", world.call);
    let request = api.request_of(&world.token, Method::GET, &path).header("accept", "text/html");
    api.answer(request).await.problem(StatusCode::NOT_ACCEPTABLE);
    api.get(&world.token, &format!("{path}?format=html")).await.problem(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_database_that_is_away_is_503_and_says_when_to_try_again() {
    let (api, world) = start().await;
    api.serving.close_store().await;
    let answer = api.get(&world.token, "/v1/plans").await;
    answer.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());
    api.answer(api.request(Method::GET, "/v1/openapi.json")).await.ok();
}

#[tokio::test]
async fn what_the_database_says_is_in_no_answer() {
    let (api, world) = start().await;
    api.serving.meddle("ALTER TABLE clients RENAME TO secret_name_of_a_table").await;
    let problem = api.get(&world.token, "/v1/clients").await.problem(StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(problem, "the server could not do this; its log says why");
    api.get(&world.token, "/v1/me").await.ok();
}

#[tokio::test]
async fn a_slow_database_is_503_at_the_deadline_and_no_hang() {
    let limits = ServerLimits { api_ms: 1_500, ..ServerLimits::default() };
    let api = Api::over(Serving::sqlite_with(limits).await).await;
    let world = World::new(&api, "Ada", Role::Member).await;
    let lock = api.serving.lock().await;
    let change = json!({ "full_name": "Late" });
    let answer = api.send(Method::PATCH, &world.token, "/v1/me", Some(&change)).await;
    let problem = answer.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert!(problem.contains("took too long"), "{problem}");
    assert!(!answer.header("retry-after").is_empty());
    drop(lock);
}

#[tokio::test]
async fn pages_of_other_hosts_get_nothing_unless_they_are_listed() {
    let limits = ServerLimits { allowed_origins: vec!["https://app.example".into()], ..ServerLimits::default() };
    let api = Api::over(Serving::sqlite_with(limits).await).await;
    let world = World::new(&api, "Ada", Role::Member).await;
    for (origin, allowed) in [("https://app.example", "https://app.example"), ("https://evil.example", "")] {
        let preflight = api.request(Method::OPTIONS, "/v1/calls").header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "GET").send().await.unwrap();
        let granted = |headers: &reqwest::header::HeaderMap| {
            headers.get("access-control-allow-origin").map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        assert_eq!(granted(preflight.headers()), allowed);
        assert!(!preflight.headers().contains_key("access-control-allow-credentials"));
        let answer = api.answer(api.request_of(&world.token, Method::GET, "/v1/me").header("origin", origin)).await;
        assert_eq!(granted(&answer.headers), allowed);
    }
    let closed = Api::start().await;
    let answer =
        closed.request(Method::OPTIONS, "/v1/me").header("origin", "https://app.example").send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

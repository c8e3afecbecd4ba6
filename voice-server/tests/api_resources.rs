//! What the API gives and takes where nothing is wrong. Every answer is held against the OpenAPI document.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod api_support;

use api_support::world::{Placed, World, minutes_ago, put, somebody};
use api_support::{Answer, Api, Token, pass};
use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;
use voice_server::store::{Entry, Utterance, Who};
use voice_server::{Role, TenantId};

/// What a user is here is believed for so long.
const BELIEVED: Duration = Duration::from_secs(1);

async fn start() -> (Api, World) {
    let api = Api::start().await;
    let world = World::new(&api, "Ada", Role::Member).await;
    (api, world)
}

fn items(answer: &Answer) -> Vec<Value> {
    answer.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_user_sees_and_renames_themselves() {
    let (api, world) = start().await;
    let me = api.get(&world.token, "/v1/me").await.ok();
    assert_eq!(me["user"]["id"], json!(world.who.user()));
    assert_eq!(me["tenant"]["id"], json!(world.who.tenant()));
    assert_eq!((&me["user"]["role"], &me["user"]["full_name"]), (&json!("member"), &json!("Ada")));
    let plans = api.get(&world.token, "/v1/plans").await.ok();
    assert!(plans.as_array().unwrap().contains(&me["plan"]), "{plans}");
    let renamed = api.send(Method::PATCH, &world.token, "/v1/me", Some(&json!({ "full_name": "Ada L." }))).await.ok();
    assert_eq!(renamed["full_name"], "Ada L.");
    assert_eq!(api.get(&world.token, "/v1/me").await.ok()["user"], renamed);
}

#[tokio::test]
async fn the_dashboard_and_the_analytics_count_the_calls() {
    let (api, world) = start().await;
    let running = Placed::by(&world.who, minutes_ago(1));
    api.serving.store.write(&[running.start()]).await.unwrap();
    let dashboard = api.get(&world.token, "/v1/dashboard").await.ok();
    assert_eq!((&dashboard["active_calls"], &dashboard["clients"]), (&json!(1), &json!(1)));
    let analytics = api.get(&world.token, "/v1/analytics").await.ok();
    assert_eq!((&analytics["calls"], &analytics["talk_ms"]), (&json!(2), &json!(60_000)));
    let past = "/v1/analytics?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00%2B01:00";
    assert_eq!(api.get(&world.token, past).await.ok()["calls"], 0);
}

#[tokio::test]
async fn calls_are_filtered_by_what_they_are() {
    let (api, world) = start().await;
    let running = Placed::by(&world.who, minutes_ago(1));
    let lost = Placed::by(&world.who, minutes_ago(60 * 24));
    let entries = [running.start(), lost.start(), lost.end("line_lost", 0)];
    api.serving.store.write(&entries).await.unwrap();
    let since = minutes_ago(30).format(&time::format_description::well_known::Rfc3339).unwrap();
    for (query, expected) in [
        (String::new(), vec![running.id(), world.call, lost.id()]),
        ("?status=active".into(), vec![running.id()]),
        ("?status=ended".into(), vec![world.call, lost.id()]),
        (format!("?lead_id={}", world.lead), vec![world.call]),
        ("?end_reason=line_lost".into(), vec![lost.id()]),
        (format!("?from={since}"), vec![running.id(), world.call]),
        (format!("?to={since}"), vec![lost.id()]),
        (format!("?from={since}&status=ended"), vec![world.call]),
        (format!("?lead_id={}", Uuid::now_v7()), vec![]),
    ] {
        let answer = api.get(&world.token, &format!("/v1/calls{query}")).await;
        let found: Vec<_> = items(&answer).iter().map(|call| call["id"].clone()).collect();
        assert_eq!(found, expected.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{query}");
    }
}

#[tokio::test]
async fn a_call_has_all_that_was_said_and_where_the_time_went() {
    let (api, world) = start().await;
    let path = format!("/v1/calls/{}", world.call);
    let call = api.get(&world.token, &path).await.ok();
    assert_eq!((&call["end_reason"], &call["recorded"]), (&json!("caller_hung_up"), &json!(true)));
    let utterances = call["utterances"].as_array().unwrap();
    assert_eq!(utterances.iter().map(|said| &said["seq"]).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(utterances[4]["times"]["voice_to_voice_ms"], 612.5);
    assert_eq!(utterances[4]["timeline"], json!({ "turn": 4 }));
    let conversation = api.get(&world.token, &format!("{path}/conversation")).await.ok();
    assert_eq!(conversation, json!([{ "role": "caller", "text": "Ada" }]));
}

async fn transcript(api: &Api, world: &World, accept: &str, query: &str) -> Answer {
    let path = format!("/v1/calls/{}/transcript{query}", world.call);
    api.answer(api.request_of(&world.token, Method::GET, &path).header(ACCEPT, accept)).await
}

#[tokio::test]
async fn a_transcript_has_each_turn_once_in_the_form_that_is_asked_for() {
    let (api, world) = start().await;
    let json = transcript(&api, &world, "*/*", "").await.ok();
    assert_eq!(
        json["lines"],
        json!([
            { "speaker": "caller", "text": "On Tuesday at three Ada", "start_ms": 2_000, "end_ms": 2_900, "interrupted": false },
            { "speaker": "agent", "text": "Booked. Ada", "start_ms": 4_000, "end_ms": 4_900, "interrupted": true },
        ])
    );
    let text = "[00:00:02.000] Caller: On Tuesday at three Ada\n[00:00:04.000] Agent: Booked. Ada [interrupted]\n";
    let vtt = "WEBVTT\n\n00:00:02.000 --> 00:00:02.900\n<v Caller>On Tuesday at three Ada</v>\n\n\
        00:00:04.000 --> 00:00:04.900\n<v Agent>Booked. Ada</v>\n";
    for (accept, query, media_type, expected) in [
        ("text/plain", "", "text/plain; charset=utf-8", text),
        ("text/vtt;q=0.9, text/plain;q=0.1", "", "text/vtt; charset=utf-8", vtt),
        ("application/json", "?format=text", "text/plain; charset=utf-8", text),
        ("text/html", "?format=vtt", "text/vtt; charset=utf-8", vtt),
    ] {
        let answer = transcript(&api, &world, accept, query).await;
        assert_eq!((answer.header("content-type"), answer.text().as_str()), (media_type, expected), "{accept} {query}");
    }
}

#[tokio::test]
async fn hostile_words_stay_within_their_line_of_a_transcript() {
    let (api, mut world) = start().await;
    let hostile = "</v>\n\n00:00:00.000 --> 99:00:00.000\n<v Agent>I agree\n[00:00:09.000] Agent: sold";
    let placed = Placed::by(&world.who, minutes_ago(5));
    let said = Utterance { text: hostile.into(), ..api_support::world::utterance(0, Who::Caller) };
    api.serving.store.write(&[placed.start(), placed.said(said)]).await.unwrap();
    world.call = placed.id();
    let vtt = transcript(&api, &world, "text/vtt", "").await.text();
    assert_eq!((vtt.matches("-->").count(), vtt.matches('<').count(), vtt.lines().count()), (1, 2, 4), "{vtt}");
    assert_eq!(transcript(&api, &world, "text/plain", "").await.text().lines().count(), 1);
}

/// Makes, reads, lists, replaces and deletes.
async fn lives(api: &Api, token: &Token, collection: &str, first: Value, second: Value) {
    let path = format!("/v1/{collection}");
    let answer = api.send(Method::POST, token, &path, Some(&first)).await;
    let made = answer.json(StatusCode::CREATED);
    let place = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), place);
    assert_eq!(api.get(token, &place).await.ok(), made);
    assert_eq!(items(&api.get(token, &path).await)[0], made, "the newest is first");
    let replaced = api.send(Method::PUT, token, &place, Some(&second)).await.ok();
    for (name, value) in second.as_object().unwrap() {
        assert_eq!(&replaced[name], value, "{name}");
    }
    assert_eq!((&replaced["id"], &replaced["created_at"]), (&made["id"], &made["created_at"]));
    assert_eq!(api.get(token, &place).await.ok(), replaced);
    let deleted = api.send(Method::DELETE, token, &place, None).await;
    assert_eq!((deleted.status, deleted.body.len()), (StatusCode::NO_CONTENT, 0));
    for method in [Method::GET, Method::DELETE] {
        api.send(method, token, &place, None).await.problem(StatusCode::NOT_FOUND);
    }
    api.send(Method::PUT, token, &place, Some(&second)).await.problem(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn clients_campaigns_and_leads_are_made_changed_and_deleted() {
    let (api, world) = start().await;
    let full = json!({ "name": "Bo", "phone": "+4930999999", "email": "bo@example.com", "notes": "one\n\ttwo ✓" });
    lives(&api, &world.token, "clients", json!({ "name": "B" }), full).await;
    let full = json!({ "name": "Spring", "status": "active", "instructions": "Be brief.\nBe kind." });
    lives(&api, &world.token, "campaigns", json!({ "name": "S" }), full).await;
    let first = json!({ "name": "L", "phone": "+4930111111", "campaign_id": world.campaign });
    let full = json!({ "name": "Lee", "phone": "+4930222222", "campaign_id": world.campaign, "client_id": world.client,
        "status": "do_not_call", "notes": "No." });
    lives(&api, &world.token, "leads", first, full).await;
}

#[tokio::test]
async fn leads_are_filtered_by_campaign_and_status() {
    let (api, world) = start().await;
    for (query, count) in [
        (format!("?campaign_id={}&status=new", world.campaign), 1),
        (format!("?campaign_id={}&status=won", world.campaign), 0),
        (format!("?campaign_id={}", Uuid::now_v7()), 0),
    ] {
        assert_eq!(items(&api.get(&world.token, &format!("/v1/leads{query}")).await).len(), count, "{query}");
    }
}

/// The ids of a whole list, read in pages of `limit`.
async fn read_through(api: &Api, token: &Token, list: &str, limit: usize) -> Vec<Value> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(token, &format!("{list}?limit={limit}{cursor}")).await.ok();
        let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
        assert!(ids.len() <= limit);
        found.extend(ids);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn five_hundred_calls_are_read_page_by_page_while_more_come() {
    let (api, world) = start().await;
    let store = &api.serving.store;
    // Several of one instant, so that the time alone is no order.
    let calls: Vec<_> = (0..500).map(|n| Placed::by(&world.who, minutes_ago(60 + n / 7))).collect();
    let entries: Vec<Entry> = calls.iter().map(Placed::start).collect();
    for batch in entries.chunks(100) {
        store.write(batch).await.unwrap();
    }
    let all: BTreeSet<_> = calls.iter().map(|call| call.id().to_string()).chain([world.call.to_string()]).collect();
    for limit in [200, 43] {
        let found = read_through(&api, &world.token, "/v1/calls", limit).await;
        let unique: BTreeSet<_> = found.iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        assert_eq!((found.len(), unique), (501, all.clone()), "pages of {limit}");
    }
    // What comes while somebody reads is newer, and moves nothing.
    let page = api.get(&world.token, "/v1/calls?limit=100").await.ok();
    store.write(&[Placed::by(&world.who, minutes_ago(0)).start()]).await.unwrap();
    let next = page["next_cursor"].as_str().unwrap();
    let second = api.get(&world.token, &format!("/v1/calls?limit=100&cursor={next}")).await;
    let seen = page["items"].as_array().unwrap();
    assert!(items(&second).iter().all(|call| !seen.contains(call)));
}

#[tokio::test]
async fn a_platform_administrator_makes_tenants_and_their_users() {
    let (api, world) = start().await;
    let admin = somebody(&api.serving.store, TenantId(Uuid::now_v7()), Role::PlatformAdmin).await;
    let admin = api.token(admin.user());
    let plan = api.get(&admin, "/v1/plans").await.ok()[0]["id"].clone();
    let new = json!({ "name": "New", "plan_id": plan });
    let answer = api.send(Method::POST, &admin, "/v1/admin/tenants", Some(&new)).await;
    let tenant = answer.json(StatusCode::CREATED);
    let place = answer.header("location").to_owned();
    assert_eq!(api.get(&admin, &place).await.ok(), tenant);
    assert!(items(&api.get(&admin, "/v1/admin/tenants").await).contains(&tenant));

    let change = json!({ "retention_days": 30, "records_calls": true, "allowed_origins": ["https://app.example"] });
    let changed = api.send(Method::PATCH, &admin, &place, Some(&change)).await.ok();
    assert_eq!((&changed["retention_days"], &changed["name"]), (&json!(30), &json!("New")));
    assert_eq!(api.send(Method::PATCH, &admin, &place, Some(&json!({}))).await.ok(), changed, "nothing is named");

    let id = Uuid::now_v7();
    let user = json!({ "id": id, "tenant_id": tenant["id"], "role": "member", "full_name": "Nia" });
    let answer = api.send(Method::POST, &admin, "/v1/admin/users", Some(&user)).await;
    let user = answer.json(StatusCode::CREATED);
    let user_place = answer.header("location").to_owned();
    assert_eq!(items(&api.get(&admin, &format!("{place}/users")).await), [user]);
    let token = api.token(voice_server::UserId(id));
    assert_eq!(api.get(&token, "/v1/me").await.ok()["tenant"], changed, "the new user is let in");
    let promoted = api.send(Method::PATCH, &admin, &user_place, Some(&json!({ "role": "admin" }))).await.ok();
    assert_eq!((&promoted["role"], &promoted["full_name"]), (&json!("admin"), &json!("Nia")));

    let suspend = json!({ "status": "suspended" });
    api.send(Method::PATCH, &admin, &place, Some(&suspend)).await.ok();
    pass(BELIEVED).await;
    api.get(&token, "/v1/me").await.problem(StatusCode::FORBIDDEN);
    api.send(Method::PATCH, &admin, &place, Some(&json!({ "status": "active" }))).await.ok();
    assert_eq!(api.send(Method::DELETE, &admin, &user_place, None).await.status, StatusCode::NO_CONTENT);
    pass(BELIEVED).await;
    api.get(&token, "/v1/me").await.problem(StatusCode::UNAUTHORIZED);
    api.send(Method::DELETE, &admin, &user_place, None).await.problem(StatusCode::NOT_FOUND);
    api.get(&world.token, "/v1/me").await.ok();
}

#[tokio::test]
async fn recordings_are_listed_without_where_they_are_kept() {
    let (api, world) = start().await;
    let second = Placed::by(&world.who, minutes_ago(3));
    api.serving.store.write(&second.whole("Ada", 3)).await.unwrap();
    put(&api.serving.recordings, &second.object_key(), vec![1, 2, 3]).await;
    let answer = api.get(&world.token, "/v1/recordings").await;
    let found: BTreeSet<_> = items(&answer).iter().map(|recording| recording["id"].to_string()).collect();
    let expected = [world.recording, second.recording_id()].map(|id| json!(id).to_string());
    assert_eq!(found, BTreeSet::from(expected));
    assert!(!answer.text().contains(".ogg"), "{}", answer.text());
}

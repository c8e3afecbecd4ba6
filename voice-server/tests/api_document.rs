//! The OpenAPI document and the router say the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod api_support;

use api_support::Api;
use api_support::world::World;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use uuid::Uuid;
use voice_server::Role;

/// What every part of the document says, by its key, wherever it is.
fn walk<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|value| walk(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, key, found)),
        _ => {}
    }
}

fn all<'a>(document: &'a Value, key: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    walk(document, key, &mut found);
    found
}

/// The documented methods of each path.
fn methods(api: &Api) -> BTreeMap<String, BTreeSet<String>> {
    let mut methods = BTreeMap::<_, BTreeSet<_>>::new();
    for operation in api.document.operations() {
        methods.entry(operation.template).or_default().insert(operation.method.to_string());
    }
    methods
}

#[tokio::test]
async fn it_is_openapi_3_1_and_needs_no_token() {
    let api = Api::start().await;
    let answer = api.answer(api.request(Method::GET, "/v1/openapi.json")).await;
    let document = answer.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(answer.header("content-type"), "application/json");
    for place in all(&document, "$ref") {
        let place = place.as_str().unwrap();
        assert!(document.pointer(place.strip_prefix('#').unwrap()).is_some(), "{place}");
    }
    let ids = all(&document, "operationId");
    let unique: BTreeSet<_> = ids.iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!((ids.len(), unique.len()), (api.document.operations().len(), ids.len()));
}

#[tokio::test]
async fn the_routes_are_those_that_clients_were_promised() {
    let api = Api::start().await;
    let found: Vec<_> = methods(&api)
        .into_iter()
        .map(|(path, methods)| format!("{path} {}", methods.into_iter().collect::<Vec<_>>().join(" ")))
        .collect();
    let promised = [
        "/v1/admin/tenants GET POST",
        "/v1/admin/tenants/{id} GET PATCH",
        "/v1/admin/tenants/{id}/users GET",
        "/v1/admin/users POST",
        "/v1/admin/users/{id} DELETE PATCH",
        "/v1/analytics GET",
        "/v1/calls GET",
        "/v1/calls/{id} GET",
        "/v1/calls/{id}/conversation GET",
        "/v1/calls/{id}/recording GET",
        "/v1/calls/{id}/transcript GET",
        "/v1/calls/{id}/turn-log GET",
        "/v1/campaigns GET POST",
        "/v1/campaigns/{id} DELETE GET PUT",
        "/v1/clients GET POST",
        "/v1/clients/{id} DELETE GET PUT",
        "/v1/dashboard GET",
        "/v1/leads GET POST",
        "/v1/leads/{id} DELETE GET PUT",
        "/v1/me GET PATCH",
        "/v1/openapi.json GET",
        "/v1/plans GET",
        "/v1/recordings GET",
        "/v1/tickets POST",
    ];
    assert_eq!(found, promised);
}

#[tokio::test]
async fn what_is_documented_is_routed_and_no_other_method_is() {
    let api = Api::start().await;
    let world = World::new(&api, "Ada", Role::PlatformAdmin).await;
    for (template, documented) in methods(&api) {
        let path = template.replace("{id}", &Uuid::now_v7().to_string());
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"] {
            let answer = api.answer(api.request_of(&world.token, method.parse().unwrap(), &path)).await;
            let what = format!("{method} {template}: {}", answer.text());
            if documented.contains(method) {
                assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{what}");
                assert!(!answer.text().contains("there is no such path"), "{what}");
                continue;
            }
            answer.problem(StatusCode::METHOD_NOT_ALLOWED);
            let allowed: BTreeSet<_> =
                answer.header("allow").split(',').map(|method| method.trim().to_owned()).collect();
            let mut expected = documented.clone();
            if expected.contains("GET") {
                expected.insert("HEAD".into());
            }
            assert_eq!(allowed, expected, "{what}");
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn a_route_is_made_in_no_way_that_leaves_it_out_of_the_document() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
    let files = sources(&folder);
    assert!(files.len() > 15);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for way in [".route(", ".route_service(", ".nest_service(", ".fallback_service(", "Router::from"] {
            assert!(!text.contains(way), "{} uses {way}: use routes!", file.display());
        }
    }
}

#[tokio::test]
async fn every_operation_tells_its_refusals_as_problems_and_asks_for_a_token() {
    let api = Api::start().await;
    let document = &api.document.0;
    assert_eq!(document["security"], serde_json::json!([{ "bearer": [] }]));
    for operation in api.document.operations() {
        let place = (&operation.template, operation.method.as_str().to_lowercase());
        let about = &document["paths"][place.0][&place.1];
        for (status, response) in about["responses"].as_object().unwrap() {
            assert!(
                response["description"].as_str().is_some_and(|about| !about.is_empty()),
                "{place:?} {status} {response}"
            );
            if status.as_str() >= "400" {
                let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(problem, "#/components/schemas/ProblemDocument", "{place:?} {status}");
            }
        }
        if !operation.is_open() {
            assert!(about["responses"]["401"].is_object(), "{place:?}");
        }
        assert!(about["summary"].is_string() || about["description"].is_string(), "{place:?}");
    }
    let open: Vec<_> = api.document.operations().into_iter().filter(|operation| operation.is_open()).collect();
    assert_eq!(open.len(), 1, "{open:?}");
}

//! Past calls on the page: they are listed, read, heard and looked into.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::serve_support::access_support::{Access, TENANT};
use browser_support::serve_support::{TestServer, no_hang};
use browser_support::talk::{agent, sound};
use browser_support::{Microphone, Page};
use object_store::memory::InMemory;
use secrecy::ExposeSecret;
use std::sync::Arc;
use uuid::Uuid;
use voice_server::store::TenantChange;
use voice_server::{PersistConfig, PersistLimits, Role, ServerConfig, ServerLimits, UserId};

/// A server that keeps its calls and records them, and signs nobody in.
async fn keeping(data: &std::path::Path) -> TestServer {
    let access = Access::new().await;
    let admin = UserId(Uuid::from_u128(3));
    access.store.ensure_development(TENANT, admin, Role::PlatformAdmin).await.unwrap();
    let administrator = access.store.standing(admin).await.unwrap().unwrap().principal;
    let change = TenantChange { records_calls: Some(true), ..TenantChange::default() };
    access.store.change_tenant(&administrator, TENANT, &change).await.unwrap();
    let config = ServerConfig {
        persist: Some(PersistConfig { data: data.to_owned(), limits: PersistLimits::default() }),
        recordings: Arc::new(InMemory::new()),
        ..access.config(agent("Good morning.", &["when can I come"], &["On Friday."]), ServerLimits::default())
    };
    TestServer::with(access, config).await
}

/// It is kept a little after the call.
async fn until_there_is_a_turn_log(server: &TestServer, page: &Page) {
    let ready = "window.dummyCall.events().find((event) => event.message.type === 'ready')";
    let id = page.web.run(&format!("return {ready}.message.call_id")).await;
    let path = format!("/v1/calls/{}/turn-log", id.as_str().unwrap());
    let bearer = server.access.bearer();
    no_hang(async { while server.get_as(&path, &bearer).await.starts_with("HTTP/1.1 404") {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_can_be_read_heard_and_looked_into_once_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let server = keeping(folder.path()).await;
    let page = Page::start(Microphone::Allowed, None).await;
    let token = server.access.token();
    page.visit(&server, &format!("/?x=1#token={}", token.expose_secret())).await;
    page.until_text("#token-offer-words", "Use it only if you opened this address on purpose.").await;
    page.until("body[data-signed-in=false]").await;
    page.click("#token-use").await;
    page.until("body[data-signed-in=true]").await;
    page.until("#token-offer[hidden]").await;
    page.until_text("#who", "signed in as").await;
    assert_eq!(page.web.run("return location.search + location.hash").await, "?x=1", "no token");
    page.choose_files(&[sound(folder.path(), "ask.wav", 0, 1_000)]).await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "On Friday.").await;
    page.click("#call").await;
    page.until_state("ended").await;
    server.until_metric("voice_journal_unstored_bytes 0").await;

    page.click("#tab-past").await;
    page.click("#past-list li:first-child button").await;
    page.until_text(".replay li[data-who=agent]", "Good morning.").await;
    page.until_text(".replay li[data-who=caller]", "when can I come").await;
    page.until("#past-detail .turns li[data-voice-to-voice-ms]").await;
    page.until("#past-detail audio").await;
    page.click(".replay li[data-who=caller] button").await;
    page.until_text(".replay .now", "when").await;

    until_there_is_a_turn_log(&server, &page).await;
    page.click("#past-detail .downloads button:last-of-type").await;
    page.until_text("#log-title", "(turn log)").await;
    page.until_text("#log-rows td", "end_call").await;

    page.click("#tab-call").await;
    page.click("#downloads [aria-label='From this page'] button:last-of-type").await;
    page.until_text("#log-rows td", "bye").await;
    page.close().await;
    server.stopped().await;
}

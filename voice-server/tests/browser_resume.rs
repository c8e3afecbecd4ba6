//! The page when the connection breaks in the middle of a word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::link::Link;
use browser_support::talk::agent;
use browser_support::{Microphone, Page, serve};
use serde_json::Value;

const GREETING: &str = "Good morning, this is the office. How can I help?";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_goes_on_from_the_very_sample_and_says_how_long_it_was_away() {
    let server = serve(agent(GREETING, &[], &[])).await;
    let link = Link::to(server.address).await;
    let page = Page::start(Microphone::Allowed, None).await;
    page.visit_at(link.address, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning,").await;
    link.cut();
    page.until_state("reconnecting").await;
    page.until_text("#reason", "the call is kept for").await;
    link.mend();
    page.until_text("#transcript li[data-who=gap]", "connection lost for").await;
    page.until_text("#transcript li[data-outcome=completed] .heard", "How can I help?").await;
    page.until_text("[data-counter=reconnects]", "1").await;
    every_sample_was_heard_once(&page).await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.until_text("#status", "You hung up.").await;
    page.close().await;
    server.stopped().await;
}

const HUNG_UP: &str = "voice_calls_ended_total{reason=\"caller_hung_up\"} 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_without_a_connection_is_done_and_the_server_is_told_once_it_can_be() {
    let server = serve(agent(GREETING, &[], &[])).await;
    let link = Link::to(server.address).await;
    let page = Page::start(Microphone::Allowed, None).await;
    page.visit_at(link.address, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning,").await;
    link.cut();
    page.until_state("reconnecting").await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.until_text("#reason", "goes on trying to tell the server").await;
    link.mend();
    server.until_metric(HUNG_UP).await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_the_page_hangs_up() {
    let server = serve(agent(GREETING, &[], &[])).await;
    let page = Page::start(Microphone::Allowed, None).await;
    page.visit(&server, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning,").await;
    page.visit(&server, "/page/icon.svg").await;
    server.until_metric(HUNG_UP).await;
    page.close().await;
    server.stopped().await;
}

/// Silence within a reply is in no run; what is in one follows on the one before, up to the reply's last sample.
async fn every_sample_was_heard_once(page: &Page) {
    let ended = "window.dummyCall.events().find((event) => event.message.type === 'audio_end')";
    let total = page.web.run(&format!("return {ended}.message.total_samples")).await.as_u64().unwrap();
    let log = page.web.run("return window.dummyCall.renderedLog()").await;
    let mut next = 0;
    for run in log["runs"].as_array().unwrap() {
        let at = |name: &str| run[name].as_u64().unwrap();
        assert!(at("first_sample") >= next, "said twice: {run} after {next}");
        next = at("first_sample") + at("samples");
    }
    let told = page
        .web
        .run("return window.dummyCall.events().filter((event) => event.message.type === 'played').at(-1)")
        .await;
    assert_eq!((next <= total, &told["message"]["samples"]), (true, &Value::from(total)));
}

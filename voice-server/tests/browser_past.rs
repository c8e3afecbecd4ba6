//! Past calls on the page: they are listed, read, heard and looked into.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::keeping::keep;
use browser_support::serve_support::{TestServer, no_hang};
use browser_support::talk::{agent, sound};
use browser_support::{Microphone, Page};
use secrecy::ExposeSecret;

/// It is kept a little after the call.
async fn until_kept(what: &str, server: &TestServer, page: &Page) {
    let ready = "window.dummyCall.events().find((event) => event.message.type === 'ready')";
    let id = page.web.run(&format!("return {ready}.message.call_id")).await;
    let path = format!("/v1/calls/{}/{what}", id.as_str().unwrap());
    let bearer = server.access.bearer();
    no_hang(async { while server.get_as(&path, &bearer).await.starts_with("HTTP/1.1 404") {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_can_be_read_heard_and_looked_into_once_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let server = keep(agent("Good morning.", &["when can I come"], &["On Friday."]), folder.path()).await;
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
    until_kept("recording", &server, &page).await;

    page.click("#tab-past").await;
    page.click("#past-list li:first-child button").await;
    page.until_text(".replay li[data-who=agent]", "Good morning.").await;
    page.until_text(".replay li[data-who=caller]", "when can I come").await;
    page.until("#past-detail .turns li[data-voice-to-voice-ms]").await;
    page.until("#past-detail audio").await;
    page.web.run("document.querySelector('#past-detail audio').loop = true").await;
    page.click(".replay li[data-who=caller] button").await;
    page.until_text(".replay .now", "when").await;
    // Nobody hears what nobody sees.
    let is_paused = "return document.querySelector('#past-detail audio').paused";
    assert_eq!(page.web.run(is_paused).await, false);
    page.click("#tab-call").await;
    assert_eq!(page.web.run(is_paused).await, true);
    page.click("#tab-past").await;

    until_kept("turn-log", &server, &page).await;
    page.click("#past-detail .downloads button:last-of-type").await;
    page.until_text("#log-title", "(turn log)").await;
    page.until_text("#log-rows td", "end_call").await;
    let first_line = "document.activeElement === document.querySelector('#log-rows tr')";
    page.until_true("the focus on the first line", first_line).await;

    page.click("#tab-call").await;
    page.click("#downloads [aria-label='From this page'] button:last-of-type").await;
    page.until_text("#log-rows td", "bye").await;
    page.close().await;
    server.stopped().await;
}

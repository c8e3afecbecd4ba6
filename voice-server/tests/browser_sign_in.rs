//! Who is signed in on a page whose server signs nobody in, or whose own token was left for another one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::serve_support::TestServer;
use browser_support::serve_support::access_support::Access;
use browser_support::talk::agent;
use browser_support::{Microphone, Page, serve};
use secrecy::{ExposeSecret, SecretString};
use voice_server::ServerLimits;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_pasted_and_one_that_is_not_taken_is_asked_for_again() {
    let access = Access::new().await;
    let config = access.config(agent("Good morning.", &[], &[]), ServerLimits::default());
    let server = TestServer::with(access, config).await;
    let page = Page::start(Microphone::Allowed, None).await;
    page.visit(&server, "/").await;
    page.until("#sign-in:not([hidden])").await;
    page.click("#call").await;
    page.until_text("#reason", "Sign in first").await;

    // A link cannot sign anybody in by itself, also not while the page is open.
    page.web.run("location.hash = '#token=of.somebody.else'").await;
    page.until("#token-offer:not([hidden])").await;
    page.until_text("#token-offer-words", "somebody it does not name").await;
    page.click("#token-drop").await;
    page.until("#token-offer[hidden]").await;
    page.until("body[data-signed-in=false]").await;

    page.web.type_into("#token", "t\u{f6}k\u{e9}n\n").await;
    page.until_text("#token-fault", "That is no token").await;
    page.until("#sign-in:not([hidden])").await;

    page.web.type_into("#token", "no.token.atall\n").await;
    page.until("#sign-in[hidden]").await;
    page.until("#token-fault[hidden]").await;
    page.until_true("the focus on the button for a call", "document.activeElement.id === 'call'").await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.until("#sign-in:not([hidden])").await;

    let token = server.access.token();
    page.web.type_into("#token", &format!("{}\n", token.expose_secret())).await;
    page.until("#sign-in[hidden]").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning.").await;
    let kept = page.web.run("return JSON.stringify([location.href, localStorage.length, document.cookie])").await;
    assert!(
        !kept.as_str().unwrap().contains(token.expose_secret()) && kept.as_str().unwrap().ends_with(",0,\"\"]"),
        "{kept}"
    );
    page.click("#call").await;
    page.until_state("ended").await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_development_there_is_a_way_back_from_a_token_that_is_not_taken() {
    let server = serve(agent("Good morning.", &[], &[])).await;
    let page = Page::start(Microphone::Allowed, None).await;
    page.sign_in(server.address, "#token=", &SecretString::from("no.token.atall")).await;
    page.until("#sign-in[hidden]").await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.click("#token-development:not([hidden])").await;
    page.until("#sign-in[hidden]").await;
    page.until_text("#who", "(development)").await;
    page.until_true("the focus on the button for a call", "document.activeElement.id === 'call'").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning.").await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.close().await;
    server.stopped().await;
}

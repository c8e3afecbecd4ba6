//! The page in trouble: what it says in words, and what it loses, when servers stop, tokens run out, networks are gone for
//! long and nobody looks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::keeping::{keep, rows, stored};
use browser_support::link::Link;
use browser_support::rendered::{LINE_HZ, Rendered};
use browser_support::serve_support::TestServer;
use browser_support::serve_support::access_support::USER;
use browser_support::shown::messages;
use browser_support::talk::agent;
use browser_support::{Microphone, Page, serve, serve_within};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use voice_server::store::Who;
use voice_server::{ServerLimits, UserId};

const GREETING: &str = "Good morning, this is the office. How can I help?";

/// Takes a while to be said: some twenty seconds.
const LONG: &str = "Good morning, this is the office. We are open from nine to five, from Monday to Friday, and on the first \
    Saturday of every month from ten to twelve. You find us in the old station building, right next to the main square. Please \
    bring your card, your letter and, if there is one, the form that we sent to you. How can I help?";

/// The page of what is at the other end of `link`, in a call that greets.
async fn call_over(link: &Link) -> Page {
    let page = Page::start(Microphone::Allowed, None).await;
    page.watch_policy().await;
    page.visit_at(link.address, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning,").await;
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_shuts_down_says_so_and_the_page_does() {
    let mut server = serve_within(agent(LONG, &[], &[]), ServerLimits { drain_ms: 0, ..ServerLimits::default() }).await;
    let link = Link::to(server.address).await;
    let page = call_over(&link).await;
    server.stop();
    page.until_state("ended").await;
    page.until_text("#status", "The server is shutting down.").await;
    page.until_text("#call", "Start call").await;
    page.kept_its_policy().await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_waited_for_and_then_the_call_is_over_in_words() {
    let limits = ServerLimits { resume_ms: 8_000, drain_ms: 0, ..ServerLimits::default() };
    let server = serve_within(agent(LONG, &[], &[]), limits).await;
    let link = Link::to(server.address).await;
    let page = call_over(&link).await;
    link.cut();
    page.until_state("reconnecting").await;
    page.until_text("#status", "The connection is lost. Trying again.").await;
    page.until_text("#reason", "the call is kept for").await;
    page.until_state("ended").await;
    page.until_text("#status", "could not be made again in time").await;
    page.until_true("nothing more of an attempt", "document.getElementById('reason').textContent === ''").await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_started_anew_does_not_have_the_call_and_the_next_one_can_begin() {
    let limits = ServerLimits { drain_ms: 0, ..ServerLimits::default() };
    let (before, after) = (serve_within(agent(LONG, &[], &[]), limits).await, serve(agent(GREETING, &[], &[])).await);
    let link = Link::to(before.address).await;
    let page = call_over(&link).await;
    link.cut();
    page.until_state("reconnecting").await;
    link.lead_to(after.address);
    link.mend();
    page.until_state("ended").await;
    page.until_text("#status", "The server no longer has this call").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-outcome=completed] .heard", "How can I help?").await;
    page.close().await;
    before.stopped().await;
    after.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_gone_for_ten_seconds_leaves_a_line_in_both_transcripts_and_nothing_said_twice() {
    let folder = tempfile::tempdir().unwrap();
    let server = keep(agent(GREETING, &[], &[]), folder.path()).await;
    let link = Link::to(server.address).await;
    let page = Page::start(Microphone::Allowed, None).await;
    page.sign_in(link.address, "#token=", &server.access.token()).await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning,").await;
    link.cut();
    let left = "Number(/kept for ([\\d.]+) s/.exec(document.getElementById('reason').textContent)?.[1] ?? 30)";
    page.until_true("ten seconds without a network", &format!("{left} <= 20")).await;
    link.mend();
    page.until_text("#transcript li[data-who=gap]", "connection lost for ").await;
    page.until_text("#transcript li[data-outcome=completed] .heard", GREETING).await;
    page.click("#call").await;
    page.until_state("ended").await;
    Rendered::of(&page).await.assert_obeyed();
    assert_eq!(messages(&page, "resumed").await.len(), 1);

    let id = messages(&page, "ready").await[0]["call_id"].as_str().unwrap().to_owned();
    let kept = stored(&server, &id).await;
    let (line, said) = (rows(&kept, Who::Line), rows(&kept, Who::Agent));
    assert!(line.len() == 1 && line[0].end_ms - line[0].start_ms >= 9_000, "{line:?}");
    assert!(said.len() == 1 && said[0].text == GREETING, "{said:?}");
    let shown = page.web.run("return document.querySelector('#transcript li[data-who=gap]').textContent").await;
    assert!(shown.as_str().unwrap().starts_with(&line[0].text), "{shown} and {line:?}");
    page.close().await;
    server.stopped().await;
}

/// A token of the page's own user, which lives for so long.
async fn token_of_page(server: &TestServer, page: &Page, life: Duration) -> SecretString {
    let ask = "const { token } = await (await fetch('/page/session', { method: 'POST' })).json(); \
        return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).sub";
    let user = page.web.run_async(ask).await.as_str().unwrap().parse().unwrap();
    server.access.issuer.sign(UserId(user), life).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_development_a_token_that_runs_out_is_renewed_and_nobody_is_asked() {
    let server = serve(agent(GREETING, &[], &[])).await;
    let page = Page::start(Microphone::Allowed, None).await;
    page.visit(&server, "/").await;
    page.until("body[data-signed-in=true]").await;
    // The warning comes a minute before, and with less than that left no call would be begun with it.
    let life = Duration::from_secs(75);
    let token = token_of_page(&server, &page, life).await;
    page.first_session(&token, life).await;
    page.visit(&server, "/?short").await;
    page.until("body[data-signed-in=true]").await;
    page.click("#call").await;
    page.until_true("a renewal", "window.dummyCall.events().some(({ message }) => message.type === 'auth_renewed')")
        .await;
    assert_eq!(messages(&page, "auth_expiring").await.len(), 1, "it was by the warning");
    page.until("#sign-in[hidden]").await;
    page.until_true("no warning", "document.getElementById('warning').textContent === ''").await;
    page.web.type_into("#say", "Still here.\n").await;
    page.until_text("#transcript li[data-outcome=completed] .heard", "Still here.").await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.close().await;
    server.stopped().await;
}

impl Page {
    /// The next page's first session is this one; those after it are the server's.
    async fn first_session(&self, token: &SecretString, life: Duration) {
        let answer = serde_json::json!({ "token": token.expose_secret(), "expires_in_ms": life.as_millis() as u64 });
        let script = format!(
            "const server = window.fetch; \
             window.fetch = async (path, options) => {{ \
               if (path !== '/page/session') return server(path, options); \
               window.fetch = server; \
               return new Response({}, {{ status: 201 }}); \
             }};",
            serde_json::Value::from(answer.to_string())
        );
        let parameters = serde_json::json!({ "source": script });
        self.web.command("Page.addScriptToEvaluateOnNewDocument", parameters).await;
    }
}

/// A page in a call whose token runs out soon, of a server that gives none.
async fn call_that_runs_out(server: &TestServer, life: Duration) -> Page {
    let page = Page::start(Microphone::Allowed, None).await;
    let token = server.access.issuer.sign(USER, life).unwrap();
    page.sign_in(server.address, "#token=", &token).await;
    page.click("#call").await;
    page.until("#sign-in:not([hidden])").await;
    page.until_text("#warning", "The token runs out soon. Paste another one above to go on.").await;
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_nobody_renews_ends_the_call_in_words() {
    let limits = ServerLimits { auth_grace_ms: 500, ..ServerLimits::default() };
    let server = TestServer::start(agent(GREETING, &[], &[]), limits).await;
    let page = call_that_runs_out(&server, Duration::from_secs(24)).await;
    page.until_state("ended").await;
    page.until_text("#status", "The token ran out, or may not call here. Sign in again.").await;
    page.until("#sign-in:not([hidden])").await;
    assert_eq!(messages(&page, "bye").await[0]["reason"], "unauthorized");
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_asked_for_again_and_with_a_right_one_the_call_goes_on() {
    let server = TestServer::start(agent(GREETING, &[], &[]), ServerLimits::default()).await;
    let page = call_that_runs_out(&server, Duration::from_secs(30)).await;
    page.web.type_into("#token", "no.token.atall\n").await;
    page.until_text("#warning", "That token was not taken.").await;
    page.until("#sign-in:not([hidden])").await;
    page.web.type_into("#token", &format!("{}\n", server.access.token().expose_secret())).await;
    page.until_text("#warning", "Signed in again; the call goes on.").await;
    page.until("#sign-in[hidden]").await;
    page.until_true("the focus on no button of the call", "document.activeElement.id === 'tab-call'").await;
    page.web.type_into("#say", "Still here.\n").await;
    page.until_text("#transcript li[data-outcome=completed] .heard", "Still here.").await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.close().await;
    server.stopped().await;
}

/// A browser lets the timers of a page that nobody sees run once a second, and after a while once a minute (five minutes,
/// here one second). The agent talks on for more than a minute behind another tab: what keeps it going must not be a timer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_behind_another_tab_is_heard_to_the_end_and_told_as_it_is_heard() {
    let server = serve(agent(LONG, &[], &[])).await;
    let flags =
        ["--use-fake-ui-for-media-stream", "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1"];
    let page = Page::start_with(&flags, None).await;
    page.visit(&server, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning,").await;
    page.web.hide().await;
    let becomes_hidden = "return document.visibilityState === 'hidden' || new Promise((resolve) => \
        document.addEventListener('visibilitychange', () => resolve(document.visibilityState === 'hidden'), { once: true }))";
    assert_eq!(page.web.run_async(becomes_hidden).await, true);
    let is_completed = |replies: u32| {
        let all = "[...document.querySelectorAll('#transcript li[data-outcome=completed] .heard')]";
        format!("{all}.filter((reply) => reply.textContent.includes('How can I help?')).length === {replies}")
    };
    for replies in 1.. {
        page.until_true("the next reply, heard to the end", &is_completed(replies)).await;
        // Read off the page's own clock, which nobody sees either.
        let minutes = page.web.run("return parseInt(document.getElementById('clock').textContent, 10)").await;
        if minutes.as_u64().unwrap() >= 1 {
            break;
        }
        let again = format!(
            "document.getElementById('say').value = {}; document.getElementById('say-form').requestSubmit()",
            serde_json::Value::from(LONG)
        );
        page.web.run(&again).await;
    }
    assert_eq!(page.web.run("return document.visibilityState").await, "hidden", "all the time");

    Rendered::of(&page).await.assert_obeyed();
    let (ends, told) = (messages(&page, "audio_end").await, messages(&page, "played").await);
    assert!(!ends.is_empty());
    for end in ends {
        let of_reply = told.iter().filter(|told| told["reply"] == end["reply"]);
        let told: Vec<_> = of_reply.map(|told| told["samples"].as_u64().unwrap()).collect();
        assert_eq!(told.last(), end["total_samples"].as_u64().as_ref(), "to the last sample");
        let longest = told.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(longest < LINE_HZ, "a report waits for less than a second's timer: {longest} samples");
    }
    page.click("#call").await;
    page.until_state("ended").await;
    page.close().await;
    server.stopped().await;
}

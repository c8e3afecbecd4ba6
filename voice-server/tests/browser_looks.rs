//! The page can be read and used by everybody, in each of its states: rules of accessibility, and nothing cut, overlapping
//! or wider than the screen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;
mod speech_support;

use browser_support::keeping::{keep, stored};
use browser_support::looks::Looks;
use browser_support::shown::messages;
use browser_support::talk::{agent, sound};
use browser_support::{Microphone, Page};
use secrecy::ExposeSecret;
use speech_support::models_folder;

const GREETING: &str = "Good morning, this is the appointment desk. How can I help you today?";

const LONG: &str = "I can offer you Monday at nine, Tuesday at half past ten, Wednesday at noon, Thursday in the afternoon, \
    Friday in the late afternoon, and on Saturday there is nobody here at all, I am afraid.";

/// What a caller may say that is hard to fit in.
const HEARD: [&str; 2] =
    ["when can I come for my Donaudampfschifffahrtsgesellschaftskapitänspatentprüfung please", "wait a moment please"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_of_the_page_can_be_read_by_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let server = keep(agent(GREETING, &HEARD, &[LONG, "Of course, take your time."]), folder.path()).await;
    let page = Page::start(Microphone::Allowed, None).await;
    let mut looks = Looks::new(&models_folder());
    page.visit(&server, "/").await;
    page.until("#sign-in:not([hidden])").await;
    // Only in development, which this server is not.
    page.web.run("document.getElementById('token-development').hidden = false").await;
    looks.at(&page, "signed out").await;
    page.web.type_into("#token", &format!("{}\n", server.access.token().expose_secret())).await;
    page.until("body[data-signed-in=true]").await;
    looks.at(&page, "before a call").await;

    let files = [sound(folder.path(), "ask.wav", 0, 1_200), sound(folder.path(), "wait.wav", 0, 1_500)];
    page.choose_files(&files).await;
    page.click("#call").await;
    interrupt(&page).await;
    looks.at(&page, "in a call").await;

    page.click("#call").await;
    page.until_state("ended").await;
    looks.at(&page, "after a call").await;

    let id = messages(&page, "ready").await[0]["call_id"].as_str().unwrap().to_owned();
    stored(&server, &id).await;
    page.click("#tab-past").await;
    page.click("#past-list li:first-child button").await;
    page.until("#past-detail audio").await;
    page.web.run("document.querySelectorAll('#past-detail details').forEach((turn) => (turn.open = true))").await;
    looks.at(&page, "past calls").await;

    page.click("#tab-call").await;
    page.click("#downloads [aria-label='From this page'] button:last-of-type").await;
    page.until_text("#log-rows td", "barge_in").await;
    page.web.click("#log-rows tr:nth-child(3) td").await;
    looks.at(&page, "a log").await;
    looks.would_find_faults(&page).await;
    page.close().await;
    server.stopped().await;
    looks.are_good();
}

/// A call with a turn, an interruption and its answer.
async fn interrupt(page: &Page) {
    page.until_text("#transcript li[data-who=agent] .heard", "I can offer you").await;
    page.click("#say-file").await;
    page.until("#barge-ins li[data-decision=committed]").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Of course").await;
    page.until("#turns li[data-voice-to-voice-ms]").await;
}

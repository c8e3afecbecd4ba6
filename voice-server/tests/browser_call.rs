//! The page in a real browser: a person opens it, holds a call, interrupts, and hangs up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::rendered::Rendered;
use browser_support::talk::{agent, sound};
use browser_support::{Microphone, Page, serve};
use tempfile::TempDir;

const LONG: &str = "I can offer you Monday at nine, Tuesday at half past ten, Wednesday at noon, Thursday in the afternoon, \
    Friday in the late afternoon, and on Saturday there is nobody here at all, I am afraid.";

/// What no page may take for markup.
const HOSTILE: &str = "<img src=x onerror=document.body.dataset.hacked=1> <b>bold</b>";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_asks_interrupts_and_hangs_up() {
    let folder = folder();
    let server =
        serve(agent("Good morning.", &["when can I come", "wait a moment please"], &[LONG, "Of course."])).await;
    let page = Page::open(&server, Microphone::Allowed, None).await;
    let files = [sound(folder.path(), "ask.wav", 0, 1_200), sound(folder.path(), "wait.wav", 0, 1_500)];
    page.choose_files(&files).await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning.").await;
    page.until_text("#transcript li[data-who=caller] .said", "when can I come").await;
    // The answer is being heard: now the second file talks over it.
    page.until_text("#transcript li[data-who=agent] .heard", "I can offer you").await;
    page.click("#say-file").await;
    let committed = "#barge-ins li[data-silence-ms][data-decision=committed]";
    page.until(committed).await;
    let silence_ms: f64 = page.attribute(committed, "data-silence-ms").await.unwrap().parse().unwrap();
    assert!((0.0..5_000.0).contains(&silence_ms), "{silence_ms}");
    page.until("#turns li[data-voice-to-voice-ms]").await;
    page.until_text("#transcript li[data-who=agent][data-outcome=barged_in] .cut", "Saturday").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Of course.").await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.until_text("#status", "You hung up.").await;
    let rendered = Rendered::of(&page).await;
    rendered.assert_obeyed();
    assert!(!rendered.controls_of("clear").is_empty(), "{rendered:?}");
    page.until("#after:not([hidden])").await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_microphone_is_the_caller() {
    let folder = folder();
    let said = sound(folder.path(), "said.wav", 5_000, 1_200);
    let server = serve(agent("Hello.", &["is anybody there"], &["Yes."])).await;
    let page = Page::open(&server, Microphone::Allowed, Some(&said)).await;
    // The sound is no voice, and what is made for voices would take it out.
    page.web.run("document.querySelectorAll('#treatments input').forEach((box) => box.click())").await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=caller] .said", "is anybody there").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Yes.").await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_microphone_that_is_refused_is_no_call_and_the_page_says_what_to_do() {
    let server = serve(agent("Hello.", &[], &[])).await;
    let page = Page::open(&server, Microphone::Refused, None).await;
    page.click("#call").await;
    page.until_state("refused").await;
    page.until_text("#reason", "Allow it in the browser's site settings").await;
    page.until_text("#call", "Start call").await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_said_is_text_and_never_markup() {
    let folder = folder();
    let server = serve(agent(HOSTILE, &[HOSTILE], &[HOSTILE])).await;
    let page = Page::open(&server, Microphone::Allowed, None).await;
    page.choose_files(&[sound(folder.path(), "said.wav", 0, 1_200)]).await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=caller] .said", HOSTILE).await;
    page.until("#turns li[data-voice-to-voice-ms], #turns li[data-turn='2']").await;
    page.click("#call").await;
    page.until_state("ended").await;
    let found = page
        .web
        .run("return [document.querySelectorAll('main img, main b').length, document.body.dataset.hacked ?? null]")
        .await;
    assert_eq!(found, serde_json::json!([0, null]));
    page.close().await;
    server.stopped().await;
}

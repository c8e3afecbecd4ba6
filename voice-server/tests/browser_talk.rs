//! A person talks to the default agent, with its real models, on the page: the screen, the sound that the page rendered and
//! the rows in the store are one and the same call.
//!
//! The microphone plays a track with a clock of its own. Its pauses are longer than the agent's slowest answer; what is
//! said over the agent begins well within a reply of six seconds. What the browser does to a microphone is switched off:
//! it is made for rooms, and takes a cough for noise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;
mod speech_support;

use browser_support::keeping::{keep, recorded, rows};
use browser_support::rendered::Rendered;
use browser_support::serve_support::TestServer;
use browser_support::shown::{messages, shown_replies, shown_turns};
use browser_support::{Microphone, Page};
use speech_support::{cough, models_folder, spoken, track, write};
use std::path::{Path, PathBuf};
use voice_server::store::{CallDetail, CallStatus, Who};
use voice_server::{Settings, build_agent};

/// The greeting and each reply take six to seven seconds, the answer to a turn one to two.
async fn caller(folder: &Path) -> PathBuf {
    let ask = spoken("I would like to come on Tuesday please.").await;
    let interrupt = spoken("Wait, I would like to come on Friday.").await;
    let answer = spoken("At three in the afternoon please.").await;
    write(folder, "caller.wav", &track(&[(10_000, &ask), (16_500, &interrupt), (23_000, &cough()), (33_000, &answer)]))
}

/// The page of `server` as its user, with nothing between the microphone and the agent.
async fn open(server: &TestServer, heard: &Path) -> Page {
    let page = Page::start(Microphone::Allowed, Some(heard)).await;
    page.watch_policy().await;
    page.sign_in(server.address, "?capture=1#token=", &server.access.token()).await;
    page.web.run("document.querySelectorAll('#treatments input').forEach((box) => box.click())").await;
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_with_an_interruption_and_a_cough_is_the_same_on_screen_in_sound_and_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { models: models_folder(), ..Settings::default() };
    let agent = build_agent(&settings).expect("the default agent").agent;
    let server = keep(agent, folder.path()).await;
    let page = open(&server, &caller(folder.path()).await).await;
    page.click("#call").await;
    talk(&page).await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.until_text("#status", "You hung up.").await;

    sound_is_right(&page).await;
    let id = messages(&page, "ready").await[0]["call_id"].as_str().unwrap().to_owned();
    let kept = recorded(&server, &id).await;
    screen_and_store_agree(&page, &kept).await;
    page.kept_its_policy().await;
    page.close().await;
    server.stopped().await;
}

/// The call as it goes by on the screen.
async fn talk(page: &Page) {
    page.until_text("#transcript li[data-who=agent] .heard", "Which day would suit you best?").await;
    page.until_text("#transcript li[data-who=caller] .said", "uesday").await;
    page.until("#barge-ins li[data-decision=committed][data-silence-ms]").await;
    page.until("#transcript li[data-outcome=barged_in] .cut").await;
    page.until_text("#transcript li[data-outcome=barged_in] .mark", "interrupted").await;
    page.until_text("#transcript li[data-who=caller] .said", "riday").await;
    page.until("#barge-ins li[data-decision=resumed][data-silence-ms]").await;
    page.until_text("#transcript li[data-outcome=completed] .mark", "paused and went on").await;
    // What the model makes of it is its own affair; that it is a turn, and is answered, is not.
    let number = |selector: &str| format!("document.querySelectorAll('{selector}').length");
    page.until_true("a third turn", &format!("{} === 3", number("#transcript li[data-who=caller] .said"))).await;
    page.until("#transcript li[data-who=agent][data-outcome=completed]:last-child .heard").await;
    page.until_true("three measures", &format!("{} >= 3", number("#turns li[data-voice-to-voice-ms]"))).await;
    let unfinished = page.web.run("return document.querySelectorAll('#transcript .interim').length").await;
    assert_eq!(unfinished, 0, "a cough leaves no line of words that nobody said");
}

async fn sound_is_right(page: &Page) {
    let rendered = Rendered::of(page).await;
    rendered.assert_obeyed();
    rendered.assert_is_what_sounded(page).await;
    let heard = rendered.replies();
    for (reply, outcome, text) in shown_replies(page).await {
        assert!(heard.contains(&(reply as u64)), "{reply}, {outcome}, was not heard: {text}");
    }
    let (cleared, gone_on) = (rendered.controls_of("clear"), rendered.controls_of("resume"));
    let cut: Vec<_> = cleared.iter().map(|(clear, _)| clear.reply).collect();
    assert!(gone_on.iter().any(|(resume, _)| !cut.contains(&resume.reply)), "one reply went on: {rendered:?}");
    for barge_in in messages(page, "barge_in").await {
        let is_cut = cut.contains(&barge_in["reply"].as_u64().unwrap());
        assert_eq!(is_cut, barge_in["decision"] == "committed", "{barge_in}");
    }
}

/// Reply by reply and turn by turn.
async fn screen_and_store_agree(page: &Page, kept: &CallDetail) {
    let agent: Vec<_> = rows(kept, Who::Agent)
        .into_iter()
        .map(|row| (row.reply.unwrap(), row.outcome.clone(), row.text.clone()))
        .collect();
    assert_eq!(agent, shown_replies(page).await);
    let caller: Vec<_> = rows(kept, Who::Caller).into_iter().map(|row| (row.turn, row.text.clone())).collect();
    assert_eq!(caller, shown_turns(page).await);
    assert_eq!(kept.call.turns as usize, agent.len());
    assert_eq!((kept.call.barge_ins, kept.call.resumes), (1, 1));
    assert_eq!((kept.call.status, kept.call.end_reason.as_deref()), (CallStatus::Ended, Some("caller_hung_up")));
}

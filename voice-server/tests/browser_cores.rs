//! The page's modules by themselves, in the engine that runs them: each test is a file of JavaScript that imports what the
//! server serves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::serve_support::agent;
use browser_support::{Microphone, Page, serve};

const PRELUDE: &str = include_str!("browser_support/cores/prelude.js");

async fn check(test: &str) {
    let server = serve(agent(None)).await;
    let page = Page::open(&server, Microphone::Allowed, None).await;
    page.web.run_async(&format!("{PRELUDE}\n{test}")).await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_between_two_rates_is_not_shifted_and_has_no_clicks() {
    check(include_str!("browser_support/cores/sinc.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loudspeaker_pauses_goes_on_and_falls_silent_to_the_sample() {
    check(include_str!("browser_support/cores/playout.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timeline_cuts_no_label_and_covers_none() {
    check(include_str!("browser_support/cores/timeline.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_protocol_is_written_and_read_as_it_is_described() {
    check(include_str!("browser_support/cores/wire.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_outlives_its_socket_and_loses_no_message() {
    check(include_str!("browser_support/cores/call.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_silently_gone_is_noticed_and_a_page_that_slept_is_not_one() {
    check(include_str!("browser_support/cores/heartbeat.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_nearly_too_slow_is_said_to_be_until_it_has_been_fast_for_a_while() {
    check(include_str!("browser_support/cores/uplink.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_file_can_be_opened_as_a_log() {
    check(include_str!("browser_support/cores/log.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_measures_and_records_on_one_clock_that_may_stand_still() {
    check(include_str!("browser_support/cores/figures.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_and_every_error_has_a_sentence_that_claims_no_more_than_is_so() {
    check(include_str!("browser_support/cores/words.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_in_trouble_is_asked_again_for_a_token_and_nobody_once_the_call_is_over() {
    check(include_str!("browser_support/cores/sign-in.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_microphone_that_is_gone_is_replaced_and_none_is_left_open() {
    check(include_str!("browser_support/cores/microphone.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_stands_as_long_as_it_is_so_and_nobody_is_moved() {
    check(include_str!("browser_support/cores/shown.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audio_thread_says_where_it_began_and_skips_the_time_in_which_it_stood_still() {
    check(include_str!("browser_support/cores/worklets.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opus_by_the_browser_is_where_it_belongs_to_the_sample_and_nothing_of_a_cleared_reply_comes_late() {
    check(include_str!("browser_support/cores/opus.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opus_codec_that_throws_stalls_or_does_not_run_is_told_as_such() {
    check(include_str!("browser_support/cores/opus-trouble.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_double_click_only_the_first_counts_and_whoever_types_keeps_the_words() {
    check(include_str!("browser_support/cores/desk.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_chosen_holds_and_a_microphone_that_was_pulled_is_replaced_as_soon_as_there_is_one() {
    check(include_str!("browser_support/cores/settings.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_microphone_that_is_mute_and_a_line_that_is_full_have_words_and_whoever_hung_up_is_not_heard() {
    check(include_str!("browser_support/cores/live.js")).await;
}

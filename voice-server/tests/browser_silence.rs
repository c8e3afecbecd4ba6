//! How soon the page is silent when the caller speaks over the agent.
//!
//! Two things are told apart. From the frame at which the audio thread took the message, nothing but a ramp of one quantum
//! (2.7 ms) is rendered: that is certain and is asserted. How long the message takes from the page's arrival to the audio
//! thread is the machine's, and is printed:
//! `cargo test -p voice-server --test browser_silence -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::rendered::{Rendered, median_and_most};
use browser_support::talk::{agent, sound};
use browser_support::{Microphone, Page, serve};

const LONG: &str = "I can offer you Monday at nine, Tuesday at half past ten, Wednesday at noon, Thursday in the afternoon, \
    Friday in the late afternoon, and on Saturday there is nobody here at all, I am afraid.";

const ANSWERS: [&str; INTERRUPTIONS] = [LONG; INTERRUPTIONS];

/// Whatever the page changes in the audio graph makes the audio thread's own clock stand still for a quantum now and then;
/// from the call's beginning there is hardly a quantum without such a change.
const CHANGE_THE_GRAPH: &str = "\
    window.AudioContext = class extends AudioContext { \
      constructor(options) { \
        super(options); \
        const [one, other] = [new GainNode(this), new GainNode(this)]; \
        const change = () => { \
          for (let i = 0; i < 200; i += 1) { one.connect(other); one.disconnect(other); } \
        }; \
        setInterval(change, 5); \
      } \
    };";

/// So many that several of them find the agent speaking: one that does not measures nothing.
const INTERRUPTIONS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_is_silent_in_the_quantum_after_the_pause_came() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(agent(LONG, &["wait a moment please"; INTERRUPTIONS], &ANSWERS)).await;
    let page = Page::open(&server, Microphone::Allowed, None).await;
    let over = |n| sound(folder.path(), &format!("over{n}.wav"), 0, 700);
    page.choose_files(&(0..INTERRUPTIONS).map(over).collect::<Vec<_>>()).await;
    page.web.run(CHANGE_THE_GRAPH).await;
    page.click("#call").await;
    for n in 1..=INTERRUPTIONS {
        page.until_text("#transcript li[data-who=agent]:last-child .heard", "I can offer you").await;
        page.click("#say-file").await;
        page.until(&format!("#barge-ins li[data-decision=committed]:nth-last-child({n})")).await;
    }
    page.click("#call").await;
    page.until_state("ended").await;
    let rendered = Rendered::of(&page).await;
    rendered.assert_obeyed();
    rendered.assert_is_what_sounded(&page).await;
    let silences = rendered.silences_ms();
    // Not one for each: a pause may come when the agent has been silent already.
    assert!(silences.len() >= 2, "{rendered:?}");
    let (median, most) = median_and_most(&silences);
    println!(
        "a pause's arrival in the page to the last sound: median {median:.1} ms, most {most:.1} ms, of {}",
        silences.len()
    );
    page.close().await;
    server.stopped().await;
}

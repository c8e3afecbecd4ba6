//! The page with Opus on the line: a person chooses it, holds a call and interrupts, and everything is as true as in PCM.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod browser_support;

use browser_support::keeping::{keep, rows, stored};
use browser_support::link::Link;
use browser_support::rendered::{Rendered, Run};
use browser_support::serve_support::TestServer;
use browser_support::shown::{messages, shown_replies};
use browser_support::talk::{agent, sound};
use browser_support::{Microphone, Page, serve};
use serde_json::{Value, json};
use std::net::SocketAddr;
use voice_server::store::Who;

const LINE_HZ: u64 = 48_000;

/// The agent's audio of a character of text: 60 ms.
const CHARACTER: u64 = 2_880;

const LONG: &str = "I can offer you Monday at nine, Tuesday at half past ten, Wednesday at noon, Thursday in the afternoon, \
    Friday in the late afternoon, and on Saturday there is nobody here at all, I am afraid.";

const CHOICE: &str = "input[name=encoding][value=opus]";

/// Notes the length of every binary message, each way.
const WATCH_SOCKETS: &str = "window.lengths = { sent: [], received: [] }; \
    const RealSocket = WebSocket; \
    window.WebSocket = class extends RealSocket { \
      constructor(...parts) { \
        super(...parts); \
        this.addEventListener('message', ({ data }) => data.byteLength && window.lengths.received.push(data.byteLength)); \
      } \
      send(data) { if (data.byteLength) window.lengths.sent.push(data.byteLength); super.send(data); } \
    };";

/// The page of `server` by way of `address`, signed in, with Opus chosen.
async fn open(server: &TestServer, address: SocketAddr) -> Page {
    let page = Page::start(Microphone::Allowed, None).await;
    page.watch_policy().await;
    page.web.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH_SOCKETS })).await;
    page.sign_in(address, "?capture=1#token=", &server.access.token()).await;
    page.web.run("document.getElementById('settings').open = true").await;
    page.click(CHOICE).await;
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_opus_is_heard_to_the_sample_and_cut_to_the_quantum() {
    let folder = tempfile::tempdir().unwrap();
    let heard = ["when can I come", "wait a moment please"];
    let server = keep(agent("Good morning.", &heard, &[LONG, "Of course."]), folder.path()).await;
    let page = open(&server, server.address).await;
    page.choose_files(&[sound(folder.path(), "ask.wav", 0, 1_200), sound(folder.path(), "wait.wav", 0, 1_500)]).await;
    page.click("#call").await;
    page.until_text("[data-counter=codec]", "Opus, 48 kHz").await;
    page.until_text("#transcript li[data-who=caller] .said", "when can I come").await;
    page.until_text("#transcript li[data-who=agent] .heard", "I can offer you").await;
    page.click("#say-file").await;
    page.until("#barge-ins li[data-silence-ms][data-decision=committed]").await;
    page.until_text("#transcript li[data-who=agent][data-outcome=barged_in] .cut", "Saturday").await;
    page.until_text("#transcript li[data-outcome=completed] .heard", "Of course.").await;
    page.until_text("[data-counter=traffic]", "kB/s").await;
    page.click("#call").await;
    page.until_state("ended").await;

    the_line_was_opus(&page).await;
    the_caller_was_heard_for_as_long_as_it_sounded(&page).await;
    let rendered = Rendered::of(&page).await;
    assert_eq!(rendered.line_rate, LINE_HZ);
    rendered.assert_obeyed();
    rendered.assert_is_what_sounded(&page).await;
    assert!(!rendered.controls_of("clear").is_empty(), "{rendered:?}");
    every_reply_was_heard_to_its_end(&page, &rendered).await;

    let id = messages(&page, "ready").await[0]["call_id"].as_str().unwrap().to_owned();
    let kept = stored(&server, &id).await;
    let agent = rows(&kept, Who::Agent).into_iter();
    let agent: Vec<_> = agent.map(|row| (row.reply.unwrap(), row.outcome.clone(), row.text.clone())).collect();
    assert_eq!(agent, shown_replies(&page).await);
    page.kept_its_policy().await;
    page.close().await;
    server.stopped().await;
}

/// By what was agreed on, and by the size of every message.
async fn the_line_was_opus(page: &Page) {
    let opus = json!({ "encoding": "opus", "rate": LINE_HZ });
    for kind in ["hello", "ready"] {
        assert!(messages(page, kind).await.iter().all(|message| message["audio"] == opus), "{kind}");
    }
    let lengths = page.web.run("return window.lengths").await;
    for way in ["sent", "received"] {
        let lengths: Vec<u64> = serde_json::from_value(lengths[way].clone()).unwrap();
        let mean = lengths.iter().sum::<u64>() / lengths.len() as u64;
        // 20 ms of PCM are 976 bytes, of 24 kbit/s 76.
        assert!(lengths.len() > 50 && mean < 160, "{way}: {} messages of {mean} bytes", lengths.len());
    }
}

/// The server's own measure of the sound that it decoded: a tone of 1.2 s, and one of 1.5 s much later. A busy browser may send
/// a part of it late, and silence in between; none of it may be missing.
async fn the_caller_was_heard_for_as_long_as_it_sounded(page: &Page) {
    let speaking = messages(page, "speaking").await;
    let edges = speaking.iter().filter(|edge| edge["who"] == "caller");
    let edges: Vec<_> = edges.map(|edge| (edge["on"].as_bool().unwrap(), edge["position"].as_u64().unwrap())).collect();
    let stretches = edges.windows(2).filter(|pair| pair[0].0 && !pair[1].0);
    let heard_ms = stretches.map(|pair| pair[1].1 - pair[0].1).sum::<u64>() * 1_000 / LINE_HZ;
    assert!(heard_ms >= 2_500, "{heard_ms} ms: {edges:?}");
}

/// Whether no sound was lost between two runs: the agent has a tone for each word, and is silent for a space.
fn is_between_words(run: &Run, next: &Run, text: &str) -> bool {
    let silence = run.first_sample + run.samples..next.first_sample;
    let at = silence.start / CHARACTER;
    silence.is_empty() || silence.end <= (at + 1) * CHARACTER && text.as_bytes()[at as usize] == b' '
}

/// What was told is the reply's length to the sample, and so long it sounded without a break within a word.
async fn every_reply_was_heard_to_its_end(page: &Page, rendered: &Rendered) {
    let (ends, told) = (messages(page, "audio_end").await, messages(page, "played").await);
    let cut: Vec<_> = rendered.controls_of("clear").iter().map(|(clear, _)| clear.reply).collect();
    let completed: Vec<_> = ends.iter().filter(|end| !cut.contains(&end["reply"].as_u64().unwrap())).collect();
    assert!(completed.len() >= 2, "{ends:?}");
    let texts = shown_replies(page).await;
    for end in completed {
        let (reply, total) = (end["reply"].as_u64().unwrap(), end["total_samples"].as_u64().unwrap());
        let last = told.iter().rfind(|told| told["reply"] == end["reply"]).unwrap();
        assert_eq!(last["samples"], end["total_samples"]);
        let runs: Vec<_> = rendered.runs.iter().filter(|run| run.reply == reply).collect();
        let (first, last) = (runs[0].first_sample, runs.last().map(|run| run.first_sample + run.samples).unwrap());
        println!("reply {reply}: sound from {first} to {last} of {total}");
        let (.., text) = texts.iter().find(|(shown, ..)| u64::try_from(*shown) == Ok(reply)).unwrap();
        assert!(runs.windows(2).all(|pair| is_between_words(pair[0], pair[1], text)), "{text}: {runs:?}");
        assert!(first < 960 && last <= total && last + 960 > total, "{first} to {last} of {total}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_opus_goes_on_after_a_lost_connection_from_the_very_sample() {
    let folder = tempfile::tempdir().unwrap();
    let greeting = "Good morning, this is the office. How can I help?";
    let server = keep(agent(greeting, &["here I am"], &["Yes."]), folder.path()).await;
    let link = Link::to(server.address).await;
    let page = open(&server, link.address).await;
    page.choose_files(&[sound(folder.path(), "said.wav", 0, 1_200)]).await;
    page.click("#call").await;
    page.until_text("#transcript li[data-who=agent] .heard", "Good morning,").await;
    link.cut();
    page.until_state("reconnecting").await;
    link.mend();
    page.until_text("#transcript li[data-outcome=completed] .heard", greeting).await;
    // The caller is understood on the new socket as well.
    page.until_text("#transcript li[data-who=caller] .said", "here I am").await;
    page.until_text("#transcript li[data-outcome=completed] .heard", "Yes.").await;
    page.click("#call").await;
    page.until_state("ended").await;
    let rendered = Rendered::of(&page).await;
    rendered.assert_obeyed();
    every_reply_was_heard_to_its_end(&page, &rendered).await;
    assert!(!messages(&page, "resumed").await.is_empty());
    assert_eq!(messages(&page, "error").await, Vec::<Value>::new());
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_without_webcodecs_cannot_choose_opus_is_told_why_and_calls_in_pcm() {
    let server = serve(agent("Good morning.", &[], &[])).await;
    let page = Page::start(Microphone::Allowed, None).await;
    let without = json!({ "source": "delete window.AudioEncoder; delete window.AudioDecoder" });
    page.web.command("Page.addScriptToEvaluateOnNewDocument", without).await;
    page.visit(&server, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.until_text("#encoding-help", "This browser has no WebCodecs for audio, which Opus needs.").await;
    page.until(&format!("{CHOICE}:disabled")).await;
    page.click("#call").await;
    page.until_text("#transcript li[data-outcome=completed] .heard", "Good morning.").await;
    page.until_text("[data-counter=codec]", "PCM, 24 kHz").await;
    page.click("#call").await;
    page.until_state("ended").await;
    assert_eq!(messages(&page, "hello").await[0]["audio"], json!({ "encoding": "pcm16", "rate": 24_000 }));
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_take_opus_is_said_to_in_words() {
    let server = serve(agent("Good morning.", &[], &[])).await;
    let page = Page::start(Microphone::Allowed, None).await;
    // A rate that no server takes stands for one that was built without Opus: the answer is the same.
    let other = json!({ "source": "const { send } = WebSocket.prototype; WebSocket.prototype.send = function (data) { \
        send.call(this, typeof data === 'string' ? data.replace('48000', '44100') : data); };" });
    page.web.command("Page.addScriptToEvaluateOnNewDocument", other).await;
    page.visit(&server, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.web.run("document.getElementById('settings').open = true").await;
    page.click(CHOICE).await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.until_text("#reason", "The server did not take a call in Opus. Choose PCM").await;
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_codec_that_does_not_run_is_said_before_there_is_a_call() {
    let server = serve(agent("Good morning.", &[], &[])).await;
    let page = Page::start(Microphone::Allowed, None).await;
    let gone = json!({ "source": "const RealWorker = Worker; window.Worker = class extends RealWorker { \
        constructor(url, options) { super(String(url).replace('opus-worker', 'no-worker'), options); } };" });
    page.web.command("Page.addScriptToEvaluateOnNewDocument", gone).await;
    page.visit(&server, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.web.run("document.getElementById('settings').open = true").await;
    page.click(CHOICE).await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.until_text("#reason", "The browser's Opus codec does not run, so there is no call in Opus. Choose PCM").await;
    assert_eq!(messages(&page, "hello").await, Vec::<Value>::new());
    page.close().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decoder_that_breaks_again_and_again_ends_the_call_in_words() {
    let server = serve(agent(LONG, &[], &[])).await;
    let page = Page::start(Microphone::Allowed, None).await;
    let breaking = json!({ "source": "const { postMessage } = Worker.prototype; \
        Worker.prototype.postMessage = function (message) { \
          postMessage.call(this, message.type === 'decode' ? { ...message, payload: Uint8Array.of(3, 0) } : message); };" });
    page.web.command("Page.addScriptToEvaluateOnNewDocument", breaking).await;
    page.visit(&server, "/").await;
    page.until("body[data-signed-in=true]").await;
    page.web.run("document.getElementById('settings').open = true").await;
    page.click(CHOICE).await;
    page.click("#call").await;
    page.until_state("ended").await;
    page.until_text("#reason", "you could not hear the agent. Choose PCM under “Sound and caller”").await;
    server.until_metric("voice_calls_ended_total{reason=\"caller_hung_up\"} 1").await;
    page.close().await;
    server.stopped().await;
}

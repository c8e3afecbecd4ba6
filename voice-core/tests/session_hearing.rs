//! What of the caller's audio a broken STT's successor is given, and how often one is asked, in simulated time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Call, agent};
use voice_core::provider::fallback::{FallbackConfig, FallbackStt};
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, TtsConfig};
use voice_core::session::Agent;
use voice_core::stage::{Fault, StageError, Stt, SttEvent, SttFeed, SttSession};
use voice_core::units::Position;

/// A second, in the samples that an STT is given.
const S: u64 = 16_000;

fn listened_by(stt: impl Stt + 'static) -> Agent {
    let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("Yes?")]);
    let mut agent = agent(stt, llm, ScriptedTts::new(TtsConfig::default()));
    agent.config.turn.caller_idle_ms = 3_600_000;
    agent.config.turn.not_heard_prompt = None;
    agent
}

fn reset() -> StageError {
    StageError::Stream { engine: "the STT", reason: "reset".into(), fault: Fault::Engine }
}

/// An STT that says a word as soon as it opens and breaks off. It gives up after a thousand times, so that a session
/// that never waits fails the test and does not hang it.
#[derive(Clone)]
struct Stutterer {
    name: &'static str,
    opened: Arc<AtomicUsize>,
}

struct Deaf;

impl SttFeed for Deaf {
    fn push(&mut self, _: &[i16], _: Position) -> Result<(), StageError> {
        Ok(())
    }
    fn finalize(&mut self, _: Position) {}
}

impl Stt for Stutterer {
    fn name(&self) -> &str {
        self.name
    }

    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let opened = self.opened.fetch_add(1, Ordering::Relaxed);
        let word = stream::iter([Ok(SttEvent::Interim { text: "Well".into() })]);
        let events = if opened < 1_000 { word.boxed() } else { stream::pending().boxed() };
        async move { Ok(SttSession { feed: Box::new(Deaf), events }) }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn an_stt_that_says_a_word_and_breaks_off_each_time_is_not_opened_without_end() {
    let stt = Stutterer { name: "stutterer", opened: Arc::default() };
    let opened = Arc::clone(&stt.opened);
    let mut call = Call::start(listened_by(stt));
    call.silent(2_000).await;
    let in_two_seconds = opened.load(Ordering::Relaxed);
    assert!((2..=10).contains(&in_two_seconds), "opened {in_two_seconds} times");
    // Meanwhile more is kept than a stream must take to have proved good.
    call.silent(58_000).await;
    let in_a_minute = opened.load(Ordering::Relaxed);
    assert!((4..=12).contains(&in_a_minute), "opened {in_a_minute} times");
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn two_stts_that_say_a_word_and_break_off_do_not_take_turns_without_end() {
    let opened: Arc<AtomicUsize> = Arc::default();
    let engine = |name| Arc::new(Stutterer { name, opened: Arc::clone(&opened) }) as Arc<dyn Stt>;
    let stt = FallbackStt::new(vec![engine("A"), engine("B")], FallbackConfig::default()).unwrap();
    let mut call = Call::start(listened_by(stt));
    call.silent(60_000).await;
    let in_a_minute = opened.load(Ordering::Relaxed);
    assert!((4..=14).contains(&in_a_minute), "opened {in_a_minute} times");
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_cough_long_ago_is_not_given_to_the_next_stream() {
    let (stt, driver) = ScriptedStt::manual();
    let mut call = Call::start(listened_by(stt));
    call.silent(2_000).await;
    call.speak(200).await;
    call.silent(60_000).await;
    let before = driver.log().pushed_samples();
    driver.fail(reset()).unwrap();
    call.silent(1_000).await;
    let given = driver.log().pushed_samples() - before;
    assert!((S..=3 * S + S / 2).contains(&given), "{given} samples in a second");
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn speech_beyond_a_final_is_given_to_the_next_stream() {
    let (stt, driver) = ScriptedStt::manual();
    let mut call = Call::start(listened_by(stt));
    // A tone without any breath would be taken for noise.
    for _ in 0..10 {
        call.speak(740).await;
        call.silent(60).await;
    }
    call.silent(300).await;
    driver.send(SttEvent::Final { text: "I need a table".into(), end: Position(2 * S) }).unwrap();
    call.silent(20).await;
    let before = driver.log().pushed_samples();
    driver.fail(reset()).unwrap();
    call.silent(1_000).await;
    let given = driver.log().pushed_samples() - before;
    assert!(given >= 6 * S + S, "from the end of the final on, and what came since: {given} samples");
    call.hang_up().await;
}

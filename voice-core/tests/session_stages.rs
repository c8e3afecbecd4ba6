//! What a call tells its stages beside the audio and the words, and what it notes of their use.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Call, agent};
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttDriver, TtsConfig, Utterance,
};
use voice_core::session::{Agent, EngineUse, SessionEvent, Stage};
use voice_core::stage::{
    Fault, Llm, LlmRequest, LlmStream, StageError, Stt, SttEvent, SttFeed, SttHints, SttSession, TokenUsage,
};
use voice_core::units::Position;

/// What stages were told, in order.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// An STT that is driven by hand and notes what its streams are told.
struct Attentive {
    inner: ScriptedStt,
    told: Told,
}

struct AttentiveFeed {
    inner: Box<dyn SttFeed>,
    told: Told,
}

impl Attentive {
    fn new(told: &Told) -> (Self, SttDriver) {
        let (inner, driver) = ScriptedStt::manual();
        (Self { inner, told: told.clone() }, driver)
    }
}

impl Stt for Attentive {
    fn name(&self) -> &str {
        "attentive"
    }

    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let (open, told) = (self.inner.open(), self.told.clone());
        async move {
            let SttSession { feed, events } = open.await?;
            told.note("opened");
            Ok(SttSession { feed: Box::new(AttentiveFeed { inner: feed, told }), events })
        }
        .boxed()
    }
}

impl SttFeed for AttentiveFeed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        self.inner.push(samples, position)
    }
    fn finalize(&mut self, end: Position) {
        self.inner.finalize(end);
    }
    fn turn_ended(&mut self) {
        self.told.note("turn ended");
    }
    fn expect(&mut self, hints: &SttHints) {
        self.told.note(format!("expect {:?} {:?}", hints.keyterms.as_ref().unwrap(), hints.eot_threshold));
    }
}

/// A model that takes a second to warm up and counts how often it was asked to.
struct Cold {
    inner: ScriptedLlm,
    told: Told,
}

impl Llm for Cold {
    fn generate(&self, request: LlmRequest) -> LlmStream {
        self.inner.generate(request)
    }
    fn name(&self) -> &str {
        "cold"
    }
    fn warm(&self) -> BoxFuture<'static, ()> {
        let told = self.told.clone();
        async move {
            told.note("warming");
            tokio::time::sleep(Duration::from_secs(1)).await;
            told.note("warm");
        }
        .boxed()
    }
}

fn answering(stt: impl Stt + 'static) -> Agent {
    let usage = TokenUsage { input_tokens: 50, cached_tokens: 0, output_tokens: 4 };
    let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("Certainly.").usage(usage)]);
    agent(stt, llm, ScriptedTts::new(TtsConfig::default()))
}

#[tokio::test(start_paused = true)]
async fn the_stt_learns_of_the_ends_that_it_did_not_say() {
    let told = Told::default();
    let (stt, driver) = Attentive::new(&told);
    let mut call = Call::start(answering(stt));
    call.speak(600).await;
    driver.send(SttEvent::Interim { text: "A table, please.".into() }).unwrap();
    call.until_turns_end(1).await;
    assert_eq!(told.all(), ["opened", "turn ended"]);
    call.speak(600).await;
    driver.send(SttEvent::EndOfTurn { text: "For two.".into(), end: None }).unwrap();
    call.until_turns_end(2).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(record.caller_turns.len(), 2);
    assert_eq!(told.all(), ["opened", "turn ended"], "it said this end itself");
}

#[tokio::test(start_paused = true)]
async fn a_bid_that_only_the_stt_heard_began_when_it_said_so() {
    let (stt, driver) = Attentive::new(&Told::default());
    let mut call = Call::start(answering(stt));
    call.speak(600).await;
    driver.send(SttEvent::EndOfTurn { text: "A table, please.".into(), end: None }).unwrap();
    call.until_agent_speaks(1).await;
    call.silent(100).await;
    let before = call.now_ms();
    driver.send(SttEvent::StartOfTurn { text: "Wait a moment.".into() }).unwrap();
    call.silent(100).await;
    let (_, call) = call.hang_up().await;
    let overlaps = call.events.iter().filter_map(|(_, event)| match event {
        SessionEvent::BargeIn { timeline, .. } => Some(timeline.clone()),
        _ => None,
    });
    let [overlap] = &overlaps.collect::<Vec<_>>()[..] else { panic!("{:#?}", call.events) };
    let waited = overlap.paused - overlap.onset;
    assert!(waited < Duration::from_millis(100), "the caller spoke 600 ms into the call, and not now: {waited:?}");
    assert!(overlap.onset_position >= Position(before * 16 - 320), "{overlap:?} after {before} ms");
}

#[tokio::test(start_paused = true)]
async fn hints_are_kept_for_every_stream_that_follows() {
    let told = Told::default();
    let (stt, driver) = Attentive::new(&told);
    let mut call = Call::start(answering(stt));
    call.silent(100).await;
    let mut hints = SttHints::default();
    hints.keyterms = Some(vec!["Moonshine".into()]);
    call.handle.expect(hints.clone()).unwrap();
    call.silent(100).await;
    hints.eot_threshold = Some(0.5);
    hints.keyterms = Some(vec![]);
    call.handle.expect(hints).unwrap();
    call.silent(100).await;
    driver.fail(StageError::Stream { engine: "attentive", reason: "a test".into(), fault: Fault::Engine }).unwrap();
    call.silent(400).await;
    call.hang_up().await;
    let expected = ["opened", "expect [\"Moonshine\"] None", "expect [] Some(0.5)", "opened", "expect [] Some(0.5)"];
    assert_eq!(told.all(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_model_is_warmed_up_when_a_generation_may_follow_and_one_attempt_at_a_time() {
    let told = Told::default();
    let mut agent = answering(ScriptedStt::new(Default::default()));
    agent.llm = Arc::new(Cold { inner: ScriptedLlm::new(LlmConfig::default(), vec![]), told: told.clone() });
    let mut call = Call::start(agent);
    call.silent(100).await;
    assert_eq!(told.all(), ["warming"], "at the start of the call");
    call.speak(400).await;
    assert_eq!(told.all(), ["warming"], "it is under way");
    call.silent(1_000).await;
    call.speak(200).await;
    assert_eq!(told.all(), ["warming", "warm", "warming"], "when the caller speaks");
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn the_record_says_what_each_engine_was_used_for() {
    let told = Told::default();
    let (stt, driver) = Attentive::new(&told);
    let mut call = Call::start(answering(stt));
    call.silent(200).await;
    call.speak(600).await;
    driver.send(SttEvent::Interim { text: "A table, please.".into() }).unwrap();
    call.until_turns_end(1).await;
    let fed_ms = driver.log().pushed_samples() / 16;
    let (record, _) = call.hang_up().await;
    let of = |stage| record.cost.engines.iter().filter(|used| used.stage == stage).collect::<Vec<&EngineUse>>();
    let [stt] = of(Stage::Stt)[..] else { panic!("{:?}", record.cost) };
    assert_eq!((stt.engine.as_str(), stt.audio_ms), ("attentive", fed_ms));
    let [llm] = of(Stage::Llm)[..] else { panic!("{:?}", record.cost) };
    assert_eq!((llm.generations, llm.tokens.output_tokens, llm.unreported_generations), (1, 4, 0));
    let [tts] = of(Stage::Tts)[..] else { panic!("{:?}", record.cost) };
    assert_eq!((tts.characters, tts.discarded.characters), ("Certainly.".len() as u64, 0));
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_is_cut_off_is_counted_by_its_pieces() {
    let stt = ScriptedStt::new(voice_core::provider::scripted::SttConfig {
        utterances: vec![Utterance::say("Hello there."), Utterance::say("Stop, I meant Tuesday.")],
        ..Default::default()
    });
    let config = LlmConfig { token_ms: 300, ..LlmConfig::default() };
    let usage = TokenUsage { input_tokens: 50, cached_tokens: 0, output_tokens: 4 };
    let long = LlmReply::text("Very well, I am going to book the table for Monday evening at eight.").usage(usage);
    let llm = ScriptedLlm::new(config, vec![long]);
    let mut call = Call::start(agent(stt, llm, ScriptedTts::new(TtsConfig::default())));
    call.silent(200).await;
    call.speak(600).await;
    call.until_agent_speaks(1).await;
    call.silent(600).await;
    call.speak(1_200).await;
    let (record, _) = call.hang_up().await;
    let llm = record.cost.engines.iter().find(|used| used.stage == Stage::Llm).unwrap();
    assert_eq!(llm.tokens, TokenUsage::default());
    assert!(llm.unreported_deltas >= 4 && llm.unreported_generations == llm.generations, "{llm:?}");
    assert_eq!(llm.discarded.llm_deltas, 0);
}

//! Whole calls whose engines fail while they serve: another one stands in, and the caller hears and is heard as if
//! nothing had been.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use std::sync::Arc;
use support::{Call, agent, quick_agent};
use voice_core::provider::fallback::{FallbackConfig, FallbackLlm, FallbackStt, FallbackTts};
use voice_core::provider::scripted::{
    LlmConfig, LlmFault, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttAction, SttAt, SttConfig, TtsConfig,
    TtsFault, Utterance,
};
use voice_core::session::{Agent, SessionEvent, Stage};
use voice_core::stage::{Fault, Llm, LlmRequest, LlmStream, StageError, Stt, SttSession, Tts, TtsSession};
use voice_core::turn::{ReplyOutcome, Speculation};

/// An engine with a name.
struct Named<E>(&'static str, E);

impl Stt for Named<ScriptedStt> {
    fn name(&self) -> &str {
        self.0
    }
    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        self.1.open()
    }
}

impl Llm for Named<ScriptedLlm> {
    fn name(&self) -> &str {
        self.0
    }
    fn generate(&self, request: LlmRequest) -> LlmStream {
        self.1.generate(request)
    }
}

impl Tts for Named<ScriptedTts> {
    fn name(&self) -> &str {
        self.0
    }
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        self.1.open()
    }
}

fn hears(name: &'static str, utterances: Vec<Utterance>) -> Arc<dyn Stt> {
    Arc::new(Named(name, ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() })))
}

fn broken() -> StageError {
    StageError::Stream { engine: "ears A", reason: "the socket was reset".into(), fault: Fault::Engine }
}

fn listening(first: Vec<Utterance>, second: Vec<Utterance>) -> Agent {
    let engines = vec![hears("ears A", first), hears("ears B", second)];
    let stt = FallbackStt::new(engines, FallbackConfig::default()).unwrap();
    let mut agent = quick_agent(ScriptedStt::new(SttConfig::default()), &["Certainly.", "Very well."]);
    agent.stt = Arc::new(stt);
    agent
}

/// The switches of a call: stage, from, to, whether it has a reason.
fn switches(call: &Call) -> Vec<(Stage, String, String, bool)> {
    let switch = |event: &SessionEvent| match event {
        SessionEvent::StageSwitched { stage, from, to, why } => Some((*stage, from.clone(), to.clone(), why.is_some())),
        _ => None,
    };
    call.events.iter().filter_map(|(_, event)| switch(event)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_stt_that_breaks_within_a_word_loses_none_and_doubles_none() {
    let first = Utterance::new()
        .at(SttAt::SpeechStart(300), SttAction::Interim("I need".into()))
        .at(SttAt::SpeechStart(700), SttAction::Fail(broken()));
    let mut call = Call::start(listening(vec![first], vec![Utterance::say("I need a table for Tuesday.")]));
    call.silent(200).await;
    call.speak(1_800).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    let said: Vec<_> = record.caller_turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(said, ["I need a table for Tuesday."]);
    assert_eq!(switches(&call), [(Stage::Stt, "ears A".into(), "ears B".into(), true)]);
    let heard: Vec<_> = record.cost.engines.iter().filter(|used| used.stage == Stage::Stt).collect();
    assert_eq!(heard.iter().map(|used| used.engine.as_str()).collect::<Vec<_>>(), ["ears A", "ears B"]);
    assert!(heard[0].audio_ms >= 800 && heard[1].audio_ms >= 1_800, "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn audio_whose_words_are_final_is_not_given_to_the_next_stream() {
    let first = Utterance::say("Hello there.").at(SttAt::SpeechEnd(200), SttAction::Fail(broken()));
    let mut call = Call::start(listening(vec![first], vec![Utterance::say("A table please.")]));
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(1).await;
    call.speak(900).await;
    call.until_turns_end(2).await;
    let (record, _) = call.hang_up().await;
    let said: Vec<_> = record.caller_turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(said, ["Hello there.", "A table please."]);
}

#[tokio::test(start_paused = true)]
async fn a_long_turn_without_a_final_is_given_again_from_its_start() {
    // Twenty-five seconds of one segment: more than fits into the room that is kept from the start.
    let first = Utterance::new()
        .at(SttAt::SpeechStart(300), SttAction::StartOfTurn("So".into()))
        .at(SttAt::SpeechStart(25_000), SttAction::Fail(broken()));
    let mut words = Utterance::new().at(SttAt::SpeechStart(300), SttAction::StartOfTurn("So".into()));
    words = words.at(SttAt::SpeechStart(24_000), SttAction::Interim("So this is a long story".into()));
    let second = words.at(SttAt::SpeechEnd(300), SttAction::EndOfTurn("So this is a long story.".into()));
    let mut call = Call::start(listening(vec![first], vec![second]));
    call.silent(200).await;
    // A tone without any breath would be taken for noise.
    for _ in 0..44 {
        call.speak(580).await;
        call.silent(20).await;
    }
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;
    let said: Vec<_> = record.caller_turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(said, ["So this is a long story."]);
}

const LONG: &str = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";

#[tokio::test(start_paused = true)]
async fn a_reply_whose_voice_breaks_is_heard_whole() {
    for samples in [0, 9_000, 30_000, 60_000] {
        let faults = vec![(0, TtsFault::ErrorAfter(samples))];
        let first = ScriptedTts::new(TtsConfig { faults, ..TtsConfig::default() });
        let second = ScriptedTts::new(TtsConfig::default());
        let engines: Vec<Arc<dyn Tts>> = vec![Arc::new(Named("voice A", first)), Arc::new(Named("voice B", second))];
        let tts = FallbackTts::new(engines, FallbackConfig::default()).unwrap();
        let stt = SttConfig { utterances: vec![Utterance::say("Hello there.")], ..SttConfig::default() };
        let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text(LONG)]);
        let mut agent = agent(ScriptedStt::new(stt), llm, tts);
        agent.config.turn.speculation = Speculation::Off;
        let mut call = Call::start(agent);
        call.silent(200).await;
        call.speak(600).await;
        call.until_turns_end(1).await;
        let (record, call) = call.hang_up().await;
        let turn = &record.turns[0];
        assert_eq!((turn.outcome, turn.heard_text()), (ReplyOutcome::Completed, LONG), "after {samples} samples");
        assert_eq!(switches(&call), [(Stage::Tts, "voice A".into(), "voice B".into(), true)]);
        let whole = LONG.chars().count() as u64 * 960;
        let played = call.samples_of(turn.reply).len() as u64;
        assert!(played.abs_diff(whole) <= 9 * 960, "{played} of {whole}: no more than one word is said again");
    }
}

/// A model whose key is refused.
struct Refused;

impl Llm for Refused {
    fn name(&self) -> &str {
        "mind A"
    }
    fn generate(&self, _: LlmRequest) -> LlmStream {
        let reason = "the key was refused (401)".to_owned();
        let error = StageError::Open { engine: "mind A", reason, fault: Fault::Configuration };
        stream::iter([Err(error)]).boxed()
    }
}

fn thinking(engines: Vec<Arc<dyn Llm>>) -> Agent {
    let utterances = vec![Utterance::say("Hello there."), Utterance::say("Are you there?"), Utterance::say("Well?")];
    let mut agent = quick_agent(ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() }), &[]);
    agent.llm = Arc::new(FallbackLlm::new(engines, FallbackConfig::default()).unwrap());
    agent.config.turn.speculation = Speculation::Off;
    agent
}

#[tokio::test(start_paused = true)]
async fn a_model_that_refuses_the_key_is_stood_in_for_within_the_turn() {
    let second = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("Good day.")]);
    let mut call = Call::start(thinking(vec![Arc::new(Refused), Arc::new(Named("mind B", second))]));
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!((record.turns.len(), record.turns[0].heard_text()), (1, "Good day."));
    assert_eq!(switches(&call), [(Stage::Llm, "mind A".into(), "mind B".into(), true)]);
    assert_eq!(call.count(|event| matches!(event, SessionEvent::StageFailed { .. })), 0);
    let asked = |name: &str| record.cost.engines.iter().find(|used| used.engine == name).unwrap().generations;
    assert_eq!((asked("mind A"), asked("mind B")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn with_all_models_down_the_agent_apologises_and_answers_once_one_is_up() {
    let failing_once = |name, answer: &'static str| {
        let llm = ScriptedLlm::with(LlmConfig::default(), move |_, index| LlmReply {
            fault: (index == 0).then_some(LlmFault::ErrorAfter(0)),
            ..LlmReply::text(answer)
        });
        Arc::new(Named(name, llm)) as Arc<dyn Llm>
    };
    let mut agent = thinking(vec![failing_once("mind A", "This is A."), failing_once("mind B", "This is B.")]);
    agent.config.turn.caller_idle_ms = 1_000_000;
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(1).await;
    call.silent(8_000).await;
    call.speak(600).await;
    call.silent(40_000).await;
    let (record, call) = call.hang_up().await;
    let heard: Vec<_> = record.turns.iter().map(|turn| turn.heard_text()).filter(|text| !text.is_empty()).collect();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[0].starts_with("Sorry"), "{heard:?}");
    assert_eq!(heard[1], "This is A.", "of two that rest the better one is asked first");
    assert_eq!(call.count(|event| matches!(event, SessionEvent::StageFailed { stage: Stage::Llm, .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_reply_is_spoken_where_two_voices_before_the_one_that_speaks_never_open() {
    let voice = |name, open_ms| Arc::new(Named(name, ScriptedTts::new(TtsConfig { open_ms, ..TtsConfig::default() })));
    let never_ms = 3_600_000;
    let voices: Vec<Arc<dyn Tts>> = vec![voice("A", never_ms), voice("B", never_ms), voice("C", 200)];
    let mut agent = quick_agent(ScriptedStt::new(SttConfig::default()), &[]);
    agent.tts = Arc::new(FallbackTts::new(voices, FallbackConfig::default()).unwrap());
    agent.config.greeting = Some("Good evening.".into());
    let mut call = Call::start(agent);
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!((record.turns[0].outcome, record.turns[0].heard_text()), (ReplyOutcome::Completed, "Good evening."));
    let switched = vec![(Stage::Tts, "A".to_owned(), "C".to_owned(), true)];
    assert_eq!((record.turns.len(), switches(&call)), (1, switched), "no apology, and it is said why");
}

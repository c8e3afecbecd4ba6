//! Whole calls over a chat server that misbehaves, in real time and over real sockets: what the caller hears of the
//! reply, that the call goes on, and that nothing is said twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use support::{Call, agent};
use voice_core::provider::ApiKey;
use voice_core::provider::fakes::{ChatFake, ChatStyle, Fakes, FakesConfig, Fault, FaultRule, FaultScript, Service};
use voice_core::provider::fallback::{FallbackConfig, FallbackLlm};
use voice_core::provider::openai::{ChatConfig, ChatLlm};
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig, Utterance,
};
use voice_core::session::{CallRecord, SessionEvent, Stage};
use voice_core::stage::{Llm, LlmRequest};
use voice_core::turn::{EndReason, ReplyOutcome, Speculation};

const QUESTION: &str = "Is there a table for four?";
const FURTHER: &str = "On Tuesday at eight, please.";
/// With letters of several bytes, so that there is something to cut. Two sentences.
const REPLY: &str = "Grüß Gott, ein Tisch für vier ist frei. Soll ich ihn für Sie reservieren?";
const LAST: &str = "Sehr gerne, bis Dienstag.";
/// The words of [`in_mid_answer`].
const PART: &str = "Grüß Gott, ein";
/// The same, if the last of them was lost with the connection.
const LESS: &str = "Grüß Gott,";
const APOLOGY: &str = "Sorry, something went wrong on my side. Could you say that again?";
/// No call of these takes longer, retries included.
const LIMIT: Duration = Duration::from_secs(60);
const KEY: &str = "sk-very-secret";

/// What the caller hears of the first reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    Whole,
    /// What came of it before it broke; then the reply has failed.
    Part,
    /// Nothing of it, and an apology instead.
    Apology,
}

/// What goes wrong, and how often the first question is asked because of it.
struct Case {
    name: String,
    style: ChatStyle,
    faults: FaultScript,
    hears: Hears,
    requests: u64,
}

fn answer(request: &LlmRequest) -> &'static str {
    let is_further = request.messages.last().is_some_and(|message| message.text.contains("Tuesday"));
    if is_further { LAST } else { REPLY }
}

async fn serve(style: ChatStyle, faults: FaultScript) -> Fakes {
    let brain = Arc::new(ScriptedLlm::with(LlmConfig::default(), |request, _| LlmReply::text(answer(request))));
    let chat = ChatFake { brain, style, token_ms: 20, ..ChatFake::default() };
    Fakes::start(FakesConfig { key: Some(KEY.into()), chat, faults, ..FakesConfig::default() }).await.unwrap()
}

fn config(fakes: &Fakes, style: ChatStyle, key: &str) -> ChatConfig {
    let config = match style {
        ChatStyle::OpenAi => ChatConfig::openai(ApiKey::new(key, "OPENAI_API_KEY"), "gpt-5-mini"),
        _ => ChatConfig::groq(ApiKey::new(key, "GROQ_API_KEY"), "openai/gpt-oss-20b"),
    };
    ChatConfig { url: format!("{}/v1", fakes.http_url()), first_token_ms: 4_000, token_ms: 3_000, ..config }
}

fn chat(fakes: &Fakes, style: ChatStyle) -> ChatLlm {
    ChatLlm::new(config(fakes, style, KEY)).unwrap()
}

/// Silence that ends a turn after a guess: enough for a busy machine to learn that the guess failed.
const UNHURRIED_MS: u64 = 3_000;

fn call_with(llm: impl Llm + 'static, speculation: Speculation) -> Call {
    let utterances = [QUESTION, FURTHER].map(Utterance::say).into();
    let stt = SttConfig { utterances, ..SttConfig::default() };
    let tts = ScriptedTts::new(TtsConfig { ms_per_character: 20, ..TtsConfig::default() });
    let mut agent = agent(ScriptedStt::new(stt), llm, tts);
    let turn = &mut agent.config.turn;
    turn.speculation = speculation;
    if speculation == Speculation::On {
        (turn.eot_complete_ms, turn.eot_unclear_ms, turn.eot_incomplete_ms) =
            (UNHURRIED_MS, UNHURRIED_MS, UNHURRIED_MS);
    }
    Call::start(agent)
}

fn call(llm: impl Llm + 'static) -> Call {
    call_with(llm, Speculation::Off)
}

/// Two questions; the second once so many replies have ended, an apology counted as one.
async fn converse(mut call: Call, replies: usize) -> (CallRecord, Call) {
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(replies).await;
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(replies + 1).await;
    call.hang_up().await
}

fn replies_of(hears: Hears) -> Vec<(ReplyOutcome, &'static str)> {
    let first = match hears {
        Hears::Whole => vec![(ReplyOutcome::Completed, REPLY)],
        Hears::Part => vec![(ReplyOutcome::Failed, PART)],
        Hears::Apology => vec![(ReplyOutcome::Failed, ""), (ReplyOutcome::Completed, APOLOGY)],
    };
    [first, vec![(ReplyOutcome::Completed, LAST)]].concat()
}

/// The first reply is heard so far, the second whole, and every sample of them once.
fn check(name: &str, record: &CallRecord, call: &Call, hears: Hears) {
    let words = |text| if hears == Hears::Part && text == LESS { PART } else { text };
    let heard: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, words(turn.heard_text().trim_end()))).collect();
    assert_eq!(heard, replies_of(hears), "{name}: {:#?}", call.events);
    assert_eq!(record.reason, EndReason::CallerHungUp, "{name}");
    for turn in &record.turns {
        let samples = turn.heard_text().chars().count() * 320;
        assert_eq!(call.check_ramp(turn.reply), samples, "{name}: {}", turn.heard_text());
    }
    let is_failure = |event: &SessionEvent| matches!(event, SessionEvent::StageFailed { stage: Stage::Llm, .. });
    assert_eq!(call.count(is_failure), usize::from(hears != Hears::Whole), "{name}: {:#?}", call.events);
}

async fn within<T>(name: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("{name} takes for ever"))
}

async fn run(case: Case) {
    let fakes = serve(case.style, case.faults).await;
    let replies = replies_of(case.hears).len() - 1;
    let (record, call) = within(&case.name, converse(call(chat(&fakes, case.style)), replies)).await;
    check(&case.name, &record, &call, case.hears);
    let counts = fakes.log().counts();
    assert!(counts.faults > 0, "{}: {:#?}", case.name, fakes.log().events());
    // The second question is a request too.
    assert_eq!(counts.chat.requests + counts.refused, case.requests + 1, "{}: {:#?}", case.name, fakes.log().events());
}

/// Of each both ways to serve it.
async fn run_all(cases: impl IntoIterator<Item = (FaultRule, Hears, u64)>) {
    let both = cases.into_iter().flat_map(|(rule, hears, requests)| {
        [ChatStyle::Groq, ChatStyle::OpenAi].map(|style| Case {
            name: format!("{style:?} {rule:?}"),
            style,
            faults: rule.clone().into(),
            hears,
            requests,
        })
    });
    join_all(both.map(run)).await;
}

/// On the first request, before any of the answer.
fn at_first(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Chat, fault).on(1)
}

/// On the first request, after three words.
fn in_mid_answer(fault: Fault) -> FaultRule {
    at_first(fault).after_messages(4)
}

/// On every message of every answer.
fn always(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Chat, fault).times(u64::MAX)
}

fn closes() -> Fault {
    Fault::Close { code: None, reason: String::new() }
}

fn refuses(status: u16, retry_after_ms: Option<u64>) -> Fault {
    Fault::Refuse { status, retry_after_ms, body: None }
}

#[tokio::test]
async fn an_answer_that_comes_in_pieces_late_or_in_bad_company_is_heard_whole() {
    let faults = [
        at_first(Fault::DelayOpen { ms: 700 }),
        always(Fault::Delay { ms: 40 }),
        FaultRule::new(Service::Chat, Fault::SplitWrites { bytes: 1 }),
        FaultRule::new(Service::Chat, Fault::Fragment),
        always(Fault::CutUtf8),
        always(Fault::UnknownType).times(30),
        FaultRule::new(Service::Chat, Fault::Pace { percent: 50 }),
        FaultRule::new(Service::Chat, Fault::Pace { percent: 1_000 }),
        at_first(Fault::OutOfOrder),
    ];
    run_all(faults.map(|rule| (rule, Hears::Whole, 1))).await;
}

#[tokio::test]
async fn what_fails_before_the_first_word_is_tried_again_within_the_turn() {
    let faults = [
        refuses(500, None),
        refuses(503, Some(50)),
        refuses(429, Some(300)),
        closes(),
        Fault::Reset,
        Fault::ErrorMessage,
        Fault::Malformed,
    ];
    run_all(faults.map(|fault| (at_first(fault), Hears::Whole, 2))).await;
}

#[tokio::test]
async fn a_server_that_gives_no_answer_is_apologised_for_and_asked_anew_in_the_next_turn() {
    let twice = FaultRule::new(Service::Chat, refuses(500, None)).times(2);
    let cases = [
        (at_first(refuses(429, Some(60_000))), Hears::Apology, 1),
        (at_first(refuses(404, None)), Hears::Apology, 1),
        (at_first(Fault::Stall), Hears::Apology, 1),
        // Not counted: the server does not get to reading it.
        (at_first(Fault::NeverGreet), Hears::Apology, 0),
        (twice, Hears::Apology, 2),
    ];
    run_all(cases).await;
}

#[tokio::test]
async fn of_an_answer_that_breaks_off_the_caller_hears_what_there_was() {
    let faults = [closes(), Fault::Reset, Fault::ErrorMessage, Fault::Malformed, Fault::Stall];
    run_all(faults.map(|fault| (in_mid_answer(fault), Hears::Part, 1))).await;
}

#[tokio::test]
async fn words_that_change_places_are_each_heard_once() {
    let rule = in_mid_answer(Fault::OutOfOrder);
    let fakes = serve(ChatStyle::Groq, rule.into()).await;
    let (record, _) = within("out of order", converse(call(chat(&fakes, ChatStyle::Groq)), 1)).await;
    let sorted = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(String::from).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(record.turns[0].heard_text()), sorted(REPLY));
    assert_ne!(record.turns[0].heard_text(), REPLY, "nothing on the wire says where a word belongs");
    assert_eq!(record.turns[1].heard_text(), LAST);
}

#[tokio::test]
async fn a_guess_that_fails_is_asked_for_again_once_the_turn_is_over() {
    let guesses = [refuses(404, None), refuses(429, Some(60_000)), Fault::ErrorMessage].map(|fault| async {
        let name = format!("{fault:?}");
        let rule = if fault == Fault::ErrorMessage { in_mid_answer(fault) } else { at_first(fault) };
        let fakes = serve(ChatStyle::Groq, rule.into()).await;
        let call = call_with(chat(&fakes, ChatStyle::Groq), Speculation::On);
        let (record, _) = within(&name, converse(call, 1)).await;
        let heard: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, turn.heard_text())).collect();
        assert_eq!(heard, replies_of(Hears::Whole), "{name}");
        let counts = fakes.log().counts();
        assert!(counts.faults == 1 && counts.chat.requests + counts.refused >= 3, "{name}: {counts:?}");
    });
    join_all(guesses).await;
}

#[tokio::test]
async fn a_caller_who_interrupts_stops_the_model_and_is_answered() {
    for_each_style(|style| async move {
        let fakes = serve(style, FaultRule::new(Service::Chat, Fault::Pace { percent: 5 }).on(1).into()).await;
        let mut call = call(chat(&fakes, style));
        call.silent(200).await;
        call.speak(600).await;
        call.until_agent_speaks(1).await;
        call.speak(1_600).await;
        call.until_turns_end(2).await;
        let (record, call) = call.hang_up().await;
        let outcomes: Vec<_> = record.turns.iter().map(|turn| turn.outcome).collect();
        assert_eq!(outcomes, [ReplyOutcome::BargedIn, ReplyOutcome::Completed], "{style:?}");
        assert!(REPLY.starts_with(record.turns[0].heard_text()), "{style:?}: {}", record.turns[0].heard_text());
        assert_eq!(record.turns[1].heard_text(), LAST, "{style:?}");
        assert_eq!(call.count(|event| matches!(event, SessionEvent::BargeIn { .. })), 1, "{style:?}");
        let counts = within("the cancel", fakes.log().until(|counts| counts.chat.cancelled > 0)).await;
        assert_eq!((counts.chat.cancelled, counts.chat.finished), (1, 1), "{style:?}");
    })
    .await;
}

async fn for_each_style<F: Future<Output = ()>>(each: impl Fn(ChatStyle) -> F) {
    join_all([ChatStyle::Groq, ChatStyle::OpenAi].map(each)).await;
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_by_its_setting_and_never_shown() {
    for_each_style(|style| async move {
        let fakes = serve(style, FaultScript::default()).await;
        let llm = ChatLlm::new(config(&fakes, style, "quite-wrong")).unwrap();
        let mut call = call(llm);
        call.silent(200).await;
        call.speak(600).await;
        call.until_turns_end(2).await;
        let (record, call) = call.hang_up().await;
        let told: Vec<_> = call.events.iter().filter_map(|(_, event)| failure(event)).collect();
        let setting = if style == ChatStyle::OpenAi { "OPENAI_API_KEY" } else { "GROQ_API_KEY" };
        assert!(matches!(&told[..], [said] if said.contains("401") && said.contains(setting)), "{told:?}");
        assert!(!format!("{:?} {record:?}", call.events).contains("quite-wrong"), "{told:?}");
        assert_eq!((record.turns[0].heard_text(), record.turns[1].heard_text()), ("", APOLOGY));
        assert_eq!(fakes.log().counts().chat.requests, 1, "no second try");
    })
    .await;
}

fn failure(event: &SessionEvent) -> Option<String> {
    match event {
        SessionEvent::StageFailed { error, .. } => Some(error.to_string()),
        _ => None,
    }
}

/// The switches from model to model.
fn switches(call: &Call) -> Vec<(&str, &str)> {
    call.events.iter().filter_map(|(_, event)| switch(event)).collect()
}

fn switch(event: &SessionEvent) -> Option<(&str, &str)> {
    match event {
        SessionEvent::StageSwitched { stage: Stage::Llm, from, to, .. } => Some((from, to)),
        _ => None,
    }
}

/// A first server with `faults` and a second one without.
async fn two_servers(faults: FaultScript) -> (Fakes, Fakes, FallbackLlm) {
    let (first, second) =
        (serve(ChatStyle::Groq, faults).await, serve(ChatStyle::OpenAi, FaultScript::default()).await);
    let engines: Vec<Arc<dyn Llm>> =
        vec![Arc::new(chat(&first, ChatStyle::Groq)), Arc::new(chat(&second, ChatStyle::OpenAi))];
    let patience = FallbackConfig { first_token_ms: 3_000, ..FallbackConfig::default() };
    let llm = FallbackLlm::new(engines, patience).unwrap();
    (first, second, llm)
}

const SWITCH: (&str, &str) = ("Groq openai/gpt-oss-20b", "OpenAI gpt-5-mini");

#[tokio::test]
async fn a_second_model_answers_within_the_turn_where_the_first_does_not() {
    let faults = [
        refuses(401, None),
        refuses(429, Some(60_000)),
        refuses(500, None),
        Fault::NeverGreet,
        Fault::Stall,
        closes(),
        Fault::Reset,
        Fault::ErrorMessage,
        Fault::Malformed,
    ];
    let calls = faults.map(|fault| async {
        let name = format!("{fault:?}");
        let (first, second, llm) = two_servers(FaultRule::new(Service::Chat, fault).into()).await;
        let (record, call) = within(&name, converse(call(llm), 1)).await;
        check(&name, &record, &call, Hears::Whole);
        assert_eq!(switches(&call), [SWITCH], "{name}");
        assert!(first.log().counts().faults > 0, "{name}");
        assert_eq!(second.log().counts().chat.requests, 2, "{name}: the first one rests in the second turn");
    });
    join_all(calls).await;
}

#[tokio::test]
async fn a_second_model_does_not_begin_anew_what_the_first_broke_off() {
    let cases = [closes(), Fault::Reset, Fault::ErrorMessage, Fault::Malformed, Fault::Stall].map(|fault| async {
        let name = format!("{fault:?}");
        let (_first, second, llm) = two_servers(in_mid_answer(fault).into()).await;
        let (record, call) = within(&name, converse(call(llm), 1)).await;
        check(&name, &record, &call, Hears::Part);
        assert_eq!(switches(&call), [SWITCH], "{name}");
        assert_eq!(second.log().counts().chat.requests, 1, "{name}: the next turn's");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_after_a_sentence_ends_there() {
    let whole_sentence = at_first(closes()).after_messages(9);
    let (_first, _second, llm) = two_servers(whole_sentence.into()).await;
    let (record, call) = within("a sentence", converse(call(llm), 1)).await;
    let heard: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, turn.heard_text().trim_end())).collect();
    let sentence = "Grüß Gott, ein Tisch für vier ist frei.";
    assert_eq!(heard, [(ReplyOutcome::Completed, sentence), (ReplyOutcome::Completed, LAST)]);
    assert_eq!(call.count(|event| failure(event).is_some()), 0);
}

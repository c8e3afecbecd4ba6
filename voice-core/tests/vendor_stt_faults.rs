//! Whole calls over a speech-to-text service that misbehaves, in real time and over real sockets: the call goes on or
//! ends cleanly, no word of the caller is lost or doubled, and the agent's audio has no hole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use futures::future::join_all;
use std::time::Duration;
use support::{Call, agent};
use voice_core::provider::ApiKey;
use voice_core::provider::deepgram::{FluxConfig, FluxStt, NovaConfig, NovaStt};
use voice_core::provider::fakes::{
    ConfigureAnswer, Ear, FakeTurn, Fakes, FakesConfig, FakesLog, Fault, FaultRule, FinalizeAnswer, FluxFake, NovaFake,
    Service, SpeechStarts,
};
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm, ScriptedTts, TtsConfig};
use voice_core::session::{CallRecord, SessionEvent};
use voice_core::stage::Stt;
use voice_core::transport::LineCommand;
use voice_core::turn::{EndReason, ReplyOutcome};

/// With letters of several bytes, so that there is something to cut.
const FIRST: &str = "Einen Tisch für vier Personen, bitte schön.";
const SECOND: &str = "Dienstag um acht Uhr wäre gut.";
const REPLY: &str = "Certainly, at once.";
const DEAF: &str = "I am sorry, I cannot hear you.";
/// No call of these takes longer, retries included.
const LIMIT: Duration = Duration::from_secs(60);

fn ear() -> Ear {
    Ear::Script(vec![FakeTurn::new(FIRST), FakeTurn::new(SECOND)])
}

fn flux_at(fakes: &Fakes) -> FluxStt {
    let config = FluxConfig {
        url: fakes.http_url(),
        stall_ms: 1_000,
        connected_ms: 1_000,
        close_ms: 200,
        catch_up_percent: 0,
        ..FluxConfig::default()
    };
    FluxStt::new(config).unwrap()
}

fn nova_at(fakes: &Fakes) -> NovaStt {
    let config = NovaConfig {
        url: fakes.http_url(),
        stall_ms: 2_000,
        close_ms: 200,
        catch_up_percent: 0,
        ..NovaConfig::default()
    };
    NovaStt::new(config).unwrap()
}

fn call(stt: impl Stt + 'static) -> Call {
    let llm = ScriptedLlm::with(LlmConfig::default(), |_, _| LlmReply::text(REPLY));
    let mut agent = agent(stt, llm, ScriptedTts::new(TtsConfig::default()));
    // Enough for a busy machine to open a stream again and to be told what was said, before silence ends the turn.
    let turn = &mut agent.config.turn;
    (turn.eot_complete_ms, turn.eot_unclear_ms, turn.eot_incomplete_ms) = (1_500, 1_500, 1_500);
    (turn.final_wait_ms, turn.eot_backstop_ms) = (3_000, 10_000);
    Call::start(agent)
}

/// Two questions, each answered; then the caller hangs up.
async fn converse(mut call: Call) -> (CallRecord, Call) {
    call.silent(300).await;
    call.speak(1_600).await;
    call.until_turns_end(1).await;
    call.silent(400).await;
    call.speak(1_200).await;
    call.until_turns_end(2).await;
    call.hang_up().await
}

/// Both questions were understood once and answered once.
fn check(name: &str, record: &CallRecord, log: &FakesLog) {
    let understood: Vec<&str> = record.caller_turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(understood, [FIRST, SECOND], "{name}: {:#?}", log.events());
    let answers: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, turn.heard_text())).collect();
    assert_eq!(answers, [(ReplyOutcome::Completed, REPLY); 2], "{name}");
    assert_eq!(record.reason, EndReason::CallerHungUp, "{name}");
}

/// A fault and how many streams a call over it opens at least.
struct Case {
    name: &'static str,
    fakes: FakesConfig,
    streams: u64,
}

fn flux_fault(name: &'static str, streams: u64, rule: FaultRule) -> Case {
    let flux = FluxFake { ear: ear(), ..FluxFake::default() };
    Case { name, fakes: FakesConfig { flux, faults: rule.into(), ..FakesConfig::default() }, streams }
}

fn flux_manner(name: &'static str, flux: FluxFake) -> Case {
    Case { name, fakes: FakesConfig { flux, ..FakesConfig::default() }, streams: 1 }
}

fn nova_fault(name: &'static str, streams: u64, rule: FaultRule) -> Case {
    let nova = NovaFake { ear: ear(), ..NovaFake::default() };
    Case { name, fakes: FakesConfig { nova, faults: rule.into(), ..FakesConfig::default() }, streams }
}

fn nova_manner(name: &'static str, nova: NovaFake) -> Case {
    Case { name, fakes: FakesConfig { nova: NovaFake { ear: ear(), ..nova }, ..FakesConfig::default() }, streams: 1 }
}

/// On the first stream, in the middle of the first question.
fn in_mid_turn(service: Service, fault: Fault) -> FaultRule {
    let messages = if service == Service::Flux { 6 } else { 2 };
    FaultRule::new(service, fault).on(1).after_messages(messages)
}

/// On every message of every stream.
fn always(service: Service, fault: Fault) -> FaultRule {
    FaultRule::new(service, fault).times(u64::MAX)
}

async fn run_flux(case: Case) {
    let fakes = Fakes::start(case.fakes).await.unwrap();
    let call = converse(call(flux_at(&fakes)));
    let (record, _) =
        tokio::time::timeout(LIMIT, call).await.unwrap_or_else(|_| panic!("{} takes for ever", case.name));
    check(case.name, &record, fakes.log());
    let opened = fakes.log().counts().flux.opened;
    assert!(opened >= case.streams, "{}: {opened} streams", case.name);
}

async fn run_nova(case: Case) {
    let fakes = Fakes::start(case.fakes).await.unwrap();
    let call = converse(call(nova_at(&fakes)));
    let (record, _) =
        tokio::time::timeout(LIMIT, call).await.unwrap_or_else(|_| panic!("{} takes for ever", case.name));
    check(case.name, &record, fakes.log());
    let opened = fakes.log().counts().nova.opened;
    assert!(opened >= case.streams, "{}: {opened} streams", case.name);
}

fn closes(code: Option<u16>) -> Fault {
    Fault::Close { code, reason: String::new() }
}

fn refuses(status: u16) -> Fault {
    Fault::Refuse { status, retry_after_ms: None, body: None }
}

#[tokio::test]
async fn a_stream_of_flux_that_breaks_in_mid_turn_is_followed_by_one_that_hears_it_all() {
    let broken = [
        ("closed with a code", closes(Some(1011))),
        ("closed without one", closes(None)),
        ("reset", Fault::Reset),
        ("stalled", Fault::Stall),
        ("an error", Fault::ErrorMessage),
    ];
    let cases = broken.map(|(name, fault)| flux_fault(name, 2, in_mid_turn(Service::Flux, fault)));
    join_all(cases.map(run_flux)).await;
}

#[tokio::test]
async fn a_flux_that_opens_badly_is_opened_again() {
    let openings = [
        ("unavailable", 1, refuses(503)),
        ("too many", 1, refuses(429)),
        ("late", 1, Fault::DelayOpen { ms: 700 }),
        ("never greets", 2, Fault::NeverGreet),
        ("reset at once", 2, Fault::Reset),
    ];
    let cases =
        openings.map(|(name, streams, fault)| flux_fault(name, streams, FaultRule::new(Service::Flux, fault).on(1)));
    join_all(cases.map(run_flux)).await;
}

#[tokio::test]
async fn messages_of_flux_that_come_in_pieces_late_or_in_bad_company_are_understood() {
    let flux = Service::Flux;
    let cases = [
        flux_fault("single bytes", 1, FaultRule::new(flux, Fault::SplitWrites { bytes: 1 })),
        flux_fault("fragments", 1, always(flux, Fault::Fragment)),
        flux_fault("cut characters", 1, always(flux, Fault::CutUtf8)),
        flux_fault("late", 1, always(flux, Fault::Delay { ms: 250 })),
        flux_fault("unknown types", 1, always(flux, Fault::UnknownType).times(20)),
        flux_fault("malformed", 1, in_mid_turn(flux, Fault::Malformed)),
        flux_fault("out of order", 1, in_mid_turn(flux, Fault::OutOfOrder)),
    ];
    join_all(cases.map(run_flux)).await;
}

#[tokio::test]
async fn the_manners_of_flux_change_no_word() {
    let resumed = vec![FakeTurn::new(FIRST).eager_then_resumed(2), FakeTurn::new(SECOND).eager_then_resumed(1)];
    let plain = vec![FakeTurn::new(FIRST).without_eager(), FakeTurn::new(SECOND).without_eager()];
    let bare =
        FluxFake { tells_trigger: false, tells_languages: false, tells_word_times: false, ..FluxFake::default() };
    let cases = [
        flux_manner("resumed", FluxFake { ear: Ear::Script(resumed.clone()), ..FluxFake::default() }),
        flux_manner("resumed late", FluxFake { ear: Ear::Script(resumed), jitter_ms: 300, ..FluxFake::default() }),
        flux_manner("never eager", FluxFake { ear: Ear::Script(plain), ..FluxFake::default() }),
        flux_manner("bare", FluxFake { ear: ear(), sequence_step: 3, ..bare }),
        flux_manner("greets late", FluxFake { ear: ear(), greeting_ms: 500, ..FluxFake::default() }),
        flux_manner("no change", FluxFake { ear: ear(), configure: ConfigureAnswer::Never, ..FluxFake::default() }),
    ];
    join_all(cases.map(run_flux)).await;
}

#[tokio::test]
async fn a_nova_that_breaks_in_mid_turn_is_followed_by_one_that_hears_it_all() {
    let broken = [
        ("closed", 2, closes(Some(1011))),
        ("reset", 2, Fault::Reset),
        ("stalled", 2, Fault::Stall),
        ("an error", 1, Fault::ErrorMessage),
        ("malformed", 1, Fault::Malformed),
        ("unknown types", 1, Fault::UnknownType),
    ];
    let cases = broken.map(|(name, streams, fault)| nova_fault(name, streams, in_mid_turn(Service::Nova, fault)));
    join_all(cases.map(run_nova)).await;
}

#[tokio::test]
async fn the_manners_of_nova_change_no_word() {
    let nova = NovaFake::default;
    let cases = [
        nova_manner("answers late", NovaFake { finalize: FinalizeAnswer::Late { ms: 300 }, ..nova() }),
        nova_manner("answers empty", NovaFake { finalize: FinalizeAnswer::Empty, ..nova() }),
        nova_manner("answers nothing", NovaFake { finalize: FinalizeAnswer::Silent, ..nova() }),
        nova_manner("no starts", NovaFake { speech_starts: SpeechStarts::Missing, ..nova() }),
        nova_manner("two starts", NovaFake { speech_starts: SpeechStarts::Doubled, ..nova() }),
        nova_manner("no flags", NovaFake { tells_flags: false, ..nova() }),
        nova_manner("late", NovaFake { jitter_ms: 200, ..nova() }),
        nova_fault("fragments", 1, always(Service::Nova, Fault::Fragment)),
    ];
    join_all(cases.map(run_nova)).await;
}

/// A call over a service that refuses every stream, until it has failed so often; the agent then says so. Gives what
/// was told of the last failure.
async fn deaf(stt: impl Stt + 'static, failures: usize) -> String {
    let mut call = call(stt);
    let is_failure = |event: &SessionEvent| matches!(event, SessionEvent::StageFailed { .. });
    call.silent_until(20_000, |call| call.count(is_failure) >= failures).await;
    call.ask(LineCommand::Say(DEAF.into()));
    call.until_turns_end(1).await;
    let _ = call.handle.hang_up(EndReason::StageFailed);
    let record = call.ended().await;
    call.check_audio();
    assert_eq!(record.turns[0].heard_text(), DEAF, "the agent can still say so");
    assert_eq!((record.reason, call.count(is_failure)), (EndReason::StageFailed, failures));
    let said = call.events.iter().rev().find_map(|(_, event)| match event {
        SessionEvent::StageFailed { error, .. } => Some(error.to_string()),
        _ => None,
    });
    said.unwrap()
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_once_by_its_setting_and_the_call_goes_on_without_ears() {
    let fakes = Fakes::start(FakesConfig { key: Some("right".into()), ..FakesConfig::default() }).await.unwrap();
    let key = || Some(ApiKey::new("very-wrong", "DEEPGRAM_API_KEY"));
    let flux = FluxStt::new(FluxConfig { key: key(), url: fakes.http_url(), ..FluxConfig::default() }).unwrap();
    let nova = NovaStt::new(NovaConfig { key: key(), url: fakes.http_url(), ..NovaConfig::default() }).unwrap();
    for said in [deaf(flux, 1).await, deaf(nova, 1).await] {
        assert!(said.contains("401") && said.contains("DEEPGRAM_API_KEY"), "{said}");
        assert!(!said.contains("very-wrong"), "{said}");
    }
    assert_eq!(fakes.log().counts().refused, 2, "no second try");
}

#[tokio::test]
async fn a_service_that_stays_away_is_tried_four_times() {
    let faults = always(Service::Flux, refuses(503)).into();
    let fakes = Fakes::start(FakesConfig { faults, ..FakesConfig::default() }).await.unwrap();
    let said = deaf(flux_at(&fakes), 4).await;
    assert!(said.contains("503"), "{said}");
    assert_eq!(fakes.log().counts().refused, 4);
}

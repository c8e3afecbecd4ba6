//! Whole calls over a voice that misbehaves, in real time and over real sockets: what the caller hears of the reply,
//! that the call goes on, that no sample is heard twice and none of a reply that is dead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use support::{Call, agent};
use tokio::task::JoinSet;
use voice_core::provider::ApiKey;
use voice_core::provider::cartesia::{CartesiaConfig, CartesiaTts};
use voice_core::provider::elevenlabs::{ElevenLabsConfig, ElevenLabsFormat, ElevenLabsTts};
use voice_core::provider::fakes::{
    CancelManner, CartesiaFake, Cuts, ElevenLabsFake, Fakes, FakesConfig, Fault, FaultRule, FaultScript, KeyCheck,
    Service, VoiceCounts,
};
use voice_core::provider::fallback::{FallbackConfig, FallbackTts};
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig, Utterance, read_ramp,
};
use voice_core::session::{CallRecord, SessionEvent, Stage};
use voice_core::stage::Tts;
use voice_core::transport::MemoryOutput;
use voice_core::turn::{EndReason, ReplyOutcome, Speculation};
use voice_core::units::ReplyId;

const QUESTION: &str = "Is there a table for four?";
const FURTHER: &str = "On Tuesday at eight, please.";
/// With letters of several bytes, so that there is something to cut.
const REPLY: &str = "Grüß Gott, ein Tisch für vier ist frei. Soll ich ihn für Sie reservieren?";
const LAST: &str = "Sehr gerne, bis Dienstag.";
const APOLOGY: &str = "Sorry, something went wrong on my side. Could you say that again?";
/// The longest word of them with its space.
const LONGEST_WORD: usize = 13;
/// What a character lasts: 30 ms at 16 kHz.
const CHARACTER: u64 = 480;
/// No call of these takes longer, retries included.
const LIMIT: Duration = Duration::from_secs(60);
const KEY: &str = "sk-very-secret";

/// The vendors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vendor {
    Cartesia,
    ElevenLabs,
}

use Vendor::{Cartesia, ElevenLabs};

impl Vendor {
    fn service(self) -> Service {
        match self {
            Cartesia => Service::Cartesia,
            ElevenLabs => Service::Elevenlabs,
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Cartesia => "CARTESIA_API_KEY",
            ElevenLabs => "ELEVENLABS_API_KEY",
        }
    }

    fn counts(self, fakes: &Fakes) -> VoiceCounts {
        match self {
            Cartesia => fakes.log().counts().cartesia,
            ElevenLabs => fakes.log().counts().elevenlabs,
        }
    }

    fn voice(self, fakes: &Fakes, key: &str) -> Arc<dyn Tts> {
        let (key, url, voice) = (Some(ApiKey::new(key, self.setting())), fakes.http_url(), "a voice".to_owned());
        let (first_audio_ms, stall_ms) = (2_500, 1_500);
        match self {
            Cartesia => {
                let sample_rate = 16_000;
                let base = CartesiaConfig::default();
                let config = CartesiaConfig { key, url, voice, sample_rate, first_audio_ms, stall_ms, ..base };
                Arc::new(CartesiaTts::new(config).unwrap())
            }
            ElevenLabs => {
                let format = ElevenLabsFormat::Pcm16000;
                let base = ElevenLabsConfig::default();
                let config = ElevenLabsConfig { key, url, voice, format, first_audio_ms, stall_ms, ..base };
                Arc::new(ElevenLabsTts::new(config).unwrap())
            }
        }
    }
}

/// Fakes that speak in real time, so that a reply is still being made when something happens to it.
fn fakes(faults: FaultScript) -> FakesConfig {
    let voice: Arc<dyn Tts> = Arc::new(ScriptedTts::new(TtsConfig { ms_per_character: 30, ..TtsConfig::default() }));
    FakesConfig {
        key: Some(KEY.into()),
        cartesia: CartesiaFake { voice: Arc::clone(&voice), pace_percent: 100, ..CartesiaFake::default() },
        elevenlabs: ElevenLabsFake { voice, pace_percent: 100, ..ElevenLabsFake::default() },
        faults,
        ..FakesConfig::default()
    }
}

fn call(tts: Arc<dyn Tts>) -> Call {
    let utterances = [QUESTION, FURTHER].map(Utterance::say).into();
    let stt = ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() });
    let llm = ScriptedLlm::new(LlmConfig::default(), [REPLY, LAST].map(LlmReply::text).into());
    let mut agent = agent(stt, llm, ScriptedTts::new(TtsConfig::default()));
    agent.tts = tts;
    agent.config.turn.speculation = Speculation::Off;
    Call::start(agent)
}

/// Two questions; the second once so many replies have ended, an apology counted as one.
async fn converse(mut call: Call, replies: usize) -> (CallRecord, Call) {
    call.silent(200).await;
    call.speak(600).await;
    converse_on(call, replies).await
}

/// The same from the end of the first question on.
async fn converse_on(mut call: Call, replies: usize) -> (CallRecord, Call) {
    call.until_turns_end(replies).await;
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(replies + 1).await;
    call.hang_up().await
}

async fn within<T>(name: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("{name} takes for ever"))
}

/// What the caller hears of the first reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    Whole,
    /// Its beginning; then the reply has failed.
    Part,
    /// Nothing of it, and an apology instead.
    Apology,
}

fn outcomes_of(hears: Hears) -> Vec<ReplyOutcome> {
    let first = match hears {
        Hears::Whole => vec![ReplyOutcome::Completed],
        Hears::Part => vec![ReplyOutcome::Failed],
        Hears::Apology => vec![ReplyOutcome::Failed, ReplyOutcome::Completed],
    };
    [first, vec![ReplyOutcome::Completed]].concat()
}

/// A stretch of what a voice made, as it was heard: from which of its samples on (modulo 4096), and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    voice: u32,
    from: u64,
    samples: u64,
}

fn stretches(call: &Call, reply: ReplyId) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for sample in call.samples_of(reply) {
        let sample = read_ramp(sample).expect("a sample that a voice made");
        match stretches.last_mut() {
            Some(last) if last.voice == sample.reply && (last.from + last.samples) % 4_096 == sample.position => {
                last.samples += 1;
            }
            _ => stretches.push(Stretch { voice: sample.reply, from: sample.position, samples: 1 }),
        }
    }
    stretches
}

fn samples_of(text: &str) -> u64 {
    text.chars().count() as u64 * CHARACTER
}

/// All of it was heard; ElevenLabs is sent a space after the last word.
fn check_length(name: &str, samples: u64, text: &str) {
    let whole = samples_of(text);
    assert!([whole, whole + CHARACTER].contains(&samples), "{name}: {samples} samples of {text}");
}

/// The replies ended as they should, were heard as far as their audio was, and each sample of it once and in its place.
fn check(name: &str, record: &CallRecord, call: &Call, hears: Hears) {
    let outcomes: Vec<_> = record.turns.iter().map(|turn| turn.outcome).collect();
    assert_eq!(outcomes, outcomes_of(hears), "{name}: {:#?}", call.events);
    for turn in &record.turns {
        let (text, stretches) = (turn.heard_text(), stretches(call, turn.reply));
        match turn.outcome {
            ReplyOutcome::Completed => {
                assert!([REPLY, APOLOGY, LAST].contains(&text), "{name}: {text}");
                let [Stretch { from: 0, samples, .. }] = stretches[..] else { panic!("{name}: {stretches:?}") };
                check_length(name, samples, text);
            }
            _ if hears == Hears::Apology => {
                let samples: u64 = stretches.iter().map(|stretch| stretch.samples).sum();
                assert!(text.is_empty() && samples < CHARACTER * 2, "{name}: {samples} of {text}");
            }
            _ => {
                assert!(REPLY.starts_with(text) && text != REPLY, "{name}: {text}");
                let [Stretch { from: 0, samples, .. }] = stretches[..] else { panic!("{name}: {stretches:?}") };
                let most_apart = LONGEST_WORD as u64 * CHARACTER;
                assert!(samples.abs_diff(samples_of(text)) <= most_apart, "{name}: {samples} samples of {text}");
            }
        }
    }
    assert_eq!(record.turns.last().unwrap().heard_text(), LAST, "{name}");
    assert_eq!(record.reason, EndReason::CallerHungUp, "{name}");
    let failures = call.events.iter().filter_map(|(_, event)| failure(event)).count();
    assert_eq!(failures, usize::from(hears != Hears::Whole), "{name}: {:#?}", call.events);
}

fn failure(event: &SessionEvent) -> Option<String> {
    match event {
        SessionEvent::StageFailed { stage: Stage::Tts, error } => Some(error.to_string()),
        _ => None,
    }
}

/// A call over a vendor with one fault.
async fn run(vendor: Vendor, rule: FaultRule, hears: Hears) {
    let name = format!("{vendor:?} {rule:?}");
    let fakes = Fakes::start(fakes(rule.into())).await.unwrap();
    let replies = outcomes_of(hears).len() - 1;
    let (record, call) = within(&name, converse(call(vendor.voice(&fakes, KEY)), replies)).await;
    check(&name, &record, &call, hears);
    assert!(fakes.log().counts().faults > 0, "{name}");
}

/// Each with both vendors, all at once.
async fn run_all(rules: impl IntoIterator<Item = FaultRule>, hears: Hears) {
    let of = |rule: &FaultRule, vendor: Vendor| FaultRule { service: vendor.service(), ..rule.clone() };
    let cases = rules.into_iter().flat_map(|rule| [Cartesia, ElevenLabs].map(|vendor| (vendor, of(&rule, vendor))));
    all(cases.map(|(vendor, rule)| run(vendor, rule, hears))).await;
}

/// Every one runs to its end, so that each that fails is told.
async fn all(calls: impl IntoIterator<Item = impl Future<Output = ()> + Send + 'static>) {
    let mut tasks: JoinSet<()> = calls.into_iter().collect();
    let mut failed = 0;
    while let Some(ended) = tasks.join_next().await {
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "calls that failed");
}

/// On every connection, once.
fn once(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Cartesia, fault)
}

/// On the first connection, before the first reply.
fn at_first(fault: Fault) -> FaultRule {
    once(fault).on(1)
}

/// On the first connection, while the first reply is spoken.
fn in_mid_reply(fault: Fault) -> FaultRule {
    at_first(fault).after_messages(20)
}

/// On every message.
fn always(fault: Fault) -> FaultRule {
    once(fault).times(u64::MAX)
}

fn closes(code: Option<u16>) -> Fault {
    Fault::Close { code, reason: String::new() }
}

fn refuses(status: u16, retry_after_ms: Option<u64>) -> Fault {
    Fault::Refuse { status, retry_after_ms, body: None }
}

fn breaks() -> [Fault; 6] {
    [closes(Some(1011)), closes(None), Fault::Reset, Fault::Stall, Fault::ErrorMessage, Fault::Malformed]
}

#[tokio::test]
async fn a_voice_that_comes_in_pieces_late_or_in_bad_company_is_heard_whole() {
    let rules = [
        at_first(Fault::DelayOpen { ms: 700 }),
        always(Fault::Delay { ms: 60 }),
        once(Fault::SplitWrites { bytes: 7 }),
        always(Fault::Fragment),
        always(Fault::CutUtf8),
        always(Fault::UnknownType).times(50),
        once(Fault::Pace { percent: 50 }),
        once(Fault::Pace { percent: 1_000 }),
    ];
    run_all(rules, Hears::Whole).await;
}

#[tokio::test]
async fn a_voice_that_opens_badly_is_opened_again() {
    let faults = [
        refuses(500, None),
        refuses(503, None),
        refuses(429, Some(300)),
        closes(Some(1011)),
        closes(None),
        Fault::Reset,
        Fault::Malformed,
        Fault::ErrorMessage,
    ];
    run_all(faults.map(at_first), Hears::Whole).await;
}

#[tokio::test]
async fn word_times_that_never_come_cost_no_word() {
    run(Cartesia, at_first(Fault::NeverGreet), Hears::Whole).await;
}

#[tokio::test]
async fn of_a_voice_that_breaks_off_the_caller_hears_the_beginning() {
    run_all(breaks().map(in_mid_reply), Hears::Part).await;
}

#[tokio::test]
async fn a_voice_that_does_not_begin_is_apologised_for() {
    run_all([at_first(Fault::Stall)], Hears::Apology).await;
    run(Cartesia, at_first(Fault::ErrorMessage).after_messages(1), Hears::Apology).await;
}

/// A call over a vendor that refuses every connection until a reply has failed of it.
async fn away(vendor: Vendor, fault: Fault) {
    let name = format!("{vendor:?} {fault:?}");
    let rule = FaultRule { service: vendor.service(), ..always(fault) };
    let fakes = Fakes::start(fakes(rule.into())).await.unwrap();
    let mut call = call(vendor.voice(&fakes, KEY));
    let conversation = async {
        call.silent(200).await;
        call.speak(600).await;
        call.until_turns_end(1).await;
        fakes.lift_faults();
        converse_on(call, 2).await
    };
    let (record, call) = within(&name, conversation).await;
    check(&name, &record, &call, Hears::Apology);
}

#[tokio::test]
async fn a_voice_that_stays_away_is_apologised_for_once_it_is_back() {
    let faults = [refuses(429, Some(60_000)), refuses(503, None)];
    let cases = faults.into_iter().flat_map(|fault| [Cartesia, ElevenLabs].map(|vendor| (vendor, fault.clone())));
    all(cases.map(|(vendor, fault)| away(vendor, fault))).await;
}

/// A vendor that refuses every connection to the end: the agent is mute, and the call goes on.
async fn away_for_good(vendor: Vendor) {
    let rule = FaultRule { service: vendor.service(), ..always(refuses(503, None)) };
    let fakes = Fakes::start(fakes(rule.into())).await.unwrap();
    let (record, call) = within("away for good", converse(call(vendor.voice(&fakes, KEY)), 2)).await;
    assert!(call.heard.iter().all(|heard| !matches!(heard.output, MemoryOutput::Audio { .. })), "{vendor:?}");
    assert_eq!((record.caller_turns.len(), record.reason), (2, EndReason::CallerHungUp), "{vendor:?}");
    assert!(record.turns.iter().all(|turn| turn.outcome == ReplyOutcome::Failed), "{vendor:?}: {:?}", record.turns);
    let told: Vec<_> = call.events.iter().filter_map(|(_, event)| failure(event)).collect();
    assert_eq!(told.len(), record.turns.len(), "{vendor:?}: each is told of: {told:?}");
    assert!(told.iter().all(|said| said.contains("503")), "{vendor:?}: {told:?}");
}

#[tokio::test]
async fn a_voice_that_never_comes_back_leaves_a_call_that_goes_on_without_it() {
    all([Cartesia, ElevenLabs].map(away_for_good)).await;
}

#[tokio::test]
async fn chunks_that_change_places_are_each_heard_once() {
    for vendor in [Cartesia, ElevenLabs] {
        let rule = FaultRule { service: vendor.service(), ..in_mid_reply(Fault::OutOfOrder) };
        let mut config = fakes(rule.into());
        (config.cartesia.chunks.cuts, config.elevenlabs.chunks.cuts) = (Cuts::Even, Cuts::Even);
        let fakes = Fakes::start(config).await.unwrap();
        let (record, call) = within("out of order", converse(call(vendor.voice(&fakes, KEY)), 1)).await;
        let turn = &record.turns[0];
        assert_eq!((turn.outcome, turn.heard_text()), (ReplyOutcome::Completed, REPLY), "{vendor:?}");
        // Nothing on the wire says where a chunk belongs.
        let heard = stretches(&call, turn.reply);
        assert!(heard.len() > 1, "{vendor:?}: {heard:?}");
        let samples: u64 = heard.iter().map(|stretch| stretch.samples).sum();
        check_length("out of order", samples, REPLY);
        assert_eq!(record.turns[1].heard_text(), LAST, "{vendor:?}");
    }
}

/// What the vendor does about the first reply once it is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dead {
    /// Says nothing more of it.
    Silent,
    /// Sends more of its audio.
    Late,
    /// Speaks it to its end: all of its text had come and its context was closed already.
    Spoken,
}

/// The caller interrupts the first reply; the second is heard whole and alone, whatever still comes of the first.
async fn interrupt(name: String, vendor: Vendor, config: FakesConfig, dead: Dead) {
    let fakes = Fakes::start(config).await.unwrap();
    let mut call = call(vendor.voice(&fakes, KEY));
    call.silent(200).await;
    call.speak(600).await;
    call.until_agent_speaks(1).await;
    call.silent(400).await;
    call.speak(1_200).await;
    call.until_turns_end(2).await;
    let (record, call) = call.hang_up().await;
    let heard: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, turn.reply)).collect();
    let [(ReplyOutcome::BargedIn, first), (ReplyOutcome::Completed, second)] = heard[..] else {
        panic!("{name}: {heard:?} {:#?}", call.events)
    };
    let (part, whole) = (stretches(&call, first), stretches(&call, second));
    let ([Stretch { from: 0, samples, .. }], [Stretch { from: 0, samples: all, .. }]) = (&part[..], &whole[..]) else {
        panic!("{name}: {part:?} {whole:?}")
    };
    assert!(*samples < samples_of(REPLY) && part[0].voice != whole[0].voice, "{name}: {part:?} {whole:?}");
    check_length(&name, *all, LAST);
    let (words, unheard) = (record.turns[0].heard_text(), record.turns[0].reply_text.as_str());
    assert!(!words.is_empty() && REPLY.starts_with(words) && words != unheard, "{name}: {words}");
    assert_eq!(record.turns[1].heard_text(), LAST, "{name}");
    let counts = vendor.counts(&fakes);
    let seen = match (counts.cancelled, counts.late_chunks) {
        (0, _) => Dead::Spoken,
        (_, 0) => Dead::Silent,
        _ => Dead::Late,
    };
    assert_eq!(seen, dead, "{name}: {counts:?}");
}

#[tokio::test]
async fn after_an_interruption_nothing_of_the_dead_reply_is_heard_however_much_still_comes() {
    let cartesia = |cancel: CancelManner, dead: Dead| {
        let config = fakes(FaultScript::default());
        let config = FakesConfig { cartesia: CartesiaFake { cancel, ..config.cartesia.clone() }, ..config };
        interrupt(format!("{cancel:?}"), Cartesia, config, dead).boxed()
    };
    let late = FaultRule::new(Service::Cartesia, Fault::LateAfterCancel { ms: 600 });
    all([
        cartesia(CancelManner::Silent, Dead::Silent),
        cartesia(CancelManner::Done, Dead::Silent),
        cartesia(CancelManner::Error, Dead::Silent),
        cartesia(CancelManner::Late(5), Dead::Late),
        cartesia(CancelManner::LateFor(400), Dead::Late),
        cartesia(CancelManner::RunsOn, Dead::Late),
        cartesia(CancelManner::AfterNext(5), Dead::Late),
        interrupt("late by fault".into(), Cartesia, fakes(late.into()), Dead::Late).boxed(),
        interrupt("ElevenLabs".into(), ElevenLabs, fakes(FaultScript::default()), Dead::Spoken).boxed(),
    ])
    .await;
}

/// A call with a key that is refused: the agent is mute, and the call goes on.
async fn mute(vendor: Vendor, config: FakesConfig) {
    let fakes = Fakes::start(config).await.unwrap();
    let mut call = call(vendor.voice(&fakes, "quite-wrong"));
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(2).await;
    call.speak(600).await;
    call.until_turns_end(3).await;
    let (record, call) = call.hang_up().await;
    assert!(call.heard.iter().all(|heard| !matches!(heard.output, MemoryOutput::Audio { .. })), "{vendor:?}");
    assert_eq!(record.caller_turns.len(), 2, "{vendor:?}: it still listens");
    assert!(record.turns.iter().all(|turn| turn.outcome == ReplyOutcome::Failed), "{vendor:?}: {:?}", record.turns);
    let told: Vec<_> = call.events.iter().filter_map(|(_, event)| failure(event)).collect();
    let [said] = &told[..] else { panic!("{vendor:?}: {told:#?}") };
    assert!(said.contains("401") && said.contains(vendor.setting()), "{said}");
    assert!(!format!("{:?} {record:?}", call.events).contains("quite-wrong"), "{told:?}");
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_once_by_its_setting_and_the_call_goes_on_without_a_voice() {
    let base = || fakes(FaultScript::default());
    let at_upgrade = ElevenLabsFake { key_check: KeyCheck::Upgrade, ..base().elevenlabs };
    let at_upgrade = FakesConfig { elevenlabs: at_upgrade, ..base() };
    all([mute(Cartesia, base()), mute(ElevenLabs, at_upgrade), mute(ElevenLabs, base())]).await;
}

/// Of two vendors the first has the fault: the caller hears every word of the reply, and none twice.
async fn stand_in(first: Vendor, rule: FaultRule) {
    let second = if first == Cartesia { ElevenLabs } else { Cartesia };
    let name = format!("{first:?} {rule:?}");
    let (faulty, sound) = (Fakes::start(fakes(rule.into())).await.unwrap(), fakes(FaultScript::default()));
    let sound = Fakes::start(sound).await.unwrap();
    let voices = vec![first.voice(&faulty, KEY), second.voice(&sound, KEY)];
    let tts = FallbackTts::new(voices, FallbackConfig { first_audio_ms: 1_500, ..FallbackConfig::default() }).unwrap();
    let (record, call) = within(&name, converse(call(Arc::new(tts)), 1)).await;
    let heard: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, turn.heard_text())).collect();
    assert_eq!(heard, [(ReplyOutcome::Completed, REPLY), (ReplyOutcome::Completed, LAST)], "{name}");
    assert!(call.events.iter().all(|(_, event)| failure(event).is_none()), "{name}: {:#?}", call.events);
    let is_switch = |event: &SessionEvent| matches!(event, SessionEvent::StageSwitched { stage: Stage::Tts, .. });
    assert_eq!(call.count(is_switch), 1, "{name}: {:#?}", call.events);
    check_seam(&name, &stretches(&call, record.turns[0].reply));
    assert_eq!(second.counts(&sound).contexts, 2, "{name}: the first one rests in the second turn");
}

/// The second voice begins with the word in which the first one broke off, or with the next.
fn check_seam(name: &str, stretches: &[Stretch]) {
    let (broke_off, rest) = match *stretches {
        [Stretch { from: 0, samples, .. }] => return check_length(name, samples, REPLY),
        [Stretch { from: 0, samples, .. }, Stretch { from: 0, samples: rest, .. }] => (samples, rest),
        _ => panic!("{name}: {stretches:?}"),
    };
    let (said, unsaid) = REPLY
        .char_indices()
        .filter(|(_, character)| *character == ' ')
        .map(|(at, _)| REPLY.split_at(at))
        .find(|(_, unsaid)| (samples_of(unsaid)..=samples_of(unsaid) + CHARACTER).contains(&rest))
        .unwrap_or_else(|| panic!("{name}: it begins within a word: {stretches:?}"));
    let begun = broke_off.checked_sub(samples_of(said)).unwrap_or_else(|| panic!("{name}: {unsaid} is not all of it"));
    let word = unsaid.split_whitespace().next().unwrap();
    assert!(begun < samples_of(word) + CHARACTER, "{name}: {word} was said by both: {stretches:?}");
}

#[tokio::test]
async fn a_second_voice_says_what_the_first_did_not() {
    let whole = [refuses(401, None), refuses(500, None), refuses(429, Some(60_000)), Fault::Stall].map(once);
    let broken = breaks().map(|fault| once(fault).after_messages(20));
    let of = |rule: &FaultRule, vendor: Vendor| FaultRule { service: vendor.service(), ..rule.clone() };
    let cases = whole.into_iter().chain(broken);
    let cases = cases.flat_map(|rule| [Cartesia, ElevenLabs].map(|vendor| (vendor, of(&rule, vendor))));
    all(cases.map(|(vendor, rule)| stand_in(vendor, rule))).await;
}

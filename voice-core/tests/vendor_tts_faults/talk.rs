//! A conversation over one vendor, and what must hold of it whatever went wrong.

use crate::support::{Call, LINE, agent};
use crate::vendor::{KEY, Vendor, fakes};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use voice_core::provider::fakes::{Fakes, FaultRule};
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig, Utterance, read_ramp,
};
use voice_core::session::{CallRecord, SessionEvent, Stage};
use voice_core::stage::Tts;
use voice_core::transport::LineInfo;
use voice_core::turn::{EndReason, ReplyOutcome, Speculation};
use voice_core::units::ReplyId;

const QUESTION: &str = "Is there a table for four?";
const FURTHER: &str = "On Tuesday at eight, please.";
/// With letters of several bytes, so that there is something to cut.
pub(crate) const REPLY: &str = "Grüß Gott, ein Tisch für vier ist frei. Soll ich ihn für Sie reservieren?";
pub(crate) const LAST: &str = "Sehr gerne, bis Dienstag.";
const APOLOGY: &str = "Sorry, something went wrong on my side. Could you say that again?";
/// The longest word of them with its space.
const LONGEST_WORD: u64 = 13;
/// No call of these takes longer, retries included.
const LIMIT: Duration = Duration::from_secs(60);

/// A call over `tts`, whose model says what it has to say at once.
pub(crate) fn call(vendor: Vendor, tts: Arc<dyn Tts>) -> Call {
    call_with(vendor, tts, ScriptedLlm::new(LlmConfig::default(), [REPLY, LAST].map(LlmReply::text).into()))
}

pub(crate) fn call_with(vendor: Vendor, tts: Arc<dyn Tts>, llm: ScriptedLlm) -> Call {
    let utterances = [QUESTION, FURTHER].map(Utterance::say).into();
    let stt = ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() });
    let mut agent = agent(stt, llm, ScriptedTts::new(TtsConfig::default()));
    agent.tts = tts;
    agent.config.turn.speculation = Speculation::Off;
    Call::start_on(LineInfo { rate: vendor.rate(), ..LINE }, agent)
}

/// Two questions; the second once so many replies have ended, an apology counted as one.
pub(crate) async fn converse(mut call: Call, replies: usize) -> (CallRecord, Call) {
    call.silent(200).await;
    call.speak(600).await;
    converse_on(call, replies).await
}

/// The same from the end of the first question on.
pub(crate) async fn converse_on(mut call: Call, replies: usize) -> (CallRecord, Call) {
    call.until_turns_end(replies).await;
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(replies + 1).await;
    call.hang_up().await
}

pub(crate) async fn within<T>(name: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("{name} takes for ever"))
}

/// What the caller hears of the first reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hears {
    Whole,
    /// Its beginning; then the reply has failed.
    Part,
    /// Nothing of it, and an apology instead.
    Apology,
}

pub(crate) fn outcomes_of(hears: Hears) -> Vec<ReplyOutcome> {
    let first = match hears {
        Hears::Whole => vec![ReplyOutcome::Completed],
        Hears::Part => vec![ReplyOutcome::Failed],
        Hears::Apology => vec![ReplyOutcome::Failed, ReplyOutcome::Completed],
    };
    [first, vec![ReplyOutcome::Completed]].concat()
}

/// A stretch of what a voice made, as it was heard: from which of its samples on (modulo 4096), and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) voice: u32,
    pub(crate) from: u64,
    pub(crate) samples: u64,
}

pub(crate) fn stretches(call: &Call, reply: ReplyId) -> Vec<Stretch> {
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

pub(crate) fn total(stretches: &[Stretch]) -> u64 {
    stretches.iter().map(|stretch| stretch.samples).sum()
}

/// How much of a reply was heard, each sample once and in its place: one stretch from its start, where each request
/// begins a clause one for each clause.
pub(crate) fn heard_in_order(name: &str, vendor: Vendor, stretches: &[Stretch]) -> u64 {
    let is_one = stretches.len() <= 1 || vendor == Vendor::OpenAi;
    assert!(is_one && stretches.iter().all(|stretch| stretch.from == 0), "{name}: {stretches:?}");
    total(stretches)
}

/// All of it was heard; ElevenLabs is sent a space after the last word.
pub(crate) fn check_length(name: &str, vendor: Vendor, samples: u64, text: &str) {
    let whole = vendor.samples_of(text);
    let of_spaces = match vendor {
        Vendor::Cartesia | Vendor::ElevenLabs => vec![whole, whole + vendor.character_samples()],
        // Every request may end with less than one, and a clause's own space is not sent.
        Vendor::OpenAi => (0..4).map(|spaces| whole - spaces * vendor.character_samples()).collect(),
    };
    assert!(of_spaces.contains(&samples), "{name}: {samples} samples of {text}");
}

/// The replies ended as they should, were heard as far as their audio was, and each sample of it once and in its place.
pub(crate) fn check(name: &str, vendor: Vendor, record: &CallRecord, call: &Call, hears: Hears) {
    let outcomes: Vec<_> = record.turns.iter().map(|turn| turn.outcome).collect();
    assert_eq!(outcomes, outcomes_of(hears), "{name}: {:#?}", call.events);
    for turn in &record.turns {
        let (text, stretches) = (turn.heard_text(), stretches(call, turn.reply));
        match turn.outcome {
            ReplyOutcome::Completed => {
                assert!([REPLY, APOLOGY, LAST].contains(&text), "{name}: {text}");
                check_length(name, vendor, heard_in_order(name, vendor, &stretches), text);
            }
            _ if hears == Hears::Apology => {
                // Without word times a word counts as heard when all of it surely was.
                let most = if vendor == Vendor::OpenAi { 5 } else { 2 } * vendor.character_samples();
                let samples = total(&stretches);
                assert!(text.is_empty() && samples < most, "{name}: {samples} of {text}");
            }
            _ => check_part(name, vendor, text, heard_in_order(name, vendor, &stretches)),
        }
    }
    assert_eq!(record.turns.last().unwrap().heard_text(), LAST, "{name}");
    assert_eq!(record.reason, EndReason::CallerHungUp, "{name}");
    let failures = call.events.iter().filter_map(|(_, event)| failure(event)).count();
    assert_eq!(failures, usize::from(hears != Hears::Whole), "{name}: {:#?}", call.events);
}

/// The words that count as heard are those whose audio was; without word times they may be fewer.
fn check_part(name: &str, vendor: Vendor, text: &str, samples: u64) {
    assert!(REPLY.starts_with(text) && text != REPLY && samples > 0, "{name}: {text}");
    let most_apart = LONGEST_WORD * vendor.character_samples();
    let of_text = vendor.samples_of(text);
    assert!(of_text <= samples + most_apart, "{name}: {samples} samples of {text}");
    assert!(vendor == Vendor::OpenAi || samples <= of_text + most_apart, "{name}: {samples} samples of {text}");
}

pub(crate) fn failure(event: &SessionEvent) -> Option<String> {
    match event {
        SessionEvent::StageFailed { stage: Stage::Tts, error } => Some(error.to_string()),
        _ => None,
    }
}

/// A call over a vendor with one fault.
pub(crate) async fn run(vendor: Vendor, rule: FaultRule, hears: Hears) {
    let name = format!("{vendor:?} {rule:?}");
    let fakes = Fakes::start(fakes(rule.into())).await.unwrap();
    let replies = outcomes_of(hears).len() - 1;
    let (record, call) = within(&name, converse(call(vendor, vendor.voice(&fakes, KEY)), replies)).await;
    check(&name, vendor, &record, &call, hears);
    assert!(fakes.log().counts().faults > 0, "{name}");
}

/// All at once.
pub(crate) async fn run_all(cases: impl IntoIterator<Item = (Vendor, FaultRule)>, hears: Hears) {
    all(cases.into_iter().map(|(vendor, rule)| run(vendor, rule, hears))).await;
}

/// Every one runs to its end, so that each that fails is told.
pub(crate) async fn all(calls: impl IntoIterator<Item = impl Future<Output = ()> + Send + 'static>) {
    let mut tasks: JoinSet<()> = calls.into_iter().collect();
    let mut failed = 0;
    while let Some(ended) = tasks.join_next().await {
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "calls that failed");
}

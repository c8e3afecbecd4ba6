//! Faults of stages, lines and embedding programs, in whole calls in simulated time: each is survived or ends the call
//! in bounded time, and the record is true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::time::Duration;
use support::{Call, LINE, agent, quick_agent};
use voice_core::provider::scripted::{
    LlmConfig, LlmFault, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig, TtsFault, Utterance,
};
use voice_core::session::{Agent, SessionEvent, Stage};
use voice_core::stage::{
    Fault, FinishReason, Llm, LlmEvent, LlmRequest, LlmStream, StageError, Tts, TtsEvent, TtsFeed, TtsReply, TtsSession,
};
use voice_core::transport::{LineControl, LineInfo, LineInput, MemoryOutput, PlayedReports, Rebuffer};
use voice_core::turn::{EndReason, Muted, Protection, ReplyOutcome, Speculation};
use voice_core::units::{ReplyId, SampleRate};

const LONG: &str = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";

fn hears(utterances: Vec<Utterance>) -> ScriptedStt {
    ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() })
}

fn hello() -> ScriptedStt {
    hears(vec![Utterance::say("Hello there."), Utterance::say("No wait, I meant Tuesday.")])
}

/// A call in which the caller has said hello.
async fn greeted(info: LineInfo, agent: Agent) -> Call {
    let mut call = Call::start_on(info, agent);
    call.silent(200).await;
    call.speak(800).await;
    call
}

#[tokio::test(start_paused = true)]
async fn a_far_end_that_stops_reading_ends_the_call_within_seconds() {
    let long = LONG.repeat(4);
    let mut call = greeted(LINE, quick_agent(hello(), &[&long])).await;
    call.until_agent_speaks(1).await;
    call.stop_reading();
    let stopped = call.now_ms();
    let mut waited = 0;
    while !call.is_over() && waited < 20_000 {
        call.silent(20).await;
        waited = call.now_ms() - stopped;
    }
    assert!((5_000..=10_000).contains(&waited), "{waited} ms");
    let record = call.ended().await;
    assert_eq!(record.reason, EndReason::LineLost);
    assert!(record.sent_samples < 16_000 * 8, "bounded: {}", record.sent_samples);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_sends_nothing_any_more_is_answered_and_then_let_go() {
    let mut call = greeted(LINE, quick_agent(hello(), &["Hello."])).await;
    call.absent(3_000).await;
    assert_eq!(call.count(|event| matches!(event, SessionEvent::TurnEnded(_))), 1, "answered");
    call.absent(60_000).await;
    let record = call.ended().await;
    assert_eq!(record.reason, EndReason::CallerIdle);
    assert_eq!(record.turns[0].heard_text(), "Hello.");
    assert_eq!(record.turns.len(), 3, "and two prompts");
}

#[tokio::test(start_paused = true)]
async fn a_caller_ten_times_too_fast_is_heard_as_far_as_two_seconds_ahead() {
    let mut call = Call::start(quick_agent(hello(), &["Hello."]));
    for _ in 0..100 {
        (0..10).for_each(|_| call.send_frame(0));
        call.silent(20).await;
    }
    let (record, call) = call.hang_up().await;
    assert!(record.received_samples <= 16_000 * 5, "{}", record.received_samples);
    assert!(call.count(|event| matches!(event, SessionEvent::CallerTooFast { .. })) >= 1);
}

#[tokio::test(start_paused = true)]
async fn reports_that_are_lost_do_not_hold_the_call_and_reports_that_lie_are_not_believed() {
    let reported = LineInfo { played: PlayedReports::Reported, ..LINE };
    let mut call = greeted(reported, quick_agent(hello(), &["Of course, for when?"])).await;
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;
    assert_eq!((record.turns[0].outcome, record.turns[0].heard_text()), (ReplyOutcome::Completed, ""));

    let mut call = greeted(reported, quick_agent(hello(), &[LONG, "Tuesday it is."])).await;
    call.until_agent_speaks(1).await;
    for n in 0..50 {
        let lie = LineInput::Played { reply: ReplyId(n % 3), samples: u64::MAX - u64::from(n) };
        let _ = call.peer.send(lie);
        call.silent(20).await;
    }
    call.speak(1_400).await;
    call.until_turns_end(2).await;
    let (record, call) = call.hang_up().await;
    let sent = call.samples_of(record.turns[0].reply).len() as u64;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::BargedIn);
    assert!(record.turns[0].played_samples <= sent);
    assert!(record.turns[0].heard_bytes < LONG.len());
}

#[tokio::test(start_paused = true)]
async fn every_rebuffer_resumes_with_every_sample_heard_in_order() {
    for rebuffer in [Rebuffer::PauseAndClear, Rebuffer::ClearOnly, Rebuffer::Nothing] {
        let stt = hears(vec![Utterance::say("Hello there."), Utterance::noise()]);
        let mut call = greeted(LineInfo { rebuffer, ..LINE }, quick_agent(stt, &[LONG])).await;
        call.until_agent_speaks(1).await;
        call.silent(1_000).await;
        call.speak(240).await;
        call.until_turns_end(1).await;
        let _ = call.handle.hang_up(EndReason::CallerHungUp);
        let record = call.ended().await;
        assert_eq!(record.turns[0].heard_text(), LONG, "{rebuffer:?}");
        let mut buffer: Vec<i16> = Vec::new();
        for heard in &call.heard {
            if let MemoryOutput::Audio { frame, .. } = &heard.output {
                // Audio that is sent again replaces what the far end dropped.
                assert!(frame.position().0 <= buffer.len() as u64, "{rebuffer:?}: a hole");
                assert!(rebuffer == Rebuffer::ClearOnly || frame.position().0 == buffer.len() as u64, "{rebuffer:?}");
                buffer.truncate(frame.position().0 as usize);
                buffer.extend_from_slice(frame.samples());
            }
        }
        assert_eq!(buffer.len(), LONG.chars().count() * 960, "{rebuffer:?}");
        assert!(call.controls().iter().any(|(_, control)| matches!(control, LineControl::End { total_samples, .. } if *total_samples == buffer.len() as u64)));
    }
}

#[tokio::test(start_paused = true)]
async fn every_rate_of_line_and_voice_go_together() {
    for line in [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000] {
        for voice in [SampleRate::Hz16000, SampleRate::Hz24000] {
            let tts = ScriptedTts::new(TtsConfig { rate: voice, ..TtsConfig::default() });
            let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text(LONG), LlmReply::text("Tuesday.")]);
            let mut call = greeted(LineInfo { rate: line, ..LINE }, agent(hello(), llm, tts)).await;
            call.until_agent_speaks(1).await;
            call.silent(1_000).await;
            let onset = call.now_ms();
            call.speak(1_400).await;
            call.until_turns_end(2).await;
            let (record, call) = call.hang_up().await;
            let context = format!("line {line:?}, voice {voice:?}");
            assert_eq!(record.turns[0].outcome, ReplyOutcome::BargedIn, "{context}");
            assert_eq!(record.turns[1].heard_text(), "Tuesday.", "{context}");
            let onset_error = record.caller_turns[1].onset.0.abs_diff(line.samples_in_ms(onset));
            assert!(onset_error <= line.samples_in_ms(40), "{context}: {onset_error} samples");
            let seconds = call.samples_of(record.turns[1].reply).len() as u64 * 1_000 / u64::from(line.hz());
            assert!(seconds.abs_diff(8 * 60) <= 2, "{context}: {seconds} ms of audio");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn commands_do_what_they_say() {
    let mut call = Call::start(quick_agent(hello(), &[LONG, "Tuesday."]));
    call.silent(200).await;
    call.handle.say("This call is recorded.", Protection::Protected).unwrap();
    call.until_agent_speaks(1).await;
    call.silent(400).await;
    call.speak(800).await;
    call.until_turns_end(1).await;
    call.until_agent_speaks(2).await;
    call.handle.interrupt().unwrap();
    call.handle.mute(Muted::On).unwrap();
    call.speak(1_400).await;
    call.handle.mute(Muted::Off).unwrap();
    call.silent(1_000).await;
    for key in ['4', '2', '#'] {
        call.handle.dtmf(key).unwrap();
    }
    call.until_turns_end(3).await;
    call.handle.hang_up(EndReason::AgentHungUp).unwrap();
    let record = call.ended().await;
    call.check_audio();
    assert_eq!(
        (record.turns[0].outcome, record.turns[0].heard_text()),
        (ReplyOutcome::Completed, "This call is recorded.")
    );
    assert_eq!(record.turns[1].outcome, ReplyOutcome::BargedIn);
    let said: Vec<_> = record.caller_turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(said, ["Hello there.", "keys 4 2 #"], "what was said while muted is not the caller's");
    assert_eq!(record.reason, EndReason::AgentHungUp);
    assert_eq!(call.count(|event| matches!(event, SessionEvent::Dtmf(_))), 3);
}

#[tokio::test(start_paused = true)]
async fn a_greeting_is_interrupted_unless_it_is_protected() {
    for (protection, outcome) in
        [(Protection::Interruptible, ReplyOutcome::BargedIn), (Protection::Protected, ReplyOutcome::Completed)]
    {
        let mut agent = quick_agent(hears(vec![Utterance::say("I need a table for Tuesday.")]), &["Of course."]);
        agent.config.greeting = Some(LONG.into());
        agent.config.greeting_protection = protection;
        let mut call = Call::start(agent);
        call.silent(1_000).await;
        call.speak(1_800).await;
        call.until_turns_end(2).await;
        let (record, _) = call.hang_up().await;
        assert_eq!((record.turns[0].outcome, record.turns[1].heard_text()), (outcome, "Of course."));
        assert_eq!(record.caller_turns[0].text, "I need a table for Tuesday.");
    }
}

#[tokio::test(start_paused = true)]
async fn a_guess_that_was_wrong_is_never_heard_and_is_counted() {
    let stt = hears(vec![Utterance::say("I want a table"), Utterance::say("for eight people.")]);
    let llm =
        ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("For two?"), LlmReply::text("For eight then.")]);
    let mut call = Call::start(agent(stt, llm, ScriptedTts::new(TtsConfig::default())));
    call.silent(200).await;
    call.speak(1_200).await;
    call.silent(300).await;
    call.speak(900).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].heard_text(), "For eight then.");
    assert_eq!(record.caller_turns.len(), 1);
    assert!(call.samples_of(ReplyId(1)).is_empty());
    assert_eq!((record.cost.discarded_llm_deltas(), record.cost.discarded_tts_characters()), (2, 8));
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_opens_late_is_waited_for_and_one_that_never_opens_is_given_up() {
    let tts = ScriptedTts::new(TtsConfig { open_ms: 2_500, ..TtsConfig::default() });
    let llm = || ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("Hello.")]);
    let mut call = greeted(LINE, agent(hello(), llm(), tts)).await;
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].heard_text(), "Hello.");
    assert_eq!(call.first_audio_ms(record.turns[0].reply), Some(2_500));

    let never = ScriptedTts::new(TtsConfig { open_ms: 10_000_000, ..TtsConfig::default() });
    let mut call = greeted(LINE, agent(hello(), llm(), never)).await;
    call.until_turns_end(1).await;
    call.silent(15_000).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::Failed);
    assert!(call.count(|event| matches!(event, SessionEvent::StageFailed { stage: Stage::Tts, .. })) >= 1);
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_stage_ends_in_an_answer_or_an_excuse() {
    let llm_faults =
        [LlmFault::ErrorAfter(3), LlmFault::StallAfter(0), LlmFault::StallAfter(5), LlmFault::BreakAfter(2)];
    let tts_faults = [
        TtsFault::ErrorAfter(0),
        TtsFault::ErrorAfter(9_000),
        TtsFault::StallAfter(0),
        TtsFault::StallAfter(9_000),
        TtsFault::BreakAfter(9_000),
        TtsFault::SessionEnded,
    ];
    let cases =
        llm_faults.map(|fault| (Some(fault), None)).into_iter().chain(tts_faults.map(|fault| (None, Some(fault))));
    for (llm_fault, tts_fault) in cases {
        let context = format!("{llm_fault:?} {tts_fault:?}");
        let llm = ScriptedLlm::with(LlmConfig::default(), move |_, index| LlmReply {
            fault: llm_fault.filter(|_| index == 0),
            ..LlmReply::text("Very well, I book the table for Monday.")
        });
        let faults = tts_fault.map(|fault| (0, fault)).into_iter().collect();
        let mut agent = agent(hello(), llm, ScriptedTts::new(TtsConfig { faults, ..TtsConfig::default() }));
        agent.config.turn.speculation = Speculation::Off;
        let mut call = greeted(LINE, agent).await;
        call.until_turns_end(1).await;
        call.silent(6_000).await;
        call.speak(1_400).await;
        call.silent(6_000).await;
        let (record, _) = call.hang_up().await;
        let heard: Vec<_> = record.turns.iter().map(|turn| turn.heard_text()).collect();
        assert!(heard.iter().any(|text| !text.is_empty()), "{context}: the caller hears something");
        assert_eq!(*heard.last().unwrap(), "Very well, I book the table for Monday.", "{context}: {heard:?}");
        assert_eq!(record.caller_turns.len(), 2, "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_without_end_is_cut_off() {
    let reply = LlmReply::text("and on and on it goes, ").fault(LlmFault::Endless);
    let llm = ScriptedLlm::new(LlmConfig::default(), vec![reply]);
    let log = llm.log();
    let mut call = greeted(LINE, agent(hello(), llm, ScriptedTts::new(TtsConfig::default()))).await;
    call.silent(60_000).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::CallEnded);
    assert!(log.generations()[0].tokens < 4_000, "{}", log.generations()[0].tokens);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_never_reads_and_one_that_is_gone_change_nothing() {
    let mut call = greeted(LINE, quick_agent(hello(), &[LONG])).await;
    call.stop_watching();
    call.silent(8_000).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].heard_text(), LONG);
    assert_eq!(call.check_ramp(record.turns[0].reply), LONG.chars().count() * 960);
}

#[tokio::test(start_paused = true)]
async fn a_long_monologue_ends_by_the_longest_turn() {
    let words = (0..400).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
    let mut agent = quick_agent(hears(vec![Utterance::say(&words)]), &["I see."]);
    agent.config.turn.max_turn_ms = 20_000;
    let mut call = Call::start(agent);
    call.silent(200).await;
    // A tone without any breath would be taken for noise.
    for _ in 0..50 {
        call.speak(540).await;
        call.silent(60).await;
    }
    call.silent(2_000).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(record.caller_turns[0].source, voice_core::turn::EotSource::Timeout);
    let all: String = record.caller_turns.iter().map(|turn| turn.text.clone()).collect::<Vec<_>>().join(" ");
    assert!(words.starts_with(&all) || all == words, "no word twice: {all}");
}

#[tokio::test(start_paused = true)]
async fn an_stt_that_never_opens_is_reported_and_the_call_lives() {
    let stt = ScriptedStt::new(SttConfig { open_ms: 10_000_000, ..SttConfig::default() });
    let mut call = greeted(LINE, quick_agent(stt, &["Hello."])).await;
    call.silent(60_000).await;
    let told = |event: &SessionEvent| matches!(event, SessionEvent::StageFailed { stage: Stage::Stt, .. });
    assert!(call.count(told) >= 1);
    let _ = call.handle.hang_up(EndReason::AgentHungUp);
    let _ = call.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_far_end_that_vanishes_ends_the_call_with_what_was_heard() {
    let mut call = greeted(LINE, quick_agent(hello(), &[LONG])).await;
    call.until_agent_speaks(1).await;
    call.silent(2_000).await;
    call.vanish();
    let record = call.ended().await;
    assert_eq!(record.reason, EndReason::LineLost);
    assert_eq!(record.turns[0].outcome, ReplyOutcome::CallEnded);
    assert!(LONG.starts_with(record.turns[0].heard_text()) && !record.turns[0].heard_text().is_empty());
}

/// A TTS that has sent twelve seconds of audio for a clause when its connection breaks.
struct Breaks;

impl Tts for Breaks {
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        futures::future::ready(Ok(Box::new(Breaks) as Box<dyn TtsSession>)).boxed()
    }
}

impl TtsSession for Breaks {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz16000
    }
    fn begin(&mut self, _: ReplyId) -> Result<TtsReply, StageError> {
        let audio = Bytes::from([0, 16].repeat(3_200));
        let sent = (0..60).map(move |_| Ok(TtsEvent::Audio(audio.clone())));
        let reset = StageError::Stream { engine: "a TTS", reason: "reset".into(), fault: Fault::Engine };
        let events = stream::iter(sent.chain([Err(reset)])).boxed();
        Ok(TtsReply { feed: Box::new(OneClause(0)), events })
    }
}

struct OneClause(usize);

impl TtsFeed for OneClause {
    fn speak(&mut self, _: &str) -> Result<(), StageError> {
        self.0 += 1;
        if self.0 == 1 { Ok(()) } else { Err(StageError::Ended { engine: "a TTS" }) }
    }
    fn finish(&mut self) {}
    fn cancel(&mut self) {}
}

/// A model that says its second sentence three seconds after the first.
struct Ponders;

impl Llm for Ponders {
    fn generate(&self, _: LlmRequest) -> LlmStream {
        let first = stream::iter([Ok(LlmEvent::Delta("Let me see. ".into()))]);
        let then = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stream::iter([Ok(LlmEvent::Delta("Here it is.".into())), Ok(LlmEvent::Done(FinishReason::Stop))])
        };
        first.chain(then.flatten_stream()).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn audio_that_a_voice_gave_before_it_broke_is_heard_and_the_reply_ends_with_it() {
    let mut agent = agent(hello(), Ponders, Breaks);
    agent.config.turn.speculation = Speculation::Off;
    let mut call = greeted(LINE, agent).await;
    call.until_agent_speaks(1).await;
    let spoke_at = call.now_ms();
    call.until_turns_end(1).await;
    let lasted = call.now_ms() - spoke_at;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::Failed);
    let heard = call.samples_of(record.turns[0].reply).len();
    assert_eq!(heard, 12 * 16_000, "all that came");
    assert!((11_500..13_000).contains(&lasted), "{lasted} ms");
    let reset =
        |event: &SessionEvent| matches!(event, SessionEvent::StageFailed { error: StageError::Stream { .. }, .. });
    assert_eq!(call.count(reset), 1, "why it broke is told");
}

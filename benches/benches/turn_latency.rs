//! From the final transcript to the first audio at the in-memory line.
//!
//! With stages that take no time, all of it is the engine's. With realistic delays, in real time, the voice-to-voice
//! figure of the scripted case and the engine's share of it. Then the same as the first through the vendors' fakes: five
//! messages over real sockets.

use criterion::Criterion;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinSet;
use voice_benches::call::{BenchCall, REPLY};
use voice_benches::clock::now;
use voice_benches::tail::{Tail, print_timer_floor};
use voice_benches::vendors::{Answer, EagerEnd, VendorCall};
use voice_core::audio::Frame;
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, LoudVad, ScriptedLlm, ScriptedStt, ScriptedTts, SttAction, SttAt, SttConfig, TtsConfig,
    Utterance,
};
use voice_core::session::{Agent, AgentConfig, Session, SessionEvent, TurnRecord};
use voice_core::transport::{LineInfo, LineInput, MemoryLine, MemoryOutput, PlayedReports, Rebuffer};
use voice_core::units::{CallId, Position, SampleRate};

const TAIL_TURNS: u64 = 20_000;
const TURNS_A_CALL: u64 = 50;
/// Calls of the scripted case, so many at once.
const SCRIPTED_ROUNDS: usize = 10;
const SCRIPTED_AT_ONCE: usize = 10;
/// Calls through the vendors' fakes, in real time, and their turns.
const VENDOR_CALLS: usize = 8;
const VENDOR_TURNS: usize = 25;

fn main() -> Result<(), std::io::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    medians(&runtime);
    println!();
    print_timer_floor();
    tails(&runtime);
    scripted_case(&runtime);
    let mut through = Tail::new("Flux's end of turn -> first audio, through three vendors");
    let mut ours = Tail::new("  of it engine, sockets and scheduling, without the fakes");
    let mut engine = Tail::new("  of it engine time: clause to TTS, audio to line");
    for answer in vendors(&runtime, EagerEnd::Untold)? {
        through.record(answer.whole);
        ours.record(answer.whole.saturating_sub(answer.fakes));
        engine.record(answer.engine);
    }
    let mut eager = Tail::new("  the same where an eager end came before it");
    vendors(&runtime, EagerEnd::Told)?.iter().for_each(|answer| eager.record(answer.whole));
    [through, ours, engine, eager].iter().for_each(Tail::print);
    Ok(())
}

/// Calls of at most [`TURNS_A_CALL`] turns, as long as a long phone call.
async fn measure(turns: u64, mut each: impl FnMut(Duration)) {
    let mut call = BenchCall::start().await;
    for turn in 0..turns {
        if turn % TURNS_A_CALL == 0 {
            call = BenchCall::start().await;
        }
        let start = now();
        call.end_of_turn();
        let reply = call.first_audio().await;
        each(now() - start);
        call.silence(reply).await;
    }
}

fn medians(runtime: &Runtime) {
    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("turn_latency/final_to_first_audio", |bencher| {
        bencher.iter_custom(|turns| {
            runtime.block_on(async {
                let mut total = Duration::ZERO;
                measure(turns, |took| total += took).await;
                total
            })
        });
    });
    criterion.final_summary();
}

fn tails(runtime: &Runtime) {
    let mut tail = Tail::new("final transcript -> first audio, in-memory line");
    runtime.block_on(async {
        measure(1_000, |_| ()).await;
        measure(TAIL_TURNS, |took| tail.record(took)).await;
    });
    tail.print();
}

/// Stable interim 100 ms after the speech ends, end of turn after 200, final after 250, first token after 200, first
/// audio byte after 120 with 160 ms of silence before the voice. In series that is 930 ms; the floor is 420.
fn scripted_agent() -> Agent {
    let utterance = Utterance::new()
        .at(SttAt::SpeechEnd(100), SttAction::Interim("I want a table please.".into()))
        .at(SttAt::SpeechEnd(250), SttAction::Final("I want a table please.".into()));
    let mut config = AgentConfig::default();
    (config.turn.eot_complete_ms, config.turn.eot_unclear_ms) = (200, 200);
    let llm = LlmConfig { first_token_ms: 200, ..LlmConfig::default() };
    Agent {
        stt: std::sync::Arc::new(ScriptedStt::new(SttConfig { utterances: vec![utterance], ..SttConfig::default() })),
        llm: std::sync::Arc::new(ScriptedLlm::with(llm, |_, _| LlmReply::text(REPLY))),
        tts: std::sync::Arc::new(ScriptedTts::new(TtsConfig {
            first_audio_ms: 120,
            leading_silence_ms: 160,
            ..TtsConfig::default()
        })),
        vad: std::sync::Arc::new(LoudVad),
        tools: Vec::new(),
        config,
    }
}

fn scripted_case(runtime: &Runtime) {
    let mut heard = Tail::new("scripted case, voice to voice (floor 420 ms)");
    let mut engine = Tail::new("  of it the engine: clause to TTS, audio to line");
    for _ in 0..SCRIPTED_ROUNDS {
        let calls = runtime.block_on(async {
            let mut calls = JoinSet::new();
            (0..SCRIPTED_AT_ONCE).for_each(|n| drop(calls.spawn(scripted_call(n))));
            calls.join_all().await
        });
        for (voice_to_voice, record) in calls.into_iter().flatten() {
            heard.record(voice_to_voice);
            record.timeline.engine().into_iter().for_each(|share| engine.record(share));
        }
    }
    heard.print();
    engine.print();
}

/// One call in real time: half a second of speech, then silence until the agent is heard. Gives the time from the
/// moment the last loud sample was sent to the arrival of the first audio.
async fn scripted_call(offset: usize) -> Option<(Duration, TurnRecord)> {
    let info =
        LineInfo { rate: SampleRate::Hz16000, rebuffer: Rebuffer::PauseAndClear, played: PlayedReports::PacingClock };
    let (line, mut peer) = MemoryLine::pair(info, 64);
    let (session, handle, mut events) = Session::new(CallId::new("scripted"), scripted_agent(), Box::new(line));
    let mut tasks = JoinSet::new();
    tasks.spawn(session.run());
    tokio::time::sleep(Duration::from_millis(offset as u64 * 7)).await;
    let start = tokio::time::Instant::from_std(now());
    let (mut speech_end, mut voice_to_voice) = (now(), None);
    for frame in 0..100u64 {
        let level = if (10..35).contains(&frame) { 8_000 } else { 0 };
        let samples: Vec<i16> = (0..320).map(|n| if n % 2 == 0 { level } else { -level }).collect();
        let _ = peer.send(LineInput::Audio(Frame::new(Position(frame * 320), &samples)));
        if level > 0 {
            speech_end = now();
        }
        let next = start + Duration::from_millis(20) * (frame as u32 + 1);
        while let Ok(Some(output)) = tokio::time::timeout_at(next, peer.recv()).await {
            if matches!(output, MemoryOutput::Audio { .. }) && voice_to_voice.is_none() {
                voice_to_voice = Some(now() - speech_end);
            }
        }
        if voice_to_voice.is_some() {
            break;
        }
    }
    let _ = handle.hang_up(voice_core::turn::EndReason::CallerHungUp);
    while let Some(event) = events.next().await {
        if let SessionEvent::TurnEnded(record) = event {
            return Some((voice_to_voice?, *record));
        }
    }
    None
}

/// Calls side by side on one thread, a little apart; their fakes on another.
fn vendors(runtime: &Runtime, eager: EagerEnd) -> Result<Vec<Answer>, std::io::Error> {
    let elsewhere = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let answers = runtime.block_on(async {
        let mut calls = JoinSet::new();
        let vendors = elsewhere.handle();
        (0..VENDOR_CALLS).for_each(|n| drop(calls.spawn(vendor_call(vendors.clone(), n, eager))));
        calls.join_all().await
    });
    let answers: Result<Vec<_>, _> = answers.into_iter().collect();
    Ok(answers?.into_iter().flatten().flatten().collect())
}

async fn vendor_call(vendors: Handle, nth: usize, eager: EagerEnd) -> std::io::Result<Vec<Option<Answer>>> {
    tokio::time::sleep(Duration::from_millis(nth as u64 * 150)).await;
    let mut call = VendorCall::start(&vendors, VENDOR_TURNS + 1, eager).await?;
    let _ = call.turn().await;
    let mut answers = Vec::with_capacity(VENDOR_TURNS);
    for _ in 0..VENDOR_TURNS {
        answers.push(call.turn().await);
    }
    Ok(answers)
}

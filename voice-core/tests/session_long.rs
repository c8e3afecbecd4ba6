//! Long and random calls in simulated time, under seeds: what must hold of every call holds of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]
#![allow(clippy::disallowed_methods, reason = "the test owns its clock")]

mod support;

use support::{Call, agent};
use voice_core::provider::scripted::{
    LlmConfig, LlmLog, LlmReply, RaggedChunks, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig, TtsFault,
    Utterance,
};
use voice_core::session::{CallRecord, SessionEvent};
use voice_core::stage::Role;
use voice_core::transport::{LineControl, MemoryOutput};
use voice_core::turn::{EndReason, ReplyOutcome};
use voice_core::units::ReplyId;

/// SplitMix64: the same seed gives the same call.
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What holds of every call, whatever happened in it.
fn check(record: &CallRecord, call: &Call, log: &LlmLog) {
    call.check_audio();
    for turn in &record.turns {
        assert!(turn.reply_text.is_char_boundary(turn.heard_bytes) && turn.heard_bytes <= turn.reply_text.len());
        let sent = call.check_ramp(turn.reply) as u64;
        // What lay in the line's queue was dropped by the clear: at most the lead.
        assert!(turn.played_samples <= sent + 1_600, "{turn:#?}: {sent} sent");
        if turn.outcome == ReplyOutcome::Completed {
            assert_eq!(turn.heard_text(), turn.reply_text);
        }
    }
    let signals = call.events.iter().filter_map(|(_, event)| match event {
        SessionEvent::BargeIn { signal, .. } => Some((signal.reply, signal.heard_text().to_owned())),
        _ => None,
    });
    let cut = record.turns.iter().filter(|turn| turn.outcome == ReplyOutcome::BargedIn);
    let cut: Vec<_> = cut.map(|turn| (turn.reply, turn.heard_text().to_owned())).collect();
    assert_eq!(signals.collect::<Vec<_>>(), cut, "one signal for each reply that was cut, with its heard words");
    let Some(last) = log.generations().pop() else { return };
    let remembered = last.request.messages.into_iter().filter(|message| message.role == Role::Agent);
    let remembered: Vec<String> = remembered.map(|message| message.text).collect();
    let heard = record.turns.iter().map(|turn| turn.heard_text().to_owned()).filter(|text| !text.is_empty());
    let heard: Vec<String> = heard.collect();
    assert!(heard.starts_with(&remembered), "the model's history is what was heard: {remembered:?} {heard:?}");
}

fn scripted(
    seed: u64,
    utterances: Vec<Utterance>,
    faults: Vec<(u32, TtsFault)>,
) -> (voice_core::session::Agent, LlmLog) {
    let llm = ScriptedLlm::with(LlmConfig { first_token_ms: 120, token_ms: 15, jitter_ms: 200, seed }, |_, index| {
        LlmReply::text(&format!(
            "Answer number {index}, which goes on for a while, and then for a while more. That was it."
        ))
    });
    let log = llm.log();
    let tts = ScriptedTts::new(TtsConfig {
        first_audio_ms: 80,
        ms_per_audio_second: 200,
        jitter_ms: 150,
        ragged_chunks: RaggedChunks::On,
        seed,
        faults,
        ..TtsConfig::default()
    });
    let stt = ScriptedStt::new(SttConfig { utterances, jitter_ms: 200, seed, ..SttConfig::default() });
    (agent(stt, llm, tts), log)
}

const SAID: [&str; 5] = [
    "I want a table for two.",
    "No wait, I meant Tuesday.",
    "And what does it cost?",
    "Please say that again.",
    "Stop it now please.",
];

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_talk_with_barge_ins_and_coughs_hold_together() {
    let seed = 20_261_123;
    eprintln!("seed {seed}");
    let began = std::time::Instant::now();
    let mut rng = Rng(seed);
    let plan: Vec<(u64, Option<&str>)> =
        (0..120).map(|_| (rng.below(5_000), (rng.below(3) > 0).then(|| SAID[rng.below(5) as usize]))).collect();
    let utterances = plan.iter().map(|(_, said)| said.map_or_else(Utterance::noise, Utterance::say)).collect();
    let (agent, log) = scripted(seed, utterances, Vec::new());
    let mut call = Call::start(agent);
    call.silent(200).await;
    for (wait_ms, said) in plan {
        call.silent(1_000 + wait_ms).await;
        call.speak(said.map_or(200, |said| 300 * said.split_whitespace().count() as u64)).await;
    }
    while call.now_ms() < 600_000 {
        call.silent(20).await;
    }
    let (record, call) = call.hang_up().await;
    check(&record, &call, &log);
    let barged = record.turns.iter().filter(|turn| turn.outcome == ReplyOutcome::BargedIn).count();
    let resumed = call.count(|event| matches!(event, SessionEvent::Resumed(_)));
    eprintln!(
        "{} caller turns, {} replies, {barged} barge-ins, {resumed} resumed: {} ms of real time",
        record.caller_turns.len(),
        record.turns.len(),
        began.elapsed().as_millis()
    );
    assert!(record.caller_turns.len() > 50 && barged > 10 && resumed > 5);
}

/// One short call with a barge-in at a random instant; gives how many samples came after the clear and how many clears.
async fn trial(seed: u64) -> (u64, u64) {
    let mut rng = Rng(seed);
    let utterances = vec![Utterance::say(SAID[0]), Utterance::say(SAID[1]), Utterance::say(SAID[4])];
    let faults = match rng.below(4) {
        0 => vec![(0, TtsFault::IgnoreCancel), (1, TtsFault::IgnoreCancel)],
        1 => vec![(0, TtsFault::StallAfter(rng.below(40_000)))],
        _ => Vec::new(),
    };
    let (agent, log) = scripted(seed, utterances, faults);
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(800).await;
    call.silent(rng.below(3_000)).await;
    match rng.below(4) {
        0 => call.handle.interrupt().unwrap(),
        1 => call.handle.dtmf('#').unwrap(),
        _ => call.speak(200 + rng.below(1_200)).await,
    }
    call.silent(rng.below(1_500)).await;
    call.speak(rng.below(800)).await;
    call.silent(rng.below(600)).await;
    let _ = call.handle.hang_up(EndReason::CallerHungUp);
    let record = call.ended().await;
    let (mut cleared, mut stale): (Vec<ReplyId>, u64) = (Vec::new(), 0);
    for heard in &call.heard {
        match &heard.output {
            MemoryOutput::Audio { reply, frame } if cleared.contains(reply) => stale += frame.samples().len() as u64,
            MemoryOutput::Control(LineControl::Clear { reply }) => cleared.push(*reply),
            MemoryOutput::Audio { .. } | MemoryOutput::Control(_) => {}
        }
    }
    check(&record, &call, &log);
    (stale, cleared.len() as u64)
}

#[tokio::test(start_paused = true)]
async fn not_a_sample_of_a_dead_reply_in_hundreds_of_random_calls() {
    let first_seed = 7_000_000;
    eprintln!("seeds from {first_seed}");
    let mut clears = 0;
    for seed in first_seed..first_seed + 400 {
        let (stale, cleared) = trial(seed).await;
        assert_eq!(stale, 0, "seed {seed}");
        clears += cleared;
    }
    eprintln!("{clears} clears");
    assert!(clears > 400);
}

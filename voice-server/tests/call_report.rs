//! A whole call against scripted stages: the dummy caller's report, and the recording it must agree with.
//!
//! Caller and server are joined by a pipe in memory and run on paused time: the protocol is the real one, a call of half
//! a minute takes a moment, and nothing depends on how fast the machine is.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod access_support;

use access_support::{Access, PausedOnceAnswered};
use std::collections::BTreeSet;
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::duplex;
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, LoudVad, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig, TtsSound, Utterance,
};
use voice_core::session::{Agent, AgentConfig};
use voice_core::stage::{LlmRequest, Role};
use voice_core::units::SampleRate;
use voice_server::caller::{BargeInLine, CallArgs, CallReport, Cue, EncodingArg, FileArg, Recording, TurnLine, place};
use voice_server::{ServerLimits, serve_connection};

const RATE: SampleRate = SampleRate::Hz16000;

/// Silence shorter than this lies between two words of the agent; the pauses of a barge-in are longer.
const BETWEEN_WORDS_MS: u64 = 100;

/// A frame and the buffer of the loudspeaker.
const FRAME_MS: f64 = 20.0;

const REPLIES: [&str; 3] = [
    "Certainly, I can offer you Monday at nine, Tuesday at half past ten, or Wednesday in the late afternoon if you prefer.",
    "Of course, take all the time you need.",
    "Thank you for calling, goodbye.",
];

/// A speculative reply asks the same question again, so the answer goes by the words and not by the count.
fn answer_to(request: &LlmRequest) -> &'static str {
    let asked = request.messages.iter().rfind(|message| message.role == Role::Caller);
    match asked.map_or("", |message| message.text.as_str()) {
        text if text.contains("appointment") => REPLIES[0],
        text if text.contains("wait") => REPLIES[1],
        _ => REPLIES[2],
    }
}

fn agent() -> Agent {
    let heard = ["I would like an appointment please", "wait a moment please", "thank you that is all"];
    let [ask, wait, thank] = heard.map(Utterance::say);
    let utterances = vec![ask, Utterance::noise(), wait, thank];
    let llm = LlmConfig { first_token_ms: 80, token_ms: 10, ..LlmConfig::default() };
    let tts = TtsConfig { first_audio_ms: 60, leading_silence_ms: 120, sound: TtsSound::Tone, ..TtsConfig::default() };
    Agent {
        stt: Arc::new(ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() })),
        llm: Arc::new(ScriptedLlm::with(llm, |request, _| LlmReply::text(answer_to(request)))),
        tts: Arc::new(ScriptedTts::new(tts)),
        vad: Arc::new(LoudVad),
        tools: Vec::new(),
        config: AgentConfig { greeting: Some("Good morning, the clinic.".into()), ..AgentConfig::default() },
    }
}

fn tone(folder: &Path, name: &str, sound_ms: u64) -> PathBuf {
    let path = folder.join(name);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE.hz(),
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for n in 0..RATE.samples_in_ms(sound_ms) {
        let phase = TAU * 440.0 * n as f32 / RATE.hz() as f32;
        writer.write_sample((9_000.0 * phase.cos()) as i16).unwrap();
    }
    // Silence at a file's end is not speech.
    (0..RATE.samples_in_ms(300)).for_each(|_| writer.write_sample(0_i16).unwrap());
    writer.finalize().unwrap();
    path
}

struct Held {
    report: CallReport,
    recording: Recording,
}

async fn hold() -> Held {
    let folder = tempfile::tempdir().unwrap();
    let file = |name, sound_ms, cue| FileArg { path: tone(folder.path(), name, sound_ms), cue };
    let record = folder.path().join("call.wav");
    let access = Access::new().await;
    let args = CallArgs {
        files: vec![
            file("question.wav", 1_500, Cue::AfterAgent),
            file("cough.wav", 250, Cue::AfterAudioBegan { ms: 900 }),
            file("wait.wav", 1_200, Cue::AfterAudioBegan { ms: 3_500 }),
            file("thanks.wav", 1_300, Cue::AfterAgent),
        ],
        server: None,
        config: None,
        models: None,
        data: None,
        token: Some(access.token()),
        record: Some(record.clone()),
        json: None,
        rate: RATE,
        encoding: EncodingArg::Pcm16,
        max_ms: 60_000,
        answer_ms: 5_000,
        greeting_ms: 3_000,
        pause_ms: 400,
        max_file_s: 10,
    };
    let (near, far) = duplex(1 << 20);
    let config = access.config(agent(), ServerLimits::default());
    let ((report, end), ()) = tokio::join!(place(PausedOnceAnswered::new(near), &args), serve_connection(far, config));
    end.expect("the call ends in order");
    Held { report: report.expect("the call began"), recording: Recording::read(&record).expect("a recording") }
}

fn turn_of<'a>(report: &'a CallReport, words: &str) -> &'a TurnLine {
    report.turns.iter().find(|turn| turn.caller_text.contains(words)).expect("the caller's words")
}

fn barge_in<'a>(report: &'a CallReport, decision: &str) -> &'a BargeInLine {
    let mut found = report.barge_ins.iter().filter(|barge_in| barge_in.decision == decision);
    let one = found.next().expect("a decision");
    assert!(found.next().is_none(), "{report}");
    one
}

fn near(a: f64, b: f64, within_ms: f64) -> bool {
    (a - b).abs() <= within_ms
}

#[tokio::test]
async fn three_turns_one_interruption_and_one_cough() {
    let Held { report, recording } = hold().await;
    let words: Vec<_> = report.turns.iter().map(|turn| turn.caller_text.as_str()).collect();
    assert_eq!(words, ["I would like an appointment please", "wait a moment please", "thank you that is all"]);
    the_interrupted_reply_was_heard_in_part(&report);
    the_overlaps_are_told_apart(&report);
    the_turns_are_in_order(&report);
    assert_eq!((report.audio.gaps, report.audio.late_frames), (0, 0));
    let recorded_ms = recording.caller.len() as f64 / 16.0;
    assert!(near(recorded_ms, report.audio.sent_ms, FRAME_MS) && near(recorded_ms, report.duration_ms, FRAME_MS));
    the_recording_agrees_on_turns(&report, &recording);
    the_recording_agrees_on_overlaps(&report, &recording);
}

fn the_interrupted_reply_was_heard_in_part(report: &CallReport) {
    let cut = turn_of(report, "appointment");
    assert_eq!((cut.outcome.as_str(), cut.reply_text.as_str()), ("barged_in", REPLIES[0]));
    assert!(cut.reply_text.starts_with(&cut.heard_text) && !cut.heard_text.is_empty(), "{report}");
    assert!(cut.heard_text.len() < cut.reply_text.len(), "{report}");
    assert_eq!(barge_in(report, "committed").heard_text, cut.heard_text);
    for (words, reply) in [("wait", REPLIES[1]), ("thank", REPLIES[2])] {
        let whole = turn_of(report, words);
        assert_eq!((whole.outcome.as_str(), whole.heard_text.as_str()), ("completed", reply));
    }
}

fn the_overlaps_are_told_apart(report: &CallReport) {
    let (cough, wait) = (barge_in(report, "resumed"), barge_in(report, "committed"));
    assert_eq!((cough.turn, wait.turn), (turn_of(report, "appointment").turn, turn_of(report, "appointment").turn));
    assert_eq!((cough.samples_after_signal, wait.samples_after_signal), (0, 0));
    assert_eq!((cough.cause.as_str(), wait.cause.as_str()), ("not_a_bid", "words"));
    assert!(wait.heard_text.starts_with(&cough.heard_text) && cough.heard_text.len() < wait.heard_text.len());
    for overlap in [cough, wait] {
        let BargeInLine { onset_ms, noticed_ms, paused_ms, decided_ms, .. } = *overlap;
        assert!(onset_ms < noticed_ms && noticed_ms <= paused_ms && paused_ms < decided_ms, "{report}");
        // The audio stops where the server said it did, long before the decision.
        assert!(near(overlap.last_audio_ms.expect("it sounded"), paused_ms, FRAME_MS), "{report}");
    }
}

fn the_turns_are_in_order(report: &CallReport) {
    for turn in &report.turns {
        let stamps = [turn.first_token_ms, turn.first_clause_ms, turn.tts_first_audio_ms, turn.first_audio_ms];
        let stamps: Vec<f64> = stamps.into_iter().map(|stamp| stamp.expect("it happened")).collect();
        assert!(stamps.is_sorted() && turn.speech_end_ms < Some(stamps[0]), "{report}");
        assert!(turn.eot_ms <= turn.first_audio_ms && turn.eot_ms > turn.speech_end_ms, "{report}");
    }
    let eots: BTreeSet<_> = report.turns.iter().filter_map(|turn| turn.eot_source.as_deref()).collect();
    assert_eq!(eots, BTreeSet::from(["silence"]));
}

/// The caller's last loud sample and the agent's first audible one, found again in the WAV.
fn the_recording_agrees_on_turns(report: &CallReport, recording: &Recording) {
    let (caller, agent) = (recording.caller_sounds_ms(BETWEEN_WORDS_MS), recording.agent_sounds_ms(BETWEEN_WORDS_MS));
    assert_eq!(caller.len(), 4, "question, cough, interruption, thanks: {caller:?}");
    for turn in &report.turns {
        let (end, waited) = (turn.speech_end_ms.expect("speech"), turn.voice_to_voice_ms.expect("an answer"));
        assert!(caller.iter().any(|&(_, silent)| near(silent, end, 1.0)), "{caller:?} has no end at {end}");
        assert!(agent.iter().any(|&(sounds, _)| near(sounds, end + waited, 1.0)), "{agent:?}: {}", end + waited);
        // The loudspeaker adds its buffer and the wire a frame to what the server says, and no more.
        let sent = turn.first_audio_ms.expect("it was sent");
        assert!((0.0..=60.0).contains(&(end + waited - sent)), "{report}");
    }
}

/// The agent is silent from the last sample of the report on: until it resumes, or until it answers.
fn the_recording_agrees_on_overlaps(report: &CallReport, recording: &Recording) {
    let agent = recording.agent_sounds_ms(BETWEEN_WORDS_MS);
    let after = |at: f64| agent.iter().find(|&&(sounds, _)| sounds >= at).expect("the agent goes on").0;
    let (cough, wait) = (barge_in(report, "resumed"), barge_in(report, "committed"));
    for overlap in [cough, wait] {
        let last = overlap.last_audio_ms.expect("it sounded");
        // The last sample may lie in the silence between two words.
        assert!(agent.iter().any(|&(_, silent)| silent <= last + 1.0 && last - silent < 100.0), "{agent:?}: {last}");
        assert!(after(last) >= overlap.decided_ms, "silent until it is decided: {agent:?}");
    }
    assert!(near(after(cough.last_audio_ms.expect("it sounded")), cough.decided_ms, 100.0), "{agent:?}");
    let answer = turn_of(report, "wait");
    let answered = answer.speech_end_ms.expect("speech") + answer.voice_to_voice_ms.expect("an answer");
    assert!(near(after(wait.last_audio_ms.expect("it sounded")), answered, 1.0), "{agent:?}");
}

//! A whole call with the default agent, its real models and a synthetic caller: the words come through, an interruption
//! commits, a cough resumes, and the recording agrees with the report.
//!
//! Inference takes real time, so this call lasts as long as it sounds. What is asserted does not depend on how fast the
//! machine is: who said what, which overlap was what, and that nothing of a cut reply follows its signal.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod access_support;
mod speech_support;

use access_support::Access;
use speech_support::{RATE, cough, models_folder, spoken, write};
use std::path::Path;
use tokio::io::duplex;
use voice_server::caller::{CallArgs, CallReport, Cue, EncodingArg, FileArg, Recording, place};
use voice_server::{ServerLimits, Settings, build_agent, serve_connection};

/// Two frames: one in which a sound begins, one in which it is noticed.
const TOLERANCE_MS: f64 = 40.0;

async fn hold(folder: &Path) -> (CallReport, Recording) {
    let file = |name: &str, samples: &[i16], cue| FileArg { path: write(folder, name, samples), cue };
    let record = folder.join("call.wav");
    let access = Access::new().await;
    let args = CallArgs {
        files: vec![
            file("ask.wav", &spoken("I would like to come on Tuesday please.").await, Cue::AfterAgent),
            file(
                "wait.wav",
                &spoken("Wait, I would like to come on Friday.").await,
                Cue::AfterAudioBegan { ms: 1_200 },
            ),
            file("cough.wav", &cough(), Cue::AfterAudioBegan { ms: 900 }),
            file("bye.wav", &spoken("Thank you and goodbye.").await, Cue::AfterAgent),
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
        max_ms: 120_000,
        answer_ms: 20_000,
        greeting_ms: 10_000,
        pause_ms: 400,
        max_file_s: 20,
    };
    let settings = Settings { models: models_folder(), ..Settings::default() };
    let agent = build_agent(&settings).expect("the default agent").agent;
    let (near, far) = duplex(1 << 20);
    let config = access.config(agent, ServerLimits::default());
    let ((report, end), ()) = tokio::join!(place(near, &args), serve_connection(far, config));
    end.expect("the call ends in order");
    (report.expect("the call began"), Recording::read(&record).expect("a recording"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_agent_holds_a_call_with_an_interruption_and_a_cough() {
    let folder = tempfile::tempdir().unwrap();
    let (report, recording) = hold(folder.path()).await;
    let letters = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphabetic(), "");
    let said: Vec<String> = report.turns.iter().map(|turn| letters(&turn.caller_text)).collect();
    for word in ["tuesday", "friday", "goodbye"] {
        assert!(said.iter().any(|text| text.contains(word)), "{word}: {report}");
    }
    let committed = report.barge_ins.iter().find(|overlap| overlap.decision == "committed").expect("an interruption");
    assert!(report.barge_ins.iter().any(|overlap| overlap.decision == "resumed"), "a cough: {report}");
    assert!(report.barge_ins.iter().all(|overlap| overlap.samples_after_signal == 0), "{report}");

    let cut = report.turns.iter().find(|turn| turn.outcome == "barged_in").expect("a cut reply");
    assert!(cut.reply_text.starts_with(&cut.heard_text) && cut.heard_text.len() < cut.reply_text.len(), "{report}");

    // From the cut to the next reply the agent's side of the recording is silent.
    let last_audio_ms = committed.last_audio_ms.expect("the cut reply had sounded");
    let next_audio_ms = report.turns.iter().filter_map(|turn| turn.first_audio_ms).find(|at| *at > last_audio_ms);
    let until_ms = next_audio_ms.expect("the interruption was answered");
    let between = |at: f64| last_audio_ms + TOLERANCE_MS < at && at < until_ms - TOLERANCE_MS;
    for (start, end) in recording.agent_sounds_ms(20) {
        assert!(!between(start) && !between(end), "the agent sounds from {start} to {end} ms: {report}");
    }
}

//! The vendors' fakes with one key, a caller of tones, and the command as a process of its own.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use voice_core::provider::fakes::{Ear, FakeTurn, Fakes, FakesConfig};
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm};
use voice_core::stage::{LlmRequest, Role, TokenUsage};
use voice_core::units::SampleRate;
use voice_server::caller::{CallArgs, Cue, EncodingArg, FileArg};

pub(crate) const RATE: SampleRate = SampleRate::Hz16000;

/// The only key the fakes take; unlike anything else that may be written anywhere.
pub(crate) const KEY: &str = "k3y-Zq9vT7xWm2";

pub(crate) const TURNS: [&str; 2] = ["I would like an appointment please", "wait a moment please"];

pub(crate) const REPLIES: [&str; 2] = [
    "Certainly, I can offer you Monday at nine, Tuesday at half past ten, or Wednesday in the late afternoon if you prefer.",
    "Of course, take all the time you need.",
];

const USAGE: TokenUsage = TokenUsage { input_tokens: 200, cached_tokens: 120, output_tokens: 25 };

/// The answer goes by the words: a reply on a guess asks the same question again.
fn answer_to(request: &LlmRequest) -> LlmReply {
    let asked = request.messages.iter().rfind(|message| message.role == Role::Caller);
    let is_first = asked.is_some_and(|message| message.text.contains("appointment"));
    LlmReply::text(REPLIES[usize::from(!is_first)]).usage(USAGE)
}

pub(crate) async fn fakes() -> Fakes {
    let mut config = FakesConfig { key: Some(KEY.into()), ..FakesConfig::default() };
    config.flux.ear = Ear::Script(TURNS.map(FakeTurn::new).into());
    config.chat.brain = Arc::new(ScriptedLlm::with(LlmConfig::default(), |request, _| answer_to(request)));
    Fakes::start(config).await.expect("a free port")
}

/// What makes a server use the fakes for everything.
pub(crate) fn variables(fakes: &Fakes) -> BTreeMap<&'static str, String> {
    let base = fakes.http_url();
    let mut variables = BTreeMap::from([
        ("DEEPGRAM_URL", base.clone()),
        ("GROQ_URL", format!("{base}/v1")),
        ("CARTESIA_URL", base),
        ("CARTESIA_VOICE", "fake".to_owned()),
    ]);
    variables.extend(["DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"].map(|name| (name, KEY.to_owned())));
    variables
}

/// The command with these variables and no others.
pub(crate) fn command(variables: &BTreeMap<&'static str, String>, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_voice-server"));
    command.env_clear().envs(variables).args(args).args(["--models", "/nowhere/at/all"]);
    command.args(["--data", &format!("{}/data-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id())]);
    command
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
    writer.finalize().unwrap();
    path
}

/// A caller who asks, and talks over the answer.
pub(crate) fn caller(folder: &Path) -> CallArgs {
    let file = |name, sound_ms, cue| FileArg { path: tone(folder, name, sound_ms), cue };
    CallArgs {
        files: vec![
            file("question.wav", 1_500, Cue::AfterAgent),
            file("wait.wav", 1_200, Cue::AfterAudioBegan { ms: 1_500 }),
        ],
        server: None,
        config: None,
        models: None,
        data: None,
        token: None,
        record: None,
        json: None,
        rate: RATE,
        encoding: EncodingArg::Pcm16,
        max_ms: 60_000,
        answer_ms: 10_000,
        greeting_ms: 10_000,
        pause_ms: 400,
        max_file_s: 10,
    }
}

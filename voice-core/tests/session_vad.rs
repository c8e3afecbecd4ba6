//! A session that hears with a real VAD: what pauses the agent, and for how long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use std::f32::consts::TAU;
use std::sync::Arc;
use support::{Call, quick_agent};
use voice_core::audio::{EarshotVad, LayeredVad, SpeechModel, VadConfig, VadSource};
use voice_core::provider::scripted::ScriptedStt;
use voice_core::session::{Agent, SessionEvent};
use voice_core::turn::TurnConfig;

const MS: usize = 16;

/// Says that nothing is speech.
struct Deaf;

impl SpeechModel for Deaf {
    fn window_samples(&self) -> usize {
        512
    }
    fn probability(&mut self, _window: &[i16]) -> f32 {
        0.0
    }
    fn reset(&mut self) {}
}

impl VadSource for Deaf {
    fn open(&self) -> Box<dyn SpeechModel> {
        Box::new(Deaf)
    }
}

/// Puffs of breath with a voice in them, through the resonances of a throat: near enough to a cough, or, where it goes on,
/// to somebody's talk in the background, for earshot to take it for speech.
fn throat(ms: usize) -> Vec<i16> {
    let bands = [(700.0, 90.0), (1_200.0, 110.0), (2_600.0, 160.0)].map(|(hz, width): (f32, f32)| {
        let radius = (-TAU / 2.0 * width / 16_000.0).exp();
        (2.0 * radius * (TAU * hz / 16_000.0).cos(), radius * radius)
    });
    let (mut noise, mut phase, mut past) = (0x5eed_u32, 0.0_f32, [[0.0_f32; 2]; 3]);
    let value = |n: usize| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let breath = ((noise >> 16) as f32 - 32_768.0) / 16.0;
        phase += 130.0 / 16_000.0;
        let mut sample = breath + if phase >= 1.0 { 50_000.0 } else { 0.0 };
        phase = phase.fract();
        for ((turn, damping), past) in bands.iter().zip(&mut past) {
            sample = sample * (1.0 - turn + damping) + turn * past[0] - damping * past[1];
            *past = [sample, past[0]];
        }
        let puff = 1.0 - (n % (300 * MS)) as f32 / (400 * MS) as f32;
        (sample * puff) as i16
    };
    (0..ms * MS).map(value).collect()
}

fn agent(vad: impl VadSource + 'static) -> Agent {
    let mut agent = quick_agent(ScriptedStt::manual().0, &[]);
    agent.config.greeting =
        Some("This is a long greeting, long enough for whatever is to be heard over it. ".repeat(4));
    agent.vad = Arc::new(vad);
    agent
}

/// The call once the agent speaks and the caller's side made this sound; when the sound ended.
async fn over_the_agent(vad: impl VadSource + 'static, sound: &[i16]) -> (Call, u64) {
    let mut call = Call::start(agent(vad));
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    call.play(sound).await;
    let ended_ms = call.now_ms();
    call.silent(2_000).await;
    (call, ended_ms)
}

fn is_barge_in(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::BargeIn { .. })
}

#[tokio::test(start_paused = true)]
async fn a_cough_holds_the_agent_no_longer_than_hangover_and_verdict() {
    for ms in [250, 300, 350] {
        let (call, ended_ms) = over_the_agent(EarshotVad, &throat(ms)).await;
        assert_eq!(call.count(|event| matches!(event, SessionEvent::Paused { .. })), 1, "{ms} ms of cough");
        let resumed_ms = call.first_ms(|event| matches!(event, SessionEvent::Resumed(_))).expect("resumed");
        // The end is noticed with a window of 16 ms, which came with a frame of 20 ms.
        let bound_ms = u64::from(VadConfig::default().hangover_ms) + TurnConfig::default().verdict_wait_ms + 40;
        assert!(resumed_ms <= ended_ms + bound_ms, "resumed {} ms after the cough", resumed_ms - ended_ms);
        assert_eq!(call.count(is_barge_in), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn each_sound_in_a_quiet_room_is_noticed_as_soon_as_the_first() {
    let vad = LayeredVad::new(Arc::new(EarshotVad), Arc::new(Deaf));
    let (mut call, _) = over_the_agent(vad, &throat(600)).await;
    call.play(&throat(600)).await;
    call.silent(1_000).await;
    assert_eq!(call.count(|event| matches!(event, SessionEvent::Paused { .. })), 2);
}

#[tokio::test(start_paused = true)]
async fn talk_that_only_the_quick_model_hears_pauses_once_and_never_takes_the_turn() {
    let talk = throat(6_000);
    let (alone, _) = over_the_agent(EarshotVad, &talk).await;
    assert_eq!(alone.count(is_barge_in), 1, "it sounds like speech to earshot");
    let layered = LayeredVad::new(Arc::new(EarshotVad), Arc::new(Deaf));
    let (layered, _) = over_the_agent(layered, &talk).await;
    assert_eq!(layered.count(is_barge_in), 0);
    assert_eq!(layered.count(|event| matches!(event, SessionEvent::Paused { .. })), 1);
    assert_eq!(layered.count(|event| matches!(event, SessionEvent::Resumed(_))), 1);
}

//! How soon the agent is paused once the caller begins to speak, and what else pauses it: the whole session with a real
//! VAD, on recorded human speech.
//!
//! Time is simulated, so the figures do not depend on the machine: they are the waiting that is built in. The caller's
//! microphone sends 20 ms when they are complete; the time from the onset, as labelled, to the pause at the caller's end of
//! the line is what the caller has to hear the agent go on for. A network's way there and back comes on top, and the
//! processor's time, which `barge_in` measures.
//!
//! `VOICE_SPEECH_DIR` names a folder of recordings (see `voice_benches::speech`); without it this says so and measures
//! nothing. Silero is measured beside earshot where `VOICE_MODELS_DIR` names a folder that `make models` has filled.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use voice_benches::call::{BenchCall, agent};
use voice_benches::noise::{Disturbance, Random, coughs, no_speech};
use voice_benches::speech::{in_a_room, label, recordings};
use voice_benches::tail::print_ms;
use voice_benches::vads::vads;
use voice_core::audio::VadSource;
use voice_core::provider::scripted::{LlmConfig, TtsConfig};
use voice_core::transport::LineControl;

/// Calls a recording is heard in, each beginning at a random place against the frames and the VAD's windows.
const CALLS_A_RECORDING: usize = 4;
/// A pause up to so long before the labelled onset is still about it: a breath or a click of the lips. 60 ms.
const EARLY_SAMPLES: usize = 16 * 60;
/// A pause this long after the end of the speech is no longer about it: 280 ms.
const LATE_SAMPLES: usize = 16 * 280;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(files) = recordings("onset_to_paused")? else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    println!("{} recordings, {CALLS_A_RECORDING} calls each; caller onset -> paused, in ms", files.len());
    let sounds = no_speech(&files);
    for (name, vad) in vads() {
        for disturbance in [Disturbance::Clean, Disturbance::White20Db] {
            measure(&runtime, &vad, &files, disturbance)?.print(&format!("{name}, {disturbance:?}"));
        }
        print_coughs(&runtime, name, &vad);
        println!("\n{name}: in a minute of no speech, the agent is");
        for (sound, samples) in &sounds {
            let held = runtime.block_on(hold(&vad, samples));
            println!("  {sound:<24} {held}");
        }
    }
    Ok(())
}

/// A call in which the agent has just begun to speak, and goes on for over a minute unless it is stopped.
async fn speaking_agent(vad: &Arc<dyn VadSource>) -> BenchCall {
    let tts = TtsConfig { ms_per_character: 2_000, ..TtsConfig::default() };
    let (mut agent, stt) = agent(LlmConfig::default(), tts);
    agent.vad = Arc::clone(vad);
    let mut call = BenchCall::start_with(agent, stt).await;
    call.end_of_turn();
    call.first_audio().await;
    call
}

#[derive(Default)]
struct Onsets {
    to_paused_ms: Vec<f32>,
    missed: usize,
    early: usize,
}

fn measure(
    runtime: &Runtime,
    vad: &Arc<dyn VadSource>,
    files: &[Vec<i16>],
    disturbance: Disturbance,
) -> Result<Onsets, Box<dyn Error>> {
    let mut random = Random::new();
    let mut onsets = Onsets::default();
    for clean in files.iter().flat_map(|file| std::iter::repeat_n(file, CALLS_A_RECORDING)) {
        let before = 16_000 + (random.uniform() * 16_000.0) as usize;
        let padded = in_a_room(clean, before, &mut random);
        let heard = disturbance.apply(&padded, &mut random)?;
        let Some((onset, end)) = label(&padded).first().copied() else { continue };
        let until = heard.len().min(end + LATE_SAMPLES);
        onsets.add(onset, runtime.block_on(first_pause(vad, heard.get(..until).unwrap_or_default())));
    }
    Ok(onsets)
}

/// When the agent is first paused, counted from the first of `samples`.
async fn first_pause(vad: &Arc<dyn VadSource>, samples: &[i16]) -> Option<Duration> {
    let mut paused = None;
    let heed = |control, after| match control {
        LineControl::Pause { .. } => {
            paused = Some(after);
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    };
    speaking_agent(vad).await.speak(samples, heed).await;
    paused
}

impl Onsets {
    fn add(&mut self, onset: usize, paused: Option<Duration>) {
        match paused.map(|paused| paused.as_secs_f32() * 1e3 - onset as f32 / 16.0) {
            None => self.missed += 1,
            Some(ms) if ms < -(EARLY_SAMPLES as f32) / 16.0 => self.early += 1,
            Some(ms) => self.to_paused_ms.push(ms),
        }
    }

    fn print(mut self, name: &str) {
        println!("\n{name}: missed {}, paused before the speech {}", self.missed, self.early);
        print_ms("onset -> paused", &mut self.to_paused_ms);
    }
}

/// What some sound does to a speaking agent.
#[derive(Default)]
struct Hold {
    pauses: Vec<(Duration, Option<Duration>)>,
    floor_lost: Option<Duration>,
}

/// The agent's pauses, each until it goes on, while the caller's side sounds like `samples`; over when the agent loses the
/// floor to it.
async fn hold(vad: &Arc<dyn VadSource>, samples: &[i16]) -> Hold {
    let mut held = Hold::default();
    let heed = |control, after| {
        match control {
            LineControl::Pause { .. } => held.pauses.push((after, None)),
            LineControl::Resume { .. } => held.pauses.iter_mut().rev().take(1).for_each(|(_, end)| *end = Some(after)),
            LineControl::Clear { .. } => held.floor_lost = Some(after),
            LineControl::End { .. } => {}
        }
        if held.floor_lost.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    speaking_agent(vad).await.speak(samples, heed).await;
    held
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let held: Duration = self.pauses.iter().filter_map(|(from, to)| Some(to.as_ref()?.saturating_sub(*from))).sum();
        write!(f, "paused {:>3} times, {:>5.1} s in all", self.pauses.len(), held.as_secs_f32())?;
        self.floor_lost.map_or(Ok(()), |after| write!(f, "; loses the floor after {:.1} s", after.as_secs_f32()))
    }
}

/// How many coughs pause the agent, and how long it waits after the end of each: the VAD's hangover, the turn machine's wait
/// for a verdict, a window and a frame, and up to 0.1 s where the model's probability stays up after the sound.
fn print_coughs(runtime: &Runtime, name: &str, vad: &Arc<dyn VadSource>) {
    let (samples, spans) = coughs(&mut Random::new());
    let held = runtime.block_on(hold(vad, &samples));
    let at = |sample: usize| Duration::from_secs_f64(sample as f64 / 16_000.0);
    let over = |(_, resumed): &(Duration, Option<Duration>)| {
        let resumed = (*resumed)?;
        let (_, end) = spans.iter().rev().find(|(start, _)| at(*start) < resumed)?;
        Some(resumed.saturating_sub(at(*end)).as_secs_f32() * 1e3)
    };
    let mut waits: Vec<f32> = held.pauses.iter().filter_map(over).collect();
    println!("\n{name}: of {} coughs, {} pause the agent; floor lost: {:?}", spans.len(), waits.len(), held.floor_lost);
    print_ms("cough's end -> resumed", &mut waits);
}

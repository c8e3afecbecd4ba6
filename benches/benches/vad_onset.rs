//! How soon voice activity is noticed, on recorded human speech: onset to noticed and end to noticed, read off the
//! audio.
//!
//! Not a timing: positions are samples, so the figures do not depend on the machine. `VOICE_SPEECH_DIR` names a folder
//! of recordings (see `voice_benches::speech`); without it this says so and measures nothing. Silero is measured beside
//! earshot where `VOICE_MODELS_DIR` names a folder that `make models` has filled.
//!
//! What is printed is the detector's own delay: the audio that had to be heard after the onset. A line's frame comes on
//! top of it: `onset_to_paused` measures that.

use std::error::Error;
use voice_benches::noise::{Disturbance, Random, no_speech};
use voice_benches::speech::{in_a_room, label, recordings};
use voice_benches::tail::print_ms;
use voice_benches::vads::vads;
use voice_core::audio::{VadEvent, VadSource, VoiceDetector};

/// Each file is heard at several offsets against the model's windows.
const OFFSETS: [usize; 8] = [0, 67, 134, 201, 268, 335, 402, 469];

fn main() -> Result<(), Box<dyn Error>> {
    let Some(files) = recordings("vad_onset")? else { return Ok(()) };
    println!("{} files, {} offsets each; ms from the labelled edge", files.len(), OFFSETS.len());
    let sounds = no_speech(&files);
    for (name, source) in vads() {
        let source = source.as_ref();
        for disturbance in Disturbance::ALL {
            let mut tally = Tally::default();
            for clean in &files {
                tally.add_file(source, clean, disturbance)?;
            }
            tally.print(&format!("{name}, {disturbance:?}"));
        }
        println!("\n{name}: starts in a minute of");
        for (sound, samples) in &sounds {
            let events = events_of(source, samples);
            let starts = events.iter().filter(|(event, _)| matches!(event, VadEvent::SpeechStarted { .. })).count();
            println!("  {sound:<24} {starts}");
        }
    }
    Ok(())
}

/// An event, and how many samples had been judged when it came.
type Noticed = (VadEvent, usize);

fn events_of(source: &dyn VadSource, samples: &[i16]) -> Vec<Noticed> {
    let mut detector = VoiceDetector::new(source.open(), source.config());
    let mut events = Vec::new();
    // The smallest step shows the position of each event; the detector judges whole windows anyway.
    for step in samples.chunks(16) {
        let mut found = None;
        detector.push(step, |event| found = Some(event));
        events.extend(found.map(|event| (event, detector.position().0 as usize)));
    }
    events
}

#[derive(Default)]
struct Tally {
    start_noticed_ms: Vec<f32>,
    onset_error_ms: Vec<f32>,
    end_noticed_ms: Vec<f32>,
    end_error_ms: Vec<f32>,
    stretches: usize,
    missed: usize,
    early: usize,
    divided: usize,
}

impl Tally {
    fn add_file(
        &mut self,
        source: &dyn VadSource,
        clean: &[i16],
        disturbance: Disturbance,
    ) -> Result<(), Box<dyn Error>> {
        let mut random = Random::new();
        for offset in OFFSETS {
            let padded = in_a_room(clean, 16_000 + offset, &mut random);
            let heard = disturbance.apply(&padded, &mut random)?;
            self.add(&label(&padded), &events_of(source, &heard));
        }
        Ok(())
    }

    fn add(&mut self, stretches: &[(usize, usize)], events: &[Noticed]) {
        const EARLY_SAMPLES: usize = 16 * 60;
        const LATE_SAMPLES: usize = 16 * 280;
        self.stretches += stretches.len();
        for (start, end) in stretches {
            let within = |at: &usize| (start.saturating_sub(EARLY_SAMPLES)..end + LATE_SAMPLES).contains(at);
            let mut starts = events.iter().filter_map(|(event, at)| match event {
                VadEvent::SpeechStarted { onset, .. } => within(at).then_some((onset.0 as usize, *at)),
                VadEvent::SpeechEnded { .. } => None,
            });
            match starts.next() {
                Some((onset, at)) => {
                    self.start_noticed_ms.push(ms_between(*start, at));
                    self.onset_error_ms.push(ms_between(*start, onset));
                }
                None => self.missed += 1,
            }
            self.divided += starts.count();
            let mut ends = events.iter().filter_map(|(event, at)| match event {
                VadEvent::SpeechEnded { end: said } => within(at).then_some((said.0 as usize, *at)),
                VadEvent::SpeechStarted { .. } => None,
            });
            if let Some((said, at)) = ends.next_back() {
                self.end_noticed_ms.push(ms_between(*end, at));
                self.end_error_ms.push(ms_between(*end, said));
            }
        }
        let started = |noticed: &&Noticed| matches!(noticed.0, VadEvent::SpeechStarted { .. });
        let inside = |at: usize| {
            stretches.iter().any(|(start, end)| (start.saturating_sub(EARLY_SAMPLES)..end + LATE_SAMPLES).contains(&at))
        };
        self.early += events.iter().filter(started).filter(|(_, at)| !inside(*at)).count();
    }

    fn print(mut self, name: &str) {
        println!("\n{name}: {} stretches of speech", self.stretches);
        println!("  missed {}, started outside speech {}, divided {}", self.missed, self.early, self.divided);
        print_ms("onset -> noticed", &mut self.start_noticed_ms);
        print_ms("onset position error", &mut self.onset_error_ms);
        print_ms("end -> noticed", &mut self.end_noticed_ms);
        print_ms("end position error", &mut self.end_error_ms);
    }
}

fn ms_between(from: usize, to: usize) -> f32 {
    (to as f32 - from as f32) / 16.0
}

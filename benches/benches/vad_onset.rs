//! How soon voice activity is noticed, on recorded human speech: onset to noticed and end to noticed, read off the
//! audio.
//!
//! Not a timing: positions are samples, so the figures do not depend on the machine. `VOICE_SPEECH_DIR` names a folder
//! of WAV files, 16 kHz mono PCM16 (each at least a second); without it this says so and measures nothing. The labels
//! come from the energy of the clean track (see `label`), the disturbances are added afterwards.
//!
//! Silero is measured beside the default model where `VOICE_MODELS_DIR` names a folder that `make models` has filled.
//!
//! What is printed is the detector's own delay: the audio that had to be heard after the onset. A line's frame comes on
//! top of it.

use std::error::Error;
use std::path::Path;
use voice_core::audio::{EarshotVad, Resampler, VadConfig, VadEvent, VadSource, VoiceDetector};
use voice_core::units::SampleRate;

/// Samples per label frame: 5 ms.
const LABEL_SAMPLES: usize = 80;
/// A label frame is speech if it is at most this far below the loud parts of its file.
const LABEL_RANGE_DB: f32 = 30.0;
/// Pauses shorter than this do not divide speech: 300 ms; the detector may well report them.
const MIN_PAUSE_FRAMES: usize = 60;
/// Sounds shorter than this are not labelled as speech: 100 ms.
const MIN_SPEECH_FRAMES: usize = 20;
/// Each file is heard at several offsets against the model's windows.
const OFFSETS: [usize; 8] = [0, 67, 134, 201, 268, 335, 402, 469];

fn main() -> Result<(), Box<dyn Error>> {
    let Some(folder) = std::env::var_os("VOICE_SPEECH_DIR") else {
        println!("vad_onset: VOICE_SPEECH_DIR is not set, so there is no speech to measure with");
        return Ok(());
    };
    let files = read_folder(Path::new(&folder))?;
    println!("{} files, {} offsets each; ms from the labelled edge", files.len(), OFFSETS.len());
    for (name, source) in sources() {
        let source = source.as_ref();
        for disturbance in Disturbance::ALL {
            let mut tally = Tally::default();
            for clean in &files {
                tally.add_file(source, clean, disturbance)?;
            }
            tally.print(&format!("{name}, {disturbance:?}"));
        }
        print_false_starts(name, source);
    }
    Ok(())
}

/// The models to compare, by name.
fn sources() -> Vec<(&'static str, Box<dyn VadSource>)> {
    let mut sources: Vec<(&str, Box<dyn VadSource>)> = vec![("earshot", Box::new(EarshotVad))];
    match silero() {
        Ok(silero) => sources.push(("silero", silero)),
        Err(reason) => println!("vad_onset: without Silero: {reason}"),
    }
    sources
}

#[cfg(feature = "local")]
fn silero() -> Result<Box<dyn VadSource>, Box<dyn Error>> {
    use voice_core::provider::local::{LocalModels, SileroVad};
    let folder = std::env::var_os("VOICE_MODELS_DIR").ok_or("VOICE_MODELS_DIR is not set")?;
    Ok(Box::new(SileroVad::load(&LocalModels::find(folder))?))
}

#[cfg(not(feature = "local"))]
fn silero() -> Result<Box<dyn VadSource>, Box<dyn Error>> {
    Err("the feature `local` is off".into())
}

fn read_folder(folder: &Path) -> Result<Vec<Vec<i16>>, Box<dyn Error>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wav"));
    paths.iter().map(|path| read_wav(path)).collect()
}

fn read_wav(path: &Path) -> Result<Vec<i16>, Box<dyn Error>> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    if (spec.channels, spec.sample_rate, spec.bits_per_sample) != (1, 16_000, 16) {
        return Err(format!("{}: convert it to 16 kHz mono PCM16 first", path.display()).into());
    }
    Ok(reader.samples::<i16>().collect::<Result<_, _>>()?)
}

#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Clean,
    White20Db,
    White10Db,
    NarrowBand,
}

impl Disturbance {
    const ALL: [Self; 4] = [Self::Clean, Self::White20Db, Self::White10Db, Self::NarrowBand];

    fn apply(self, clean: &[i16], random: &mut Random) -> Result<Vec<i16>, Box<dyn Error>> {
        Ok(match self {
            Self::Clean => clean.to_vec(),
            Self::White20Db => with_noise(clean, 20.0, random),
            Self::White10Db => with_noise(clean, 10.0, random),
            Self::NarrowBand => narrow_band(clean)?,
        })
    }
}

fn with_noise(clean: &[i16], snr_db: f32, random: &mut Random) -> Vec<i16> {
    let level = speech_power(clean).sqrt() * 10_f32.powf(-snr_db / 20.0);
    clean.iter().map(|sample| (f32::from(*sample) + random.gaussian() * level) as i16).collect()
}

fn narrow_band(clean: &[i16]) -> Result<Vec<i16>, Box<dyn Error>> {
    let (mut narrow, mut wide) = (Vec::new(), Vec::new());
    let mut down = Resampler::new(SampleRate::Hz16000, SampleRate::Hz8000)?;
    down.push(clean, &mut narrow);
    down.flush(&mut narrow);
    let mut up = Resampler::new(SampleRate::Hz8000, SampleRate::Hz16000)?;
    up.push(&narrow, &mut wide);
    up.flush(&mut wide);
    Ok(wide)
}

fn power(samples: &[i16]) -> f32 {
    samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len().max(1) as f32
}

/// The power that nine label frames in ten stay below: how loud the loud parts are.
fn speech_power(samples: &[i16]) -> f32 {
    let mut powers: Vec<f32> = samples.chunks(LABEL_SAMPLES).map(power).collect();
    powers.sort_by(f32::total_cmp);
    powers.get(powers.len() * 9 / 10).copied().unwrap_or(0.0)
}

/// The stretches of speech in `clean`, as (first sample, sample after the last).
fn label(clean: &[i16]) -> Vec<(usize, usize)> {
    let threshold = speech_power(clean) * 10_f32.powf(-LABEL_RANGE_DB / 10.0);
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (frame, samples) in clean.chunks(LABEL_SAMPLES).enumerate() {
        if power(samples) < threshold {
            continue;
        }
        match stretches.last_mut() {
            Some((_, end)) if frame < *end + MIN_PAUSE_FRAMES => *end = frame + 1,
            _ => stretches.push((frame, frame + 1)),
        }
    }
    stretches.retain(|(start, end)| end - start >= MIN_SPEECH_FRAMES);
    stretches.iter().map(|(start, end)| (start * LABEL_SAMPLES, end * LABEL_SAMPLES)).collect()
}

/// An event, and how many samples had been judged when it came.
type Noticed = (VadEvent, usize);

fn events_of(source: &dyn VadSource, samples: &[i16]) -> Vec<Noticed> {
    let mut detector = VoiceDetector::new(source.open(), VadConfig::default());
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
        let mut random = Random(0x5eed);
        for offset in OFFSETS {
            // A second of a quiet room before and after, at about -75 dBFS.
            let mut padded: Vec<i16> = vec![0; 16_000 + offset];
            padded.extend_from_slice(clean);
            padded.extend(std::iter::repeat_n(0, 16_000));
            padded.iter_mut().for_each(|sample| *sample = sample.saturating_add((random.gaussian() * 6.0) as i16));
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
        print_row("onset -> noticed", &mut self.start_noticed_ms);
        print_row("onset position error", &mut self.onset_error_ms);
        print_row("end -> noticed", &mut self.end_noticed_ms);
        print_row("end position error", &mut self.end_error_ms);
    }
}

fn ms_between(from: usize, to: usize) -> f32 {
    (to as f32 - from as f32) / 16.0
}

fn print_row(name: &str, values: &mut [f32]) {
    values.sort_by(f32::total_cmp);
    let at = |share: f32| values.get((values.len() as f32 * share) as usize).copied().unwrap_or(f32::NAN);
    let [p1, p50, p90, p99] = [0.01, 0.5, 0.9, 0.99].map(at);
    println!("  {name:<22} p1 {p1:>7.1}  p50 {p50:>7.1}  p90 {p90:>7.1}  p99 {p99:>7.1}  (n {})", values.len());
}

/// Sounds that are no speech: how many starts each causes in 20 s, or in 20 times of a sound that is short.
fn print_false_starts(name: &str, source: &dyn VadSource) {
    println!("\n{name}: starts in 20 s of");
    for (sound, wave) in NO_SPEECH {
        let mut random = Random(0x5eed);
        // The period is no multiple of a window, so each time falls on the windows differently.
        let samples: Vec<i16> =
            (0..20 * PERIOD).map(|at| (random.gaussian() * 6.0 + wave(at, random.gaussian())) as i16).collect();
        let events = events_of(source, &samples);
        let starts = events.iter().filter(|(event, _)| matches!(event, VadEvent::SpeechStarted { .. })).count();
        println!("  {sound:<24} {starts}");
    }
}

/// How often a short sound comes: about once a second.
const PERIOD: usize = 16_037;

/// A sound by name: from the sample's number and a normal random value to a sample.
type Wave = fn(usize, f32) -> f32;

const NO_SPEECH: [(&str, Wave); 9] = [
    ("white noise", |_, random| random * 1_000.0),
    ("hum of 50 Hz", |at, _| tone(50, at) * 3_000.0),
    ("tone of 1 kHz", |at, _| tone(1_000, at) * 3_000.0),
    ("tap of 10 ms", |at, random| random * if at % PERIOD < 160 { 8_000.0 } else { 0.0 }),
    ("tap that rings out", |at, random| random * 8_000.0 * decay(at, 8)),
    ("knock, 200 Hz", |at, _| tone(200, at % PERIOD) * 10_000.0 * decay(at, 20)),
    ("knock, 120 Hz", |at, _| tone(120, at % PERIOD) * 10_000.0 * decay(at, 40)),
    ("noise of 60 ms", |at, random| random * if at % PERIOD < 960 { 4_000.0 } else { 0.0 }),
    ("noise of 300 ms", |at, random| random * if at % PERIOD < 4_800 { 2_000.0 } else { 0.0 }),
];

fn tone(hz: usize, at: usize) -> f32 {
    ((at * hz % 16_000) as f32 / 16_000.0 * std::f32::consts::TAU).sin()
}

fn decay(at: usize, ms: usize) -> f32 {
    (-((at % PERIOD) as f32) / (16 * ms) as f32).exp()
}

/// xorshift64*: the same noise in every run.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Twelve uniform values, less their mean: normal enough, unit variance.
    fn gaussian(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }
}

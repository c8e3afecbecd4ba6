//! Sounds that are no speech to the agent, and noise added to what is. The same in every run.

use crate::speech::{resampled, speech_power};
use std::error::Error;
use std::f32::consts::TAU;
use voice_core::units::SampleRate;

/// What is done to a clean recording.
#[derive(Clone, Copy, Debug)]
pub enum Disturbance {
    /// Nothing.
    Clean,
    /// White noise, 20 dB below the loud parts.
    White20Db,
    /// White noise, 10 dB below the loud parts.
    White10Db,
    /// The band of a telephone.
    NarrowBand,
}

impl Disturbance {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Clean, Self::White20Db, Self::White10Db, Self::NarrowBand];

    /// `clean`, disturbed.
    ///
    /// # Errors
    /// If there is no resampler for the telephone's band.
    pub fn apply(self, clean: &[i16], random: &mut Random) -> Result<Vec<i16>, Box<dyn Error>> {
        Ok(match self {
            Self::Clean => clean.to_vec(),
            Self::White20Db => with_noise(clean, 20.0, random),
            Self::White10Db => with_noise(clean, 10.0, random),
            Self::NarrowBand => {
                let narrow = resampled(clean, SampleRate::Hz16000, SampleRate::Hz8000)?;
                resampled(&narrow, SampleRate::Hz8000, SampleRate::Hz16000)?
            }
        })
    }
}

fn with_noise(clean: &[i16], snr_db: f32, random: &mut Random) -> Vec<i16> {
    let level = speech_power(clean).sqrt() * 10_f32.powf(-snr_db / 20.0);
    clean.iter().map(|sample| (f32::from(*sample) + random.gaussian() * level) as i16).collect()
}

/// The mean square of `samples`; 0 for none.
pub fn power(samples: &[i16]) -> f32 {
    samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len().max(1) as f32
}

/// How often a short sound comes: about once a second. No multiple of a window, so each time falls on the windows
/// differently.
const PERIOD: usize = 16_037;
/// A minute, at 16 kHz.
const MINUTE: usize = 60 * 16_000;

/// A minute of each sound that is no speech to the agent, by name. The babble is mixed from `voices`.
pub fn no_speech(voices: &[Vec<i16>]) -> Vec<(&'static str, Vec<i16>)> {
    let mut sounds: Vec<_> = WAVES.iter().map(|(name, wave)| (*name, in_quiet(*wave))).collect();
    sounds.push(("keyboard", keyboard()));
    sounds.push(("coughs", coughs(&mut Random::new()).0));
    sounds.push(("music", music()));
    sounds.push(("babble of 8 at -50 dBFS", babble(voices, 8, -50.0)));
    sounds.push(("babble of 8 at -40 dBFS", babble(voices, 8, -40.0)));
    sounds
}

/// A sound by the number of its sample and a normal random value.
type Wave = fn(usize, f32) -> f32;

const WAVES: [(&str, Wave); 9] = [
    ("white noise", |_, random| random * 1_000.0),
    ("hum of 50 Hz", |at, _| tone(50.0, at) * 3_000.0),
    ("tone of 1 kHz", |at, _| tone(1_000.0, at) * 3_000.0),
    ("tap of 10 ms", |at, random| random * if at % PERIOD < 160 { 8_000.0 } else { 0.0 }),
    ("tap that rings out", |at, random| random * 8_000.0 * decay(at % PERIOD, 8)),
    ("knock, 200 Hz", |at, _| tone(200.0, at % PERIOD) * 10_000.0 * decay(at % PERIOD, 20)),
    ("knock, 120 Hz", |at, _| tone(120.0, at % PERIOD) * 10_000.0 * decay(at % PERIOD, 40)),
    ("noise of 60 ms", |at, random| random * if at % PERIOD < 960 { 4_000.0 } else { 0.0 }),
    ("noise of 300 ms", |at, random| random * if at % PERIOD < 4_800 { 2_000.0 } else { 0.0 }),
];

fn in_quiet(wave: Wave) -> Vec<i16> {
    let mut random = Random::new();
    (0..MINUTE).map(|at| (random.gaussian() * 6.0 + wave(at, random.gaussian())) as i16).collect()
}

/// A quiet room, for sounds to be added to.
fn quiet(random: &mut Random) -> Vec<i16> {
    (0..MINUTE).map(|_| (random.gaussian() * 6.0) as i16).collect()
}

fn add(to: &mut [i16], at: usize, sound: impl IntoIterator<Item = f32>) {
    for (sample, value) in to.iter_mut().skip(at).zip(sound) {
        *sample = sample.saturating_add(value as i16);
    }
}

/// Typing: a key goes down with a click and a thud and comes up more softly, seven keys a second, as they are spaced.
fn keyboard() -> Vec<i16> {
    let mut random = Random::new();
    let mut samples = quiet(&mut random);
    let mut at = 16_000;
    while at < MINUTE {
        let level = 1_500.0 + 2_500.0 * random.uniform();
        let held = 960 + (random.uniform() * 640.0) as usize;
        for (from, level) in [(at, level), (at + held, level / 2.0)] {
            let thud = move |n: usize| tone(340.0, n) * decay(n, 6) * 0.5;
            let click: Vec<f32> = (0..640).map(|n| level * (random.gaussian() * decay(n, 3) + thud(n))).collect();
            add(&mut samples, from, click);
        }
        at += 1_280 + (random.uniform() * 2_400.0) as usize;
    }
    samples
}

/// Chords that are struck every half second and die away, without a voice.
fn music() -> Vec<i16> {
    const ROOTS: [f32; 4] = [220.0, 174.6, 130.8, 196.0];
    let mut samples = quiet(&mut Random::new());
    for beat in 0..MINUTE / 8_000 {
        let root = ROOTS[beat / 4 % ROOTS.len()];
        let chord = (0..16_000).map(|n| {
            let voice = |hz: f32| (1..6).map(|k| tone(hz * k as f32, n) / (k * k) as f32).sum::<f32>();
            600.0 * decay(n, 300) * (voice(root) + voice(root * 1.26) + voice(root * 1.5))
        });
        add(&mut samples, beat * 8_000, chord);
    }
    samples
}

/// So many voices at a time, each saying one recording after the other, at `dbfs` in all.
fn babble(voices: &[Vec<i16>], talkers: usize, dbfs: f32) -> Vec<i16> {
    let mut mixed = vec![0.0_f32; MINUTE];
    for talker in 0..talkers {
        let own = voices.iter().cycle().skip(talker * voices.len() / talkers.max(1));
        let words = own.take(10_000).flatten().skip(talker * 7_919);
        mixed.iter_mut().zip(words).for_each(|(sum, sample)| *sum += f32::from(*sample));
    }
    let loud = (mixed.iter().map(|sample| sample * sample).sum::<f32>() / MINUTE as f32).sqrt().max(1.0);
    let gain = 32_768.0 * 10_f32.powf(dbfs / 20.0) / loud;
    let mut samples = quiet(&mut Random::new());
    add(&mut samples, 0, mixed.iter().map(|sample| sample * gain));
    samples
}

/// A minute of coughs, one every two seconds, and where each begins and ends.
pub fn coughs(random: &mut Random) -> (Vec<i16>, Vec<(usize, usize)>) {
    let mut samples = quiet(random);
    let mut spans = Vec::new();
    for nth in 1..29 {
        let at = nth * 2 * PERIOD + (random.uniform() * 3_200.0) as usize;
        let cough = cough(250 + (random.uniform() * 100.0) as usize, random);
        spans.push((at, at + cough.len()));
        add(&mut samples, at, cough);
    }
    (samples, spans)
}

/// A cough: a burst of breath that falls off, then more or less of a voice, falling in pitch; both through a throat
/// that lets two bands pass.
fn cough(ms: usize, random: &mut Random) -> Vec<f32> {
    let length = ms * 16;
    let (pitch, voicing) = (130.0 + 120.0 * random.uniform(), 2.0 * random.uniform());
    let mut throat = [Band::new(600.0 + 250.0 * random.uniform()), Band::new(1_300.0 + 500.0 * random.uniform())];
    let mut phase = 0.0_f32;
    let sound = |n: usize| {
        let part = n as f32 / length as f32;
        phase += pitch * (1.1 - 0.4 * part) / 16_000.0;
        let voice = (1..12).map(|k| (TAU * phase * k as f32).sin() / k as f32).sum::<f32>();
        let voiced = if part > 0.25 { voicing * (1.0 - part) } else { 0.0 };
        let source = random.gaussian() * decay(n, 80) + voice * voiced;
        let attack = (n as f32 / 80.0).min(1.0);
        attack * throat.iter_mut().map(|band| band.pass(source)).sum::<f32>()
    };
    let sounds: Vec<f32> = (0..length).map(sound).collect();
    let peak = sounds.iter().fold(1.0_f32, |peak, sample| peak.max(sample.abs()));
    sounds.iter().map(|sample| sample * 9_000.0 / peak).collect()
}

/// A resonance 150 Hz wide: two poles.
struct Band {
    feedback: (f32, f32),
    before: (f32, f32),
}

impl Band {
    fn new(hz: f32) -> Self {
        let radius = (-TAU / 2.0 * 150.0 / 16_000.0).exp();
        Self { feedback: (2.0 * radius * (TAU * hz / 16_000.0).cos(), -radius * radius), before: (0.0, 0.0) }
    }

    fn pass(&mut self, sample: f32) -> f32 {
        let passed = sample + self.feedback.0 * self.before.0 + self.feedback.1 * self.before.1;
        self.before = (passed, self.before.0);
        passed
    }
}

fn tone(hz: f32, at: usize) -> f32 {
    let cycles = f64::from(hz) * at as f64 / 16_000.0;
    (cycles.fract() as f32 * TAU).sin()
}

fn decay(at: usize, ms: usize) -> f32 {
    (-(at as f32) / (16 * ms) as f32).exp()
}

/// xorshift64*.
pub struct Random(u64);

impl Random {
    /// The same values every time.
    pub fn new() -> Self {
        Self(0x5eed)
    }

    /// From 0 to 1.
    pub fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Twelve uniform values, less their mean: normal enough, unit variance.
    pub fn gaussian(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

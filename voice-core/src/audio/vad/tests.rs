//! The detector against scripted models, so that every threshold is tested by itself, and the default model on sounds
//! made here.

use super::*;
use proptest::prelude::*;
use std::f32::consts::TAU;
use std::sync::{Arc, Mutex};

const MS: usize = 16;

/// Gives a probability by the number of the window.
struct Scripted<F> {
    window_samples: usize,
    next: usize,
    script: F,
}

impl<F: FnMut(usize) -> f32 + Send> SpeechModel for Scripted<F> {
    fn window_samples(&self) -> usize {
        self.window_samples
    }

    fn probability(&mut self, window: &[i16]) -> f32 {
        assert_eq!(window.len(), self.window_samples);
        self.next += 1;
        (self.script)(self.next - 1)
    }

    fn reset(&mut self) {
        self.next = 0;
    }
}

/// A detector whose model is asked about every window: nothing is below the gate.
fn ungated(window_samples: usize, script: impl FnMut(usize) -> f32 + Send + 'static) -> VoiceDetector {
    let config = VadConfig { gate_dbfs: -200.0, ..VadConfig::default() };
    VoiceDetector::new(Box::new(Scripted { window_samples, next: 0, script }), config)
}

/// A quiet room with sound of `level` in `sounds` (from, to), in samples.
fn room(samples: usize, level: i16, sounds: &[(usize, usize)]) -> Vec<i16> {
    let mut random = 0x5eed_u32;
    let noise = |at: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let loud = sounds.iter().any(|(from, to)| (*from..*to).contains(&at));
        let level = if loud { i32::from(level) } else { 8 };
        ((random >> 16) as i32 % (2 * level + 1) - level) as i16
    };
    (0..samples).map(noise).collect()
}

/// The events, each with the position at which it was noticed.
fn events(detector: &mut VoiceDetector, samples: &[i16], chunk: usize) -> Vec<(VadEvent, u64)> {
    let mut events = Vec::new();
    for chunk in samples.chunks(chunk) {
        let mut found = Vec::new();
        detector.push(chunk, |event| found.push(event));
        events.extend(found.into_iter().map(|event| (event, detector.position().0)));
    }
    events
}

fn started(event: &VadEvent) -> Option<u64> {
    match event {
        VadEvent::SpeechStarted { onset, .. } => Some(onset.0),
        VadEvent::SpeechEnded { .. } => None,
    }
}

fn ended(event: &VadEvent) -> Option<u64> {
    match event {
        VadEvent::SpeechEnded { end } => Some(end.0),
        VadEvent::SpeechStarted { .. } => None,
    }
}

#[test]
fn one_confident_window_is_enough_and_the_onset_is_where_the_sound_rose() {
    for window in [256, 512] {
        let (from, noticing) = (8_000 + 37, 8_000 / window + 2);
        let samples = room(16_000, 2_000, &[(from, 16_000)]);
        let mut detector = ungated(window, move |n| if n >= noticing { 0.9 } else { 0.1 });
        let events = events(&mut detector, &samples, 1);
        let [(VadEvent::SpeechStarted { onset, confidence }, noticed)] = events[..] else {
            panic!("one start: {events:?}");
        };
        assert!(onset.0.abs_diff(from as u64) <= 64, "onset {onset:?}, sound from {from}");
        assert_eq!((noticed, confidence), (((noticing + 1) * window) as u64, 0.9));
        assert!(detector.is_speech());
    }
}

#[test]
fn a_likely_start_needs_more_sound_than_a_confident_one() {
    let sound_ms = |probability: f32| {
        let from = 8_000;
        let samples = room(16_000, 2_000, &[(from, 16_000)]);
        let mut detector = ungated(256, move |_| probability);
        let events = events(&mut detector, &samples, 1);
        events.first().map(|(_, noticed)| (*noticed as usize - from) / MS)
    };
    let config = VadConfig::default();
    let (confident, likely) = (sound_ms(0.9).expect("a start"), sound_ms(0.5).expect("a start"));
    assert!((config.min_sound_ms as usize..=40).contains(&confident), "{confident} ms");
    assert!((config.min_likely_sound_ms as usize..=70).contains(&likely), "{likely} ms");
    assert_eq!(sound_ms(0.38), None, "below both thresholds");
}

#[test]
fn a_tap_of_10_ms_starts_nothing_however_sure_the_model_is() {
    for offset in 0..64 {
        let from = 8_000 + offset;
        let mut detector = ungated(256, |_| 1.0);
        let found = events(&mut detector, &room(16_000, 10_000, &[(from, from + 10 * MS)]), 160);
        assert_eq!(found, [], "tap at {from}");
    }
}

#[test]
fn speech_goes_on_above_the_stop_threshold_and_ends_a_hangover_after_its_last_sound() {
    let (from, to) = (8_000, 16_000);
    let samples = room(32_000, 2_000, &[(from, to)]);
    // The model holds on for 48 ms after the sound; between the thresholds once speech has begun.
    let mut detector = ungated(256, move |n| match n * 256 {
        at if at < from || at > to + 48 * MS => 0.1,
        at if at < from + 1_000 => 0.9,
        _ => 0.41,
    });
    let events = events(&mut detector, &samples, 1);
    let [(start, _), (VadEvent::SpeechEnded { end }, noticed)] = events[..] else { panic!("{events:?}") };
    assert!(started(&start).is_some());
    assert!(end.0.abs_diff(to as u64) <= 64, "{end:?}");
    let silence_ms = (noticed - end.0) / MS as u64;
    assert!((100..=116).contains(&silence_ms), "noticed after {silence_ms} ms");
    assert!(!detector.is_speech());
}

#[test]
fn a_dip_shorter_than_the_hangover_divides_nothing() {
    let samples = room(24_000, 2_000, &[(8_000, 12_000), (12_000 + 80 * MS, 16_000)]);
    let mut detector = ungated(256, |n| match n * 256 {
        8_000..12_000 | 13_280..16_000 => 0.9,
        _ => 0.1,
    });
    assert_eq!(events(&mut detector, &samples, 320).len(), 2);
}

#[test]
fn where_noise_hides_the_sound_the_model_prolongs_speech_but_not_for_ever() {
    // The level never changes after the start, so after two seconds the floor has risen to it.
    let samples = room(96_000, 2_000, &[(8_000, 96_000)]);
    let mut ends = [44_000, 96_000].map(|model_until| {
        let likely = move |n: usize| n * 256 >= 8_000 && n * 256 < model_until;
        let mut detector = ungated(256, move |n| if likely(n) { 0.9 } else { 0.1 });
        let events = events(&mut detector, &samples, 320);
        assert_eq!(events.len(), 2, "{events:?}");
        events.iter().filter_map(|(event, _)| ended(event)).sum::<u64>()
    });
    let lag = u64::from(VadConfig::default().model_lag_ms) * MS as u64;
    ends[0] += lag;
    assert!(ends[0].abs_diff(44_000) <= 256, "{ends:?}");
    assert!((48_000..64_000).contains(&ends[1]), "{ends:?}");
}

#[test]
fn the_onset_is_looked_for_within_bounds() {
    // A sound that the model takes for speech only half a second later.
    let samples = room(24_000, 2_000, &[(8_000, 24_000)]);
    let mut detector = ungated(256, |n| if n * 256 >= 16_000 { 0.9 } else { 0.1 });
    let onset = events(&mut detector, &samples, 320).first().and_then(|(event, _)| started(event)).expect("a start");
    let lookback = u64::from(VadConfig::default().max_lookback_ms) * MS as u64;
    assert!((16_000 - lookback - 256..16_000).contains(&onset), "{onset}");
}

/// What a model was asked: the first sample of each window.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<i16>>>);

impl SpeechModel for Asked {
    fn window_samples(&self) -> usize {
        256
    }

    fn probability(&mut self, window: &[i16]) -> f32 {
        self.0.lock().expect("no test panics while it asks").push(window[0]);
        0.0
    }

    fn reset(&mut self) {}
}

#[test]
fn silence_is_not_asked_about_but_the_model_hears_what_led_up_to_a_sound() {
    let asked = Asked::default();
    let mut detector = VoiceDetector::new(Box::new(asked.clone()), VadConfig::default());
    // Windows are told apart by their first sample; all but the last five are below the gate.
    let quiet: Vec<i16> = (0..100).flat_map(|n| std::iter::once(n).chain(std::iter::repeat_n(0, 255))).collect();
    detector.push(&quiet, |_| ());
    assert!(asked.0.lock().expect("not poisoned").is_empty(), "silence was asked about");
    detector.push(&[3_000; 256 * 2], |_| ());
    assert_eq!(*asked.0.lock().expect("not poisoned"), [96, 97, 98, 99, 3_000, 3_000]);
    asked.0.lock().expect("not poisoned").clear();
    detector.push(&[0; 256 * 100], |_| ());
    assert_eq!(asked.0.lock().expect("not poisoned").len(), 30, "it hears 480 ms of the silence after a sound");
}

proptest! {
    #[test]
    fn starts_and_ends_alternate_whatever_the_model_and_the_chunks(
        probabilities in prop::collection::vec(0.0_f32..1.0, 200),
        sounds in prop::collection::vec((0_usize..50_000, 100_usize..8_000), 0..8),
        chunk in 1_usize..2_000,
        window in prop::sample::select(&[256_usize, 512][..]),
    ) {
        let sounds: Vec<_> = sounds.iter().map(|(from, len)| (*from, from + len)).collect();
        let samples = room(50_000, 3_000, &sounds);
        let script = |n: usize, p: &[f32]| p[n % p.len()];
        let (one, other) = (probabilities.clone(), probabilities);
        let found = events(&mut ungated(window, move |n| script(n, &one)), &samples, chunk);
        let whole = events(&mut ungated(window, move |n| script(n, &other)), &samples, 50_000);
        let bare = |events: &[(VadEvent, u64)]| events.iter().map(|(event, _)| *event).collect::<Vec<_>>();
        prop_assert_eq!(bare(&found), bare(&whole), "the chunks made a difference");
        let mut last = 0;
        for (at, (event, noticed)) in found.iter().enumerate() {
            let position = if at % 2 == 0 { started(event) } else { ended(event) };
            prop_assert!(position.is_some(), "out of turn: {:?}", found);
            prop_assert!(position >= Some(last) && position <= Some(*noticed), "{:?}", found);
            last = position.unwrap_or(last);
        }
    }
}

/// Pulses through three resonances, in syllables: near enough to a vowel for the default model.
fn vowel(samples: usize) -> Vec<i16> {
    let resonances = [(700.0, 90.0), (1_200.0, 110.0), (2_600.0, 160.0)].map(|(hz, width): (f32, f32)| {
        let radius = (-std::f32::consts::PI * width / 16_000.0).exp();
        (2.0 * radius * (TAU * hz / 16_000.0).cos(), radius * radius)
    });
    let (mut phase, mut past) = (0.0_f32, [[0.0_f32; 2]; 3]);
    let value = |at: usize| {
        let seconds = at as f32 / 16_000.0;
        phase += (120.0 + 10.0 * (seconds * 3.0).sin()) / 16_000.0;
        let mut sample = if phase >= 1.0 { 60_000.0 } else { 0.0 };
        phase = phase.fract();
        for ((turn, damping), past) in resonances.iter().zip(&mut past) {
            sample = sample * (1.0 - turn + damping) + turn * past[0] - damping * past[1];
            *past = [sample, past[0]];
        }
        (sample * (0.55 - 0.45 * (seconds * 4.0 * TAU).cos())) as i16
    };
    (0..samples).map(value).collect()
}

#[test]
fn the_default_model_hears_a_vowel_soon_and_its_end() {
    let mut samples = room(16_000, 0, &[]);
    samples.extend(vowel(24_000));
    samples.extend(room(16_000, 0, &[]));
    let mut detector = VoiceDetector::new(EarshotVad.open(), VadConfig::default());
    let events = events(&mut detector, &samples, 320);
    let (onset, noticed) = events.first().and_then(|(event, at)| Some((started(event)?, *at))).expect("a start");
    assert!(onset.abs_diff(16_000) <= 30 * 16, "onset {onset}");
    assert!(noticed - onset <= 120 * 16, "noticed after {} ms", (noticed - onset) / 16);
    let end = events.last().and_then(|(event, _)| ended(event)).expect("an end");
    assert!(end.abs_diff(40_000) <= 100 * 16, "end {end}");
}

#[test]
fn the_default_model_takes_no_steady_noise_hum_or_tap_for_speech() {
    let hum = |at: usize| ((at as f32 / 16_000.0 * 50.0 * TAU).sin() * 3_000.0) as i16;
    let taps: Vec<_> = (1..5).map(|n| (n * 16_037, n * 16_037 + 10 * MS)).collect();
    for (name, samples) in [
        ("noise", room(80_000, 1_500, &[(0, 80_000)])),
        ("loud noise that sets in", room(80_000, 5_000, &[(16_000, 80_000)])),
        ("hum", (0..80_000).map(hum).collect()),
        ("taps", room(80_000, 12_000, &taps)),
        ("silence", vec![0; 80_000]),
    ] {
        let mut detector = VoiceDetector::new(EarshotVad.open(), VadConfig::default());
        assert_eq!(events(&mut detector, &samples, 320), [], "{name}");
    }
}

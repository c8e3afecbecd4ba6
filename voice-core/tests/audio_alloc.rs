//! The per-frame audio path allocates nothing once it is warm.
//!
//! A counting allocator sees every allocation, and counts each for the thread that makes it, so tests may run side by
//! side. What libopus asks of C's allocator is not seen; it works on the stack.

mod counting;

use counting::allocations_so_far;
use voice_core::audio::{
    EarshotVad, Frame, G711, Reframer, Resampler, VadConfig, VadSource, VoiceDetector, pcm16_from_le_bytes,
    pcm16_to_le_bytes,
};
use voice_core::units::SampleRate;

/// Frames before the count, and counted: two seconds and ten.
const WARM_UP: usize = 100;
const COUNTED: usize = 500;

/// How many allocations `work` makes over many frames, given each frame's number, after its warm-up.
fn allocations(mut work: impl FnMut(usize)) -> u64 {
    (0..WARM_UP).for_each(&mut work);
    let before = allocations_so_far();
    (WARM_UP..WARM_UP + COUNTED).for_each(&mut work);
    allocations_so_far() - before
}

/// 20 ms of a harmonic sound that comes and goes every half second, so that edges and the gate are passed too.
fn frame(number: usize, rate: SampleRate) -> Vec<i16> {
    let samples = rate.samples_in_ms(20) as usize;
    let value = |at: usize| {
        let seconds = (number * samples + at) as f32 / rate.hz() as f32;
        let pulse: f32 = (1..=15).map(|k| (seconds * 140.0 * k as f32 * std::f32::consts::TAU).cos()).sum();
        if (number / 25).is_multiple_of(2) { (pulse * 900.0) as i16 } else { 0 }
    };
    (0..samples).map(value).collect()
}

fn frames(rate: SampleRate) -> Vec<Vec<i16>> {
    (0..WARM_UP + COUNTED).map(|number| frame(number, rate)).collect()
}

#[test]
fn reframing_allocates_nothing() {
    let input = frames(SampleRate::Hz16000);
    let mut reframer = Reframer::new(SampleRate::Hz16000);
    let mut last: Option<Frame> = None;
    let counted = allocations(|number| {
        input[number].chunks(97).for_each(|chunk| reframer.push(chunk, |frame| last = Some(frame)));
    });
    assert_eq!((counted, last.is_some()), (0, true));
}

#[test]
fn resampling_allocates_nothing() {
    use SampleRate::{Hz8000, Hz16000, Hz24000, Hz48000};
    for (from, to) in [(Hz8000, Hz16000), (Hz16000, Hz48000), (Hz24000, Hz16000), (Hz48000, Hz8000)] {
        let input = frames(from);
        let mut resampler = Resampler::new(from, to).expect("a supported pair");
        let mut out = Vec::new();
        let counted = allocations(|number| {
            out.clear();
            resampler.push(&input[number], &mut out);
        });
        assert_eq!(counted, 0, "{from:?} to {to:?}");
        assert!(!out.is_empty());
    }
}

#[test]
fn g711_and_pcm_bytes_allocate_nothing() {
    let input = frames(SampleRate::Hz8000);
    let (mut bytes, mut samples) = (Vec::new(), Vec::new());
    let counted = allocations(|number| {
        for law in [G711::MuLaw, G711::ALaw] {
            bytes.clear();
            samples.clear();
            law.encode(&input[number], &mut bytes);
            law.decode(&bytes, &mut samples);
        }
        bytes.clear();
        samples.clear();
        pcm16_to_le_bytes(&input[number], &mut bytes);
        pcm16_from_le_bytes(&bytes, &mut samples).expect("an even length");
    });
    assert_eq!((counted, samples.len()), (0, 160));
}

#[test]
fn voice_detection_allocates_nothing() {
    let input = frames(SampleRate::Hz16000);
    let mut detector = VoiceDetector::new(EarshotVad.open(), VadConfig::default());
    let mut events = 0;
    let counted = allocations(|number| detector.push(&input[number], |_| events += 1));
    assert_eq!(counted, 0);
    assert!(events > 4, "{events} edges: the sound should have come and gone");
}

#[cfg(feature = "opus")]
#[test]
fn opus_allocates_nothing() {
    use voice_core::audio::{OpusConfig, OpusDecoder, OpusEncoder};
    let input = frames(SampleRate::Hz48000);
    let mut encoder = OpusEncoder::new(SampleRate::Hz48000, &OpusConfig::default()).expect("the default");
    let mut decoder = OpusDecoder::new(SampleRate::Hz48000).expect("a decoder");
    let (mut packet, mut samples) = (Vec::new(), Vec::new());
    let counted = allocations(|number| {
        packet.clear();
        samples.clear();
        encoder.encode(&input[number], &mut packet).expect("a whole frame");
        match number % 10 {
            7 => decoder.conceal(&mut samples).expect("concealment"),
            8 => {
                decoder.recover(&packet, &mut samples).expect("the packet after a lost one");
                decoder.decode(&packet, &mut samples).expect("its own packet");
            }
            _ => decoder.decode(&packet, &mut samples).expect("its own packet"),
        }
    });
    assert_eq!(counted, 0);
    assert!(samples.len() >= 960);
}

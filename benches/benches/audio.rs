//! What the audio path costs: each codec, resampler pair and the VAD, per frame of 20 ms and as a share of it.
//!
//! The share says how much of a core one direction of one call takes: 1 % is a hundred of them on a core.

use criterion::Criterion;
use std::error::Error;
use std::hint::black_box;
use voice_core::audio::{
    EarshotVad, Frame, G711, OpusConfig, OpusDecoder, OpusEncoder, Reframer, Resampler, VadConfig, VadSource,
    VoiceDetector, pcm16_from_le_bytes, pcm16_to_le_bytes,
};
use voice_core::units::SampleRate;

/// Frames in a round: one second, speech-like for its first half.
const FRAMES: usize = 50;
/// Rounds before and within the measurement of a share.
const WARM_UP_ROUNDS: usize = 2;
const ROUNDS: usize = 10;

const RATES: [SampleRate; 4] = [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000];

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    bench_bytes_and_frames(&mut criterion);
    bench_resampler(&mut criterion)?;
    bench_opus(&mut criterion)?;
    bench_vad(&mut criterion);
    criterion.final_summary();
    Ok(())
}

/// Runs `work` on one frame after the other; prints its share of 20 ms, then lets criterion measure it.
fn bench_frames(criterion: &mut Criterion, name: &str, input: &[Vec<i16>], mut work: impl FnMut(&[i16])) {
    let mut round = || input.iter().for_each(|frame| work(black_box(frame)));
    (0..WARM_UP_ROUNDS).for_each(|_| round());
    let micros = micros_of(|| (0..ROUNDS).for_each(|_| round())) / (ROUNDS * input.len()) as f64;
    println!("audio/{name}: {micros:.2} µs per 20 ms, {:.3} % of it", micros / 200.0);
    let mut frames = input.iter().cycle();
    criterion.bench_function(&format!("audio/{name}"), |bencher| {
        bencher.iter(|| frames.next().map(|frame| work(black_box(frame))));
    });
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn micros_of(work: impl FnOnce()) -> f64 {
    let start = std::time::Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e6
}

fn input(rate: SampleRate) -> Vec<Vec<i16>> {
    let samples = rate.samples_in_ms(20) as usize;
    let value = |at: usize| {
        let seconds = at as f32 / rate.hz() as f32;
        let harmonics: f32 = (1..=15).map(|k| (seconds * 140.0 * k as f32 * std::f32::consts::TAU).cos()).sum();
        let syllable = 0.5 - 0.5 * (seconds * 4.0 * std::f32::consts::TAU).cos();
        let loudness = if at < FRAMES / 2 * samples { 1_500.0 } else { 20.0 };
        (harmonics * syllable * loudness) as i16
    };
    (0..FRAMES).map(|frame| (frame * samples..(frame + 1) * samples).map(value).collect()).collect()
}

fn bench_bytes_and_frames(criterion: &mut Criterion) {
    let telephone = input(SampleRate::Hz8000);
    let (mut bytes, mut samples) = (Vec::new(), Vec::new());
    for (name, law) in [("mu_law", G711::MuLaw), ("a_law", G711::ALaw)] {
        bench_frames(criterion, &format!("{name}_both_ways"), &telephone, |frame| {
            bytes.clear();
            samples.clear();
            law.encode(frame, &mut bytes);
            law.decode(&bytes, &mut samples);
        });
    }
    let wide = input(SampleRate::Hz16000);
    bench_frames(criterion, "pcm16_bytes_both_ways", &wide, |frame| {
        bytes.clear();
        samples.clear();
        pcm16_to_le_bytes(frame, &mut bytes);
        let _whole_samples = black_box(pcm16_from_le_bytes(&bytes, &mut samples));
    });
    let mut reframer = Reframer::new(SampleRate::Hz16000);
    let mut last: Option<Frame> = None;
    bench_frames(criterion, "reframe_odd_chunks", &wide, |frame| {
        frame.chunks(97).for_each(|chunk| reframer.push(chunk, |frame| last = Some(frame)));
        black_box(&last);
    });
}

fn bench_resampler(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let mut out = Vec::new();
    for from in RATES {
        let frames = input(from);
        for to in RATES.into_iter().filter(|to| *to != from) {
            let mut resampler = Resampler::new(from, to)?;
            let name = format!("resample_{}_to_{}_khz", from.hz() / 1_000, to.hz() / 1_000);
            bench_frames(criterion, &name, &frames, |frame| {
                out.clear();
                resampler.push(frame, &mut out);
            });
        }
    }
    Ok(())
}

fn bench_opus(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    for rate in [SampleRate::Hz16000, SampleRate::Hz48000] {
        let frames = input(rate);
        let khz = rate.hz() / 1_000;
        let mut encoder = OpusEncoder::new(rate, &OpusConfig::default())?;
        let mut packet = Vec::new();
        bench_frames(criterion, &format!("opus_encode_{khz}_khz"), &frames, |frame| {
            packet.clear();
            let _whole_frame = black_box(encoder.encode(frame, &mut packet));
        });
        let packets = encode_all(rate, &frames)?;
        let (mut decoder, mut samples, mut next) = (OpusDecoder::new(rate)?, Vec::new(), packets.iter().cycle());
        bench_frames(criterion, &format!("opus_decode_{khz}_khz"), &frames, |_| {
            samples.clear();
            let _own_packet = black_box(next.next().map(|packet| decoder.decode(packet, &mut samples)));
        });
    }
    Ok(())
}

fn encode_all(rate: SampleRate, frames: &[Vec<i16>]) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut encoder = OpusEncoder::new(rate, &OpusConfig::default())?;
    let mut packets = Vec::new();
    for frame in frames {
        let mut packet = Vec::new();
        encoder.encode(frame, &mut packet)?;
        packets.push(packet);
    }
    Ok(packets)
}

fn bench_vad(criterion: &mut Criterion) {
    let silence = vec![vec![0; 320]; FRAMES];
    for (name, frames) in [("sound", input(SampleRate::Hz16000)), ("silence", silence)] {
        let mut detector = VoiceDetector::new(EarshotVad.open(), VadConfig::default());
        let mut edges = Vec::new();
        bench_frames(criterion, &format!("vad_earshot_{name}"), &frames, |frame| {
            detector.push(frame, |event| edges.push(event));
            edges.clear();
        });
    }
}

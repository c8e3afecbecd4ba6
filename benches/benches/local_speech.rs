//! What local speech costs: VAD, STT and TTS per second of audio, the voice's first audio, and how long a final
//! transcript takes once it is asked for.
//!
//! Needs `make models`; without it this says so and measures nothing. The speech is the voice's own; with
//! `VOICE_SPEECH_DIR` set to a folder of WAV files (16 kHz mono PCM16) and a `transcripts.tsv` (file, seconds, text;
//! one heading line) the word error rate on them is printed too.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock, and paces a caller in real time")]
#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

use criterion::{BenchmarkId, Criterion, Throughput};
use futures::StreamExt;
use hdrhistogram::Histogram;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use voice_benches::{word_errors, words};
use voice_core::audio::{EarshotVad, VadSource};
use voice_core::provider::local::{LocalModels, Moonshine, PicoConfig, PicoTts, SileroVad, Workers, WorkersConfig};
use voice_core::stage::{Stt, SttEvent, SttSession, Tts, TtsEvent, TtsReply};
use voice_core::units::{Position, ReplyId};

const HZ: usize = 16_000;
const FRAME: usize = 320;
/// From the end of speech to the request for the final: a VAD's hangover.
const HANGOVER_MS: u64 = 240;
/// Real-time runs for each length.
const RUNS: usize = 10;
const TEXT: &str = "I would like to make an appointment for tomorrow morning, because my car makes a strange noise \
                    whenever I drive up the hill behind the old station.";

struct Engines {
    runtime: Runtime,
    silero: SileroVad,
    moonshine: Moonshine,
    pico: PicoTts,
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.models"));
    let models = LocalModels::find(std::env::var_os("VOICE_MODELS_DIR").map_or_else(root, PathBuf::from));
    let missing = models.missing();
    if !missing.is_empty() {
        missing.iter().for_each(|sentence| println!("local_speech: {sentence}"));
        return Ok(());
    }
    let workers = Workers::start(WorkersConfig::default())?;
    let engines = Engines {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        silero: SileroVad::load(&models)?,
        moonshine: Moonshine::load(&models, &workers)?,
        pico: PicoTts::start(&models, PicoConfig::default())?,
    };
    let speech = engines.runtime.block_on(spoken(&engines.pico, TEXT));
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    bench_vad(&mut criterion, &engines, &speech);
    bench_tts(&mut criterion, &engines);
    bench_stt(&mut criterion, &engines, &speech);
    criterion.final_summary();
    // `cargo test --benches` asks only whether it runs.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    print_finals_in_real_time(&engines, &speech);
    match std::env::var_os("VOICE_SPEECH_DIR") {
        Some(folder) => print_word_errors(&engines, Path::new(&folder))?,
        None => println!("word error rate: not measured, VOICE_SPEECH_DIR is not set"),
    }
    Ok(())
}

/// One second of audio.
fn bench_vad(criterion: &mut Criterion, engines: &Engines, speech: &[i16]) {
    let mut group = criterion.benchmark_group("vad, per second of audio");
    let second = first_seconds(speech, 1);
    let sources: [(&str, &dyn VadSource); 2] = [("earshot", &EarshotVad), ("silero", &engines.silero)];
    for (name, source) in sources {
        let mut model = source.open();
        let window = model.window_samples();
        group.bench_function(name, |bencher| {
            bencher.iter(|| second.chunks_exact(window).map(|window| model.probability(window)).sum::<f32>());
        });
    }
    group.finish();
}

fn bench_tts(criterion: &mut Criterion, engines: &Engines) {
    let mut group = criterion.benchmark_group("tts");
    let samples = engines.runtime.block_on(spoken(&engines.pico, TEXT)).len();
    // Elements are milliseconds of audio: thousands of elements a second are the times real time.
    group.throughput(Throughput::Elements(samples as u64 * 1_000 / HZ as u64));
    group.bench_function("pico, a sentence (elements: ms of audio)", |bencher| {
        bencher.to_async(&engines.runtime).iter(|| spoken(&engines.pico, TEXT));
    });
    group.finish();
    criterion.bench_function("tts/pico, first audio", |bencher| {
        bencher.to_async(&engines.runtime).iter(async || {
            let mut reply = say(&engines.pico, TEXT).await;
            reply.events.next().await
        });
    });
}

/// Speech that was not heard before the final is asked for: the whole decoding is in it.
fn bench_stt(criterion: &mut Criterion, engines: &Engines, speech: &[i16]) {
    let mut group = criterion.benchmark_group("stt, decode all at the final");
    group.sample_size(10);
    for seconds in [1, 2, 4] {
        let samples = first_seconds(speech, seconds);
        group.throughput(Throughput::Elements(seconds as u64));
        group.bench_function(BenchmarkId::new("moonshine (elements: s of audio)", seconds), |bencher| {
            bencher.to_async(&engines.runtime).iter(async || {
                let mut session = engines.moonshine.open().await.expect("it opens");
                session.feed.speech_started(Position(0));
                session.feed.push(samples, Position(0)).expect("it takes audio");
                let text = final_text(&mut session, samples.len() as u64).await;
                assert!(!text.is_empty(), "nothing was heard, so nothing was measured");
            });
        });
    }
    group.finish();
}

/// As in a call: audio comes in real time, the final is asked for when the VAD's hangover is over.
fn print_finals_in_real_time(engines: &Engines, speech: &[i16]) {
    println!("\nfinal asked for → final, a caller in real time, {HANGOVER_MS} ms after the end of speech, {RUNS} runs");
    for seconds in [1, 2, 4] {
        let samples = first_seconds(speech, seconds);
        let mut delays = Histogram::<u64>::new(3).expect("a histogram");
        for _ in 0..RUNS {
            let delay = engines.runtime.block_on(final_in_real_time(&engines.moonshine, samples));
            delays.saturating_record(delay.as_micros() as u64);
        }
        let ms = |micros: u64| micros as f64 / 1_000.0;
        let (p50, p90) = (delays.value_at_quantile(0.5), delays.value_at_quantile(0.9));
        println!(
            "  {seconds} s of speech: p50 {:.2} ms, p90 {:.2} ms, max {:.2} ms",
            ms(p50),
            ms(p90),
            ms(delays.max())
        );
    }
}

async fn final_in_real_time(moonshine: &Moonshine, speech: &[i16]) -> Duration {
    let mut session = moonshine.open().await.expect("it opens");
    let silence = vec![0; HANGOVER_MS as usize * HZ / 1_000];
    let (mut position, mut clock) = (0, tokio::time::interval(Duration::from_millis(20)));
    for frame in speech.chunks(FRAME).chain(silence.chunks(FRAME)) {
        clock.tick().await;
        session.feed.push(frame, Position(position)).expect("it takes audio");
        if position == 0 {
            session.feed.speech_started(Position(0));
        }
        position += frame.len() as u64;
    }
    let asked = Instant::now();
    let text = final_text(&mut session, speech.len() as u64).await;
    let delay = asked.elapsed();
    assert!(!text.is_empty(), "nothing was heard, so nothing was measured");
    delay
}

fn print_word_errors(engines: &Engines, folder: &Path) -> Result<(), Box<dyn Error>> {
    let list = std::fs::read_to_string(folder.join("transcripts.tsv"))?;
    let (mut wrong, mut all, mut samples, mut busy) = (0, 0, 0, Duration::ZERO);
    for line in list.lines().skip(1) {
        let [file, _, said] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { continue };
        let speech: Vec<i16> = hound::WavReader::open(folder.join(file))?.into_samples().collect::<Result<_, _>>()?;
        let started = Instant::now();
        let heard = engines.runtime.block_on(heard(&engines.moonshine, &speech));
        busy += started.elapsed();
        let errors = word_errors(&words(said), &words(&heard));
        if errors > 0 {
            println!("  {file}: {errors} wrong: {said:?} was heard as {heard:?}");
        }
        (wrong, all, samples) = (wrong + errors, all + words(said).len(), samples + speech.len());
    }
    let seconds = samples as f64 / HZ as f64;
    let (rate, factor) = (100.0 * wrong as f64 / f64::from(all as u32).max(1.0), busy.as_secs_f64() / seconds);
    println!("word error rate: {rate:.1} % ({wrong} of {all} words, {seconds:.0} s), real-time factor {factor:.3}");
    Ok(())
}

async fn heard(moonshine: &Moonshine, speech: &[i16]) -> String {
    let mut session = moonshine.open().await.expect("it opens");
    session.feed.speech_started(Position(0));
    session.feed.push(speech, Position(0)).expect("it takes audio");
    final_text(&mut session, speech.len() as u64).await
}

async fn final_text(session: &mut SttSession, end: u64) -> String {
    session.feed.finalize(Position(end));
    while let Some(event) = session.events.next().await {
        if let SttEvent::Final { text, .. } = event.expect("it is heard") {
            return text;
        }
    }
    unreachable!("the stream ends with its feed")
}

async fn say(pico: &PicoTts, text: &str) -> TtsReply {
    let mut session = pico.open().await.expect("it opens");
    let mut reply = session.begin(ReplyId(1)).expect("it begins");
    reply.feed.speak(text).expect("it takes a clause");
    reply.feed.finish();
    reply
}

async fn spoken(pico: &PicoTts, text: &str) -> Vec<i16> {
    let mut reply = say(pico, text).await;
    let mut samples = Vec::new();
    while let Some(event) = reply.events.next().await {
        if let TtsEvent::Audio(bytes) = event.expect("it speaks") {
            samples.extend(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        }
    }
    samples
}

fn first_seconds(speech: &[i16], seconds: usize) -> &[i16] {
    speech.get(..seconds * HZ).unwrap_or(speech)
}

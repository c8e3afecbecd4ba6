//! A caller's voice and cough, for tests with the local models.
#![allow(dead_code, reason = "each test binary uses a part")]

use futures::StreamExt;
use std::path::{Path, PathBuf};
use voice_core::provider::local::{LocalModels, PicoConfig, PicoLanguage, PicoTts};
use voice_core::stage::{Tts, TtsEvent};
use voice_core::units::{ReplyId, SampleRate};

/// Of all that is here.
pub(crate) const RATE: SampleRate = SampleRate::Hz16000;

pub(crate) fn models_folder() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.models"));
    std::env::var_os("VOICE_MODELS_DIR").map_or_else(default, PathBuf::from)
}

/// `text` in a British voice, which is not the agent's.
pub(crate) async fn spoken(text: &str) -> Vec<i16> {
    let models = LocalModels::find(models_folder());
    let config = PicoConfig { language: PicoLanguage::EnGb, ..PicoConfig::default() };
    let mut session = PicoTts::start(&models, config).expect("the voice").open().await.expect("a session");
    let mut reply = session.begin(ReplyId(1)).expect("a reply");
    reply.feed.speak(text).expect("room for a clause");
    reply.feed.finish();
    let mut samples = Vec::new();
    while let Some(event) = reply.events.next().await {
        if let TtsEvent::Audio(pcm) = event.expect("speech") {
            samples.extend(pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        }
    }
    samples
}

/// A quarter of a second of noise with some voice in it, falling off as a cough does.
pub(crate) fn cough() -> Vec<i16> {
    let mut noise = 7_u32;
    (0..4_160)
        .map(|n| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let seconds = f64::from(n) / f64::from(RATE.hz());
            let hiss = f64::from(noise >> 16) / 32_768.0 - 1.0;
            let voice: f64 =
                (1..12).map(|k| (std::f64::consts::TAU * 180.0 * f64::from(k) * seconds).sin() / f64::from(k)).sum();
            let envelope = (1.0 - (-seconds / 0.008).exp()) * (-seconds / 0.09).exp();
            (envelope * (0.5 * hiss + 0.4 * voice) * 14_000.0) as i16
        })
        .collect()
}

/// A file of one channel.
pub(crate) fn write(folder: &Path, name: &str, samples: &[i16]) -> PathBuf {
    let path = folder.join(name);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE.hz(),
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    path
}

/// One track on which each sound begins at its millisecond; between them there is silence.
pub(crate) fn track(sounds: &[(u64, &[i16])]) -> Vec<i16> {
    let mut track = Vec::new();
    for (begins_ms, samples) in sounds {
        let begins = (begins_ms * u64::from(RATE.hz()) / 1_000) as usize;
        assert!(begins >= track.len(), "two sounds at {begins_ms} ms");
        track.resize(begins, 0);
        track.extend_from_slice(samples);
    }
    track
}

//! The VAD: speech from silence and noise, state of its own for every call.

use crate::models;
use crate::pico::spoken;
use voice_core::audio::{SpeechModel, VadSource};
use voice_core::provider::local::{LocalModels, SileroVad};

fn probabilities(model: &mut dyn SpeechModel, samples: &[i16]) -> Vec<f32> {
    samples.chunks_exact(model.window_samples()).map(|window| model.probability(window)).collect()
}

fn share_over_half(probabilities: &[f32]) -> f32 {
    probabilities.iter().filter(|p| **p > 0.5).count() as f32 / probabilities.len() as f32
}

/// Noise about 10 dB below the voice.
fn noise(samples: usize) -> Vec<i16> {
    let mut seed = 7_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 20) as i16 - 2_048
    };
    (0..samples).map(|_| next()).collect()
}

#[tokio::test]
async fn speech_is_likely_and_silence_and_noise_are_not() {
    let mut model = SileroVad::load(&models()).unwrap().open();
    assert_eq!(model.window_samples(), 512);
    let speech = spoken("This is a longer sentence without any pause in it at all.").await;
    let heard = share_over_half(&probabilities(&mut *model, &speech));
    assert!(heard > 0.75, "{heard}");
    model.reset();
    for quiet in [vec![0; 32_000], noise(32_000)] {
        let heard = share_over_half(&probabilities(&mut *model, &quiet));
        assert!(heard < 0.1, "{heard}");
    }
}

#[tokio::test]
async fn calls_side_by_side_and_after_a_reset_judge_alike() {
    let source = SileroVad::load(&models()).unwrap();
    let (one, two) = (spoken("The first caller says this.").await, spoken("Somebody else says another thing.").await);
    let alone = [probabilities(&mut *source.open(), &one), probabilities(&mut *source.open(), &two)];
    let (mut first, mut second) = (source.open(), source.open());
    let (mut interleaved, length) = ([Vec::new(), Vec::new()], one.len().min(two.len()));
    for (a, b) in one[..length].chunks_exact(512).zip(two[..length].chunks_exact(512)) {
        interleaved[0].push(first.probability(a));
        interleaved[1].push(second.probability(b));
    }
    let windows = interleaved[0].len();
    assert_eq!([&alone[0][..windows], &alone[1][..windows]], [&interleaved[0][..], &interleaved[1][..]]);
    first.reset();
    assert_eq!(probabilities(&mut *first, &two), alone[1]);
}

#[tokio::test]
async fn calls_on_many_threads_share_the_sessions() {
    let source = SileroVad::load(&models()).unwrap();
    let speech = spoken("Many callers speak at once.").await;
    let alone = probabilities(&mut *source.open(), &speech);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(probabilities(&mut *source.open(), &speech), alone));
        }
    });
}

#[test]
fn a_window_of_another_length_is_no_speech() {
    assert_eq!(SileroVad::load(&models()).unwrap().open().probability(&[1_000; 100]), 0.0);
}

#[test]
fn a_damaged_model_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(models().dir().join("libonnxruntime.so"), dir.path().join("libonnxruntime.so")).unwrap();
    std::fs::write(dir.path().join("silero_vad.onnx"), b"not a model").unwrap();
    let error = SileroVad::load(&LocalModels::find(dir.path())).err().unwrap();
    assert!(error.to_string().starts_with("Silero cannot be loaded: "), "{error}");
}

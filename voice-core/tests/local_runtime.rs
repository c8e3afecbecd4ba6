//! A library that is no ONNX Runtime is an error, and nothing else happens. A process of its own: the library that is
//! loaded first serves the whole process.
#![cfg(feature = "local")]

use voice_core::provider::local::{LocalModels, Moonshine, SileroVad, Workers, WorkersConfig};

#[test]
fn a_damaged_library_is_a_sentence_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("moonshine-tiny-en")).unwrap();
    for name in [
        "libonnxruntime.so",
        "silero_vad.onnx",
        "moonshine-tiny-en/encoder_model.ort",
        "moonshine-tiny-en/decoder_model_merged.ort",
        "moonshine-tiny-en/tokenizer.bin",
    ] {
        std::fs::write(dir.path().join(name), b"").unwrap();
    }
    let models = LocalModels::find(dir.path());
    assert_eq!(models.missing().len(), 1, "only the voice is missing");
    let workers = Workers::start(WorkersConfig { threads: 1, ..WorkersConfig::default() }).unwrap();
    let start = format!("ONNX Runtime cannot be loaded from {}/libonnxruntime.so: ", dir.path().display());
    for error in
        [SileroVad::load(&models).err(), Moonshine::load(&models, &workers).err(), SileroVad::load(&models).err()]
    {
        assert!(error.as_ref().is_some_and(|error| error.to_string().starts_with(&start)), "{error:?}");
    }
}

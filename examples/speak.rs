//! A stage by itself: the local voice speaks a text into a WAV file, which can then be the caller of a dummy call.
//!
//! `cargo run --release --example speak -- hello.wav "Hello, I would like an appointment."`, after `make models`.

use futures::StreamExt;
use std::error::Error;
use voice_core::provider::local::{LocalModels, PicoConfig, PicoLanguage, PicoTts};
use voice_core::stage::{Tts, TtsEvent};
use voice_core::units::ReplyId;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(text)) = (arguments.next(), arguments.next()) else {
        return Err("give a file and a text: speak hello.wav \"Hello there.\"".into());
    };
    let models = std::env::var("VOICE_MODELS_DIR").unwrap_or_else(|_unset| ".models".to_owned());
    // British, so that it can be told from the agent's own voice.
    let config = PicoConfig { language: PicoLanguage::EnGb, ..PicoConfig::default() };
    let mut session = PicoTts::start(&LocalModels::find(models), config)?.open().await?;
    let sample_rate = session.sample_rate().hz();
    let mut reply = session.begin(ReplyId(1))?;
    reply.feed.speak(&text)?;
    reply.feed.finish();
    let spec =
        hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(&file, spec)?;
    while let Some(event) = reply.events.next().await {
        if let TtsEvent::Audio(pcm) = event? {
            for sample in pcm.chunks_exact(2) {
                wav.write_sample(i16::from_le_bytes([sample[0], sample[1]]))?;
            }
        }
    }
    wav.finalize()?;
    println!("{file}: {text}");
    Ok(())
}

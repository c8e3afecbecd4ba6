//! The request, checked as the vendor does, and the header of a WAV of unknown length.

use serde_json::Value;

/// The rate of `pcm` and of the WAV.
pub(super) const SPEECH_HZ: u32 = 24_000;
/// What streaming servers write where a length belongs.
const UNKNOWN_LENGTH: u32 = u32::MAX;

/// A request that can be answered.
#[derive(Debug, PartialEq)]
pub(super) struct SpeechRequest {
    pub(super) input: String,
    pub(super) container: Container,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Container {
    Pcm,
    Wav,
}

impl Container {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Pcm => "audio/pcm",
            Self::Wav => "audio/wav",
        }
    }

    /// What comes before the samples.
    pub(super) fn header(self) -> Vec<u8> {
        match self {
            Self::Pcm => Vec::new(),
            Self::Wav => wav_header(),
        }
    }
}

/// Reads and checks a request; else the status and a sentence.
pub(super) fn parse(body: &[u8], most_characters: usize) -> Result<SpeechRequest, (u16, String)> {
    let body: Value = serde_json::from_slice(body).map_err(|error| (400, format!("invalid JSON: {error}")))?;
    let text = |name: &str| body[name].as_str().ok_or_else(|| (400, format!("'{name}' is required")));
    let input = text("input")?;
    text("model")?;
    if !body["voice"].is_string() && !body["voice"]["id"].is_string() {
        return Err((400, "'voice' must be a name or an id".into()));
    }
    if input.chars().count() > most_characters {
        return Err((413, format!("'input' has more than {most_characters} characters")));
    }
    if body["speed"].as_f64().is_some_and(|speed| !(0.25..=4.0).contains(&speed)) {
        return Err((400, "'speed' must be from 0.25 to 4".into()));
    }
    let container = match body["response_format"].as_str() {
        Some("pcm") => Container::Pcm,
        Some("wav") => Container::Wav,
        other => return Err((400, format!("this server speaks pcm and wav, not {}", other.unwrap_or("mp3")))),
    };
    Ok(SpeechRequest { input: input.into(), container })
}

fn wav_header() -> Vec<u8> {
    let mut header = Vec::with_capacity(44);
    header.extend(b"RIFF");
    header.extend(UNKNOWN_LENGTH.to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16u32.to_le_bytes());
    // PCM, one channel.
    header.extend([1, 0, 1, 0]);
    header.extend(SPEECH_HZ.to_le_bytes());
    header.extend((SPEECH_HZ * 2).to_le_bytes());
    header.extend([2, 0, 16, 0]);
    header.extend(b"data");
    header.extend(UNKNOWN_LENGTH.to_le_bytes());
    header
}

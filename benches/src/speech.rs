//! Recorded speech to measure with, and where speech begins and ends in it.
//!
//! Invariant: labels come from the energy of the clean recording alone; disturbances are added afterwards.

use crate::noise::{Random, power};
use std::error::Error;
use std::path::{Path, PathBuf};
use voice_core::audio::Resampler;
use voice_core::units::SampleRate;

/// Samples per label frame at 16 kHz: 5 ms.
const LABEL_SAMPLES: usize = 80;
/// A label frame is speech if it is at most this far below the loud parts of its file.
const LABEL_RANGE_DB: f32 = 30.0;
/// Pauses shorter than this do not divide speech: 300 ms; a detector may well report them.
const MIN_PAUSE_FRAMES: usize = 60;
/// Sounds shorter than this are not labelled as speech: 100 ms.
const MIN_SPEECH_FRAMES: usize = 20;

/// The recordings in the folder that `VOICE_SPEECH_DIR` names, as 16 kHz samples; none, after a word of explanation,
/// if it is not set.
///
/// # Errors
/// If the folder cannot be read, or a WAV file in it is not mono PCM16 of 8 or 16 kHz.
pub fn recordings(bench: &str) -> Result<Option<Vec<Vec<i16>>>, Box<dyn Error>> {
    let Some(folder) = std::env::var_os("VOICE_SPEECH_DIR").map(PathBuf::from) else {
        println!("{bench}: there is no speech to measure with, so nothing is measured.");
        println!("Let VOICE_SPEECH_DIR name a folder of recorded sentences: WAV files of 8 or 16 kHz, mono, PCM16.");
        println!("Debian's package asterisk-core-sounds-en-wav has some: /usr/share/asterisk/sounds/en.");
        return Ok(None);
    };
    let mut paths = std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wav"));
    paths.sort();
    if paths.is_empty() {
        return Err(format!("{} holds no WAV file", folder.display()).into());
    }
    paths.iter().map(|path| read_wav(path)).collect::<Result<_, _>>().map(Some)
}

fn read_wav(path: &Path) -> Result<Vec<i16>, Box<dyn Error>> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let samples = reader.samples::<i16>().collect::<Result<Vec<_>, _>>()?;
    match (spec.channels, spec.bits_per_sample, spec.sample_rate) {
        (1, 16, 16_000) => Ok(samples),
        (1, 16, 8_000) => resampled(&samples, SampleRate::Hz8000, SampleRate::Hz16000),
        _ => Err(format!("{}: convert it to mono PCM16 of 8 or 16 kHz first", path.display()).into()),
    }
}

/// `samples` at another rate.
///
/// # Errors
/// If there is no resampler between the two.
pub fn resampled(samples: &[i16], from: SampleRate, to: SampleRate) -> Result<Vec<i16>, Box<dyn Error>> {
    let mut converted = Vec::new();
    let mut resampler = Resampler::new(from, to)?;
    resampler.push(samples, &mut converted);
    resampler.flush(&mut converted);
    Ok(converted)
}

/// `clean` in a quiet room of about -75 dBFS: `before` samples of it, the recording, a second of it.
pub fn in_a_room(clean: &[i16], before: usize, random: &mut Random) -> Vec<i16> {
    let mut padded = vec![0; before];
    padded.extend_from_slice(clean);
    padded.extend(std::iter::repeat_n(0, 16_000));
    padded.iter_mut().for_each(|sample| *sample = sample.saturating_add((random.gaussian() * 6.0) as i16));
    padded
}

/// The power that nine label frames in ten stay below: how loud the loud parts are.
pub fn speech_power(samples: &[i16]) -> f32 {
    let mut powers: Vec<f32> = samples.chunks(LABEL_SAMPLES).map(power).collect();
    powers.sort_by(f32::total_cmp);
    powers.get(powers.len() * 9 / 10).copied().unwrap_or(0.0)
}

/// The stretches of speech in `clean`, as (first sample, sample after the last).
pub fn label(clean: &[i16]) -> Vec<(usize, usize)> {
    let threshold = speech_power(clean) * 10_f32.powf(-LABEL_RANGE_DB / 10.0);
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (frame, samples) in clean.chunks(LABEL_SAMPLES).enumerate() {
        if power(samples) < threshold {
            continue;
        }
        match stretches.last_mut() {
            Some((_, end)) if frame < *end + MIN_PAUSE_FRAMES => *end = frame + 1,
            _ => stretches.push((frame, frame + 1)),
        }
    }
    stretches.retain(|(start, end)| end - start >= MIN_SPEECH_FRAMES);
    stretches.iter().map(|(start, end)| (start * LABEL_SAMPLES, end * LABEL_SAMPLES)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_labelled_where_it_is_and_a_click_is_not() {
        let mut samples = vec![0; 32_000];
        samples.iter_mut().skip(8_000).take(8_000).step_by(2).for_each(|sample| *sample = 5_000);
        samples.iter_mut().skip(28_000).take(160).for_each(|sample| *sample = 5_000);
        assert_eq!(label(&samples), [(8_000, 16_000)]);
    }

    #[test]
    fn a_short_pause_divides_nothing_and_a_long_one_does() {
        let mut samples = vec![4_000; 48_000];
        samples.iter_mut().skip(10_400).take(1_600).for_each(|sample| *sample = 0);
        samples.iter_mut().skip(24_000).take(8_000).for_each(|sample| *sample = 0);
        assert_eq!(label(&samples), [(0, 24_000), (32_000, 48_000)]);
    }
}

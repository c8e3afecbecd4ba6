//! WAV files in: any that can be made audio of the line, checked before a call is placed.
//!
//! Invariant: reads no more than the limit and says what is wrong with a file in a sentence that names it.

use super::any_rate;
use hound::{SampleFormat, WavReader, WavSpec};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use voice_core::audio::{ResampleError, Resampler};
use voice_core::units::SampleRate;

/// A file that cannot be said.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct WavError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub why: WavFault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WavFault {
    /// There is no such file.
    #[error("there is no such file; give the path of a WAV file")]
    Missing,
    /// It is a folder.
    #[error("this is a folder; give the path of a WAV file in it")]
    Folder,
    /// It cannot be read.
    #[error("cannot be read ({0}); check its permissions")]
    Unreadable(io::Error),
    /// It has no byte or no sample.
    #[error("holds no audio; record it again")]
    Empty,
    /// It is something else than a WAV.
    #[error("this is no WAV file ({0}); convert it, for example with: ffmpeg -i IN -ar 16000 -ac 1 OUT.wav")]
    NotWav(String),
    /// A WAV of a kind that is not read here.
    #[error(
        "this kind of WAV is not read here ({0}); convert it to 16-bit PCM, for example with: ffmpeg -i IN -c:a pcm_s16le OUT.wav"
    )]
    Unsupported(String),
    /// A rate that is not converted here.
    #[error(
        "{hz} Hz is not converted here, only {} to {}; convert it, for example with: ffmpeg -i IN -ar 16000 OUT.wav",
        any_rate::RATES.start(), any_rate::RATES.end()
    )]
    Rate {
        /// Its rate.
        hz: u32,
    },
    /// It ends before its header says it does.
    #[error(
        "is cut off: its header promises {promised_ms} ms of audio and there are {found_ms}; copy or record it again"
    )]
    Truncated {
        /// What the header says.
        promised_ms: u64,
        /// What is there.
        found_ms: u64,
    },
    /// It is longer than the limit.
    #[error("lasts {seconds} s and at most {limit_s} s are played; cut it, or raise --max-file-s")]
    TooLong {
        /// How long it is.
        seconds: u64,
        /// The limit.
        limit_s: u64,
    },
    /// The resampler could not be set up.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// The same, for a rate that is none of the line's.
    #[error("{hz} Hz could not be converted ({why}); convert it, for example with: ffmpeg -i IN -ar 16000 OUT.wav")]
    Converter {
        /// Its rate.
        hz: u32,
        /// What went wrong.
        why: String,
    },
}

/// Reads a WAV file as mono audio at `rate`.
///
/// 8, 16, 24 and 32-bit integer and 32-bit float samples; any number of channels, which are averaged.
///
/// # Errors
/// [`WavError`] names the file and says what to do.
pub(super) fn read(path: &Path, rate: SampleRate, limit: Duration) -> Result<Vec<i16>, WavError> {
    read_faulty(path, rate, limit).map_err(|why| WavError { path: path.to_owned(), why })
}

fn read_faulty(path: &Path, rate: SampleRate, limit: Duration) -> Result<Vec<i16>, WavFault> {
    let mut reader = WavReader::new(open(path)?).map_err(of_header)?;
    let spec = reader.spec();
    let hz = spec.sample_rate;
    if !any_rate::RATES.contains(&hz) {
        return Err(WavFault::Rate { hz });
    }
    let ms = |samples: u64| samples.saturating_mul(1_000) / u64::from(hz);
    let frames = u64::from(reader.duration());
    check_length(frames, Duration::from_millis(ms(frames)), limit)?;
    let mono = mixed_down(&mut reader, spec)?;
    if (mono.len() as u64) < frames {
        return Err(WavFault::Truncated { promised_ms: ms(frames), found_ms: ms(mono.len() as u64) });
    }
    converted(mono, hz, rate)
}

fn open(path: &Path) -> Result<BufReader<File>, WavFault> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => WavFault::Missing,
        _ => WavFault::Unreadable(error),
    };
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if meta.is_dir() {
        return Err(WavFault::Folder);
    }
    if meta.is_file() && meta.len() == 0 {
        return Err(WavFault::Empty);
    }
    File::open(path).map(BufReader::new).map_err(unreadable)
}

fn of_header(error: hound::Error) -> WavFault {
    match error {
        hound::Error::FormatError(what) => WavFault::NotWav(what.to_owned()),
        hound::Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            WavFault::NotWav("it ends within its header".to_owned())
        }
        hound::Error::IoError(error) if error.kind() == io::ErrorKind::Other => WavFault::NotWav(error.to_string()),
        hound::Error::IoError(error) => WavFault::Unreadable(error),
        other => WavFault::Unsupported(other.to_string()),
    }
}

fn check_length(frames: u64, length: Duration, limit: Duration) -> Result<(), WavFault> {
    if frames == 0 {
        return Err(WavFault::Empty);
    }
    if length > limit {
        return Err(WavFault::TooLong { seconds: length.as_secs(), limit_s: limit.as_secs() });
    }
    Ok(())
}

/// The samples of all channels averaged, up to the first that is not there.
fn mixed_down(reader: &mut WavReader<impl Read>, spec: WavSpec) -> Result<Vec<i16>, WavFault> {
    match spec.sample_format {
        SampleFormat::Float => Ok(mix(reader.samples::<f32>(), spec.channels, 1.0)),
        SampleFormat::Int if spec.bits_per_sample <= 32 => {
            let full_scale = 2_f32.powi(i32::from(spec.bits_per_sample) - 1);
            Ok(mix(reader.samples::<i32>().map(|s| s.map(|s| s as f32)), spec.channels, full_scale))
        }
        SampleFormat::Int => Err(WavFault::Unsupported(format!("{} bits a sample", spec.bits_per_sample))),
    }
}

fn mix(samples: impl Iterator<Item = hound::Result<f32>>, channels: u16, full_scale: f32) -> Vec<i16> {
    let channels = usize::from(channels.max(1));
    let scale = f32::from(i16::MAX) / full_scale / channels as f32;
    let mut mono = Vec::new();
    let (mut sum, mut count) = (0.0, 0);
    for sample in samples.map_while(Result::ok) {
        sum += sample;
        count += 1;
        if count == channels {
            // `as` saturates, and makes NaN silence.
            mono.push((sum * scale).round() as i16);
            (sum, count) = (0.0, 0);
        }
    }
    mono
}

fn converted(mono: Vec<i16>, hz: u32, to: SampleRate) -> Result<Vec<i16>, WavFault> {
    let Some(from) = SampleRate::from_hz(hz) else {
        return any_rate::convert(&mono, hz, to).map_err(|why| WavFault::Converter { hz, why });
    };
    let mut out = Vec::with_capacity(from.convert(mono.len() as u64, to) as usize + 1);
    let mut resampler = Resampler::new(from, to)?;
    resampler.push(&mono, &mut out);
    resampler.flush(&mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LIMIT: Duration = Duration::from_secs(600);

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample, sample_format }
    }

    fn int(bits: u16) -> WavSpec {
        spec(1, 16_000, bits, SampleFormat::Int)
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            File::create(&path).unwrap().write_all(bytes).unwrap();
            path
        }

        fn wav<S: hound::Sample + Copy>(&self, spec: WavSpec, samples: &[S]) -> PathBuf {
            let path = self.0.path().join("test.wav");
            let mut writer = hound::WavWriter::create(&path, spec).unwrap();
            samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
            writer.finalize().unwrap();
            path
        }
    }

    fn fault(path: &Path) -> (WavFault, String) {
        let error = read(path, SampleRate::Hz16000, LIMIT).unwrap_err();
        let sentence = error.to_string();
        assert!(sentence.starts_with(&path.display().to_string()), "{sentence}");
        assert!(sentence.contains(';'), "says what to do: {sentence}");
        (error.why, sentence)
    }

    #[test]
    fn every_depth_gives_the_same_audio() {
        let folder = Folder::new();
        let half = i32::from(i16::MAX) / 2;
        for bits in [8, 16, 24, 32] {
            let level = 1_i32 << (bits - 2);
            let path = folder.wav(int(bits), &[0, level, -level]);
            let samples = read(&path, SampleRate::Hz16000, LIMIT).unwrap();
            let wide: Vec<i32> = samples.iter().map(|&s| i32::from(s)).collect();
            assert!(wide[0] == 0 && (wide[1] - half).abs() <= 1 && (wide[2] + half).abs() <= 1, "{bits}: {wide:?}");
        }
        let path = folder.wav(spec(1, 16_000, 32, SampleFormat::Float), &[0.5_f32, f32::NAN, 9.0, -9.0]);
        assert_eq!(read(&path, SampleRate::Hz16000, LIMIT).unwrap(), [16_384, 0, i16::MAX, i16::MIN]);
    }

    #[test]
    fn channels_are_averaged() {
        let path_of = Folder::new();
        let path = path_of.wav(spec(3, 16_000, 16, SampleFormat::Int), &[300_i16, 600, 900, -3, -3, -3]);
        assert_eq!(read(&path, SampleRate::Hz16000, LIMIT).unwrap(), [600, -3]);
    }

    #[test]
    fn another_rate_is_converted_and_keeps_its_length() {
        let folder = Folder::new();
        for hz in [8_000, 11_025, 22_050, 24_000, 44_100, 48_000] {
            let path = folder.wav(spec(1, hz, 16, SampleFormat::Int), &vec![8_000_i16; hz as usize / 10]);
            let samples = read(&path, SampleRate::Hz16000, LIMIT).unwrap();
            assert!(samples.len().abs_diff(1_600) <= 1, "{hz}: {}", samples.len());
            assert!((samples[800] - 8_000).abs() < 100, "{hz}: {}", samples[800]);
        }
        for hz in [1, 5_999, 192_001] {
            let path = folder.wav(spec(1, hz, 16, SampleFormat::Int), &[0_i16; 441]);
            assert!(matches!(fault(&path).0, WavFault::Rate { hz: named } if named == hz));
        }
    }

    #[test]
    fn what_is_no_audio_is_refused_by_name() {
        let folder = Folder::new();
        assert!(matches!(fault(&folder.0.path().join("none.wav")).0, WavFault::Missing));
        assert!(matches!(fault(folder.0.path()).0, WavFault::Folder));
        assert!(matches!(fault(&folder.bytes("empty.wav", b"")).0, WavFault::Empty));
        assert!(matches!(fault(&folder.bytes("text.wav", b"Dear agent,\n")).0, WavFault::NotWav(_)));
        assert!(matches!(fault(&folder.bytes("stub.wav", b"RIFF")).0, WavFault::NotWav(_)));
        assert!(matches!(fault(&folder.wav::<i16>(int(16), &[])).0, WavFault::Empty));
    }

    #[test]
    fn a_file_that_was_cut_off_says_how_much_is_there() {
        let folder = Folder::new();
        let whole = std::fs::read(folder.wav(int(16), &[7_i16; 16_000])).unwrap();
        let cut = folder.bytes("cut.wav", &whole[..whole.len() / 2]);
        let WavFault::Truncated { promised_ms: 1_000, found_ms } = fault(&cut).0 else { panic!("not truncated") };
        assert!((490..=500).contains(&found_ms));
    }

    #[test]
    fn an_hour_is_too_long_and_is_not_read() {
        let folder = Folder::new();
        let mut header = std::fs::read(folder.wav(int(16), &[7_i16; 16])).unwrap();
        let bytes = 3_600_u32 * 16_000 * 2;
        let data = header.windows(4).position(|w| w == b"data").unwrap() + 4;
        header[data..data + 4].copy_from_slice(&bytes.to_le_bytes());
        let long = folder.bytes("hour.wav", &header);
        assert!(matches!(fault(&long).0, WavFault::TooLong { seconds: 3_600, limit_s: 600 }));
    }

    #[test]
    fn a_compressed_wav_is_refused() {
        let folder = Folder::new();
        let mut bytes = std::fs::read(folder.wav(int(16), &[7_i16; 16])).unwrap();
        let tag = bytes.windows(4).position(|w| w == b"fmt ").unwrap() + 8;
        bytes[tag..tag + 2].copy_from_slice(&2_u16.to_le_bytes());
        assert!(matches!(fault(&folder.bytes("adpcm.wav", &bytes)).0, WavFault::Unsupported(_)));
    }
}

//! A call made ready: files read and checked, outputs opened, before anything is dialled.

use super::args::{CallArgs, FileArg};
use super::energy::speech_stretches;
use super::error::CallError;
use super::recording::Recorder;
use super::script::{Patience, Utterance};
use super::wav;
use std::path::Path;
use std::time::Duration;
use voice_core::transport::native::AudioFormat;
use voice_core::units::SampleRate;

/// A call made ready.
pub(super) struct CallPlan {
    pub(super) utterances: Vec<Utterance>,
    pub(super) patience: Patience,
    pub(super) format: AudioFormat,
    pub(super) rate: SampleRate,
    pub(super) recorder: Option<Recorder>,
    pub(super) max: Duration,
}

impl CallPlan {
    /// Reads every file and opens the recording.
    ///
    /// # Errors
    /// [`CallError`] says which file or argument is at fault.
    pub(super) fn prepare(args: &CallArgs) -> Result<Self, CallError> {
        let format = args.format()?;
        let rate = format.line_rate()?;
        let utterances = args.files.iter().map(|file| utterance(file, rate, args.max_file()));
        Ok(Self {
            utterances: utterances.collect::<Result<_, _>>()?,
            patience: Patience {
                greeting_ms: args.greeting_ms,
                pause_ms: args.pause_ms,
                answer_ms: args.answer_ms,
                ..Patience::default()
            },
            format,
            rate,
            recorder: args.record.as_deref().map(|path| recorder(path, rate)).transpose()?,
            max: Duration::from_millis(args.max_ms),
        })
    }
}

fn utterance(file: &FileArg, rate: SampleRate, limit: Duration) -> Result<Utterance, CallError> {
    let samples = wav::read(&file.path, rate, limit)?;
    let speech = speech_stretches(&samples, rate);
    let name = file.path.file_name().unwrap_or(file.path.as_os_str()).to_string_lossy().into_owned();
    Ok(Utterance { name, cue: file.cue, samples, speech })
}

fn recorder(path: &Path, rate: SampleRate) -> Result<Recorder, CallError> {
    let refused = |why: hound::Error| CallError::Output { path: path.to_owned(), why: why.to_string() };
    Recorder::create(path, rate).map_err(refused)
}

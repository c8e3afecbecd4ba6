//! Which model files are there, and where.
//!
//! Knows the names `scripts/models` gives the files; loads none of them.

use super::{LocalError, PicoLanguage};
use std::path::{Path, PathBuf};

/// A folder that `make models` has filled, wholly or in part.
#[derive(Clone, Debug)]
pub struct LocalModels {
    dir: PathBuf,
}

/// What Moonshine is made of.
pub(super) struct MoonshineFiles {
    pub(super) encoder: PathBuf,
    pub(super) decoder: PathBuf,
    pub(super) tokenizer: PathBuf,
}

/// What one voice of Pico is made of: text analysis and signal generation.
#[derive(Clone)]
pub(super) struct PicoFiles {
    pub(super) analysis: PathBuf,
    pub(super) signal: PathBuf,
}

impl LocalModels {
    /// Looks into `dir`, by convention `.models` in the repository. Never fails: parts may be missing, even all.
    pub fn find(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether Silero's files are there.
    ///
    /// # Errors
    /// [`LocalError::Missing`] names the first that is not.
    pub fn silero(&self) -> Result<(), LocalError> {
        self.silero_file().map(drop)
    }

    /// Whether Moonshine's files are there.
    ///
    /// # Errors
    /// [`LocalError::Missing`] names the first that is not.
    pub fn moonshine(&self) -> Result<(), LocalError> {
        self.moonshine_files().map(drop)
    }

    /// Whether Pico's files for `language` are there.
    ///
    /// # Errors
    /// [`LocalError::Missing`] names the first that is not.
    pub fn pico(&self, language: PicoLanguage) -> Result<(), LocalError> {
        self.pico_files(language).map(drop)
    }

    /// What the default agent would have to do without: one error a part, each a sentence to log. Empty if all is there.
    pub fn missing(&self) -> Vec<LocalError> {
        [self.silero(), self.moonshine(), self.pico(PicoLanguage::default())]
            .into_iter()
            .filter_map(Result::err)
            .collect()
    }

    pub(super) fn runtime_library(&self, part: &'static str) -> Result<PathBuf, LocalError> {
        self.file(part, "libonnxruntime.so")
    }

    pub(super) fn silero_file(&self) -> Result<PathBuf, LocalError> {
        const PART: &str = "Silero (voice activity)";
        self.runtime_library(PART)?;
        self.file(PART, "silero_vad.onnx")
    }

    pub(super) fn moonshine_files(&self) -> Result<MoonshineFiles, LocalError> {
        const PART: &str = "Moonshine (speech to text)";
        self.runtime_library(PART)?;
        Ok(MoonshineFiles {
            encoder: self.file(PART, "moonshine-tiny-en/encoder_model.ort")?,
            decoder: self.file(PART, "moonshine-tiny-en/decoder_model_merged.ort")?,
            tokenizer: self.file(PART, "moonshine-tiny-en/tokenizer.bin")?,
        })
    }

    pub(super) fn pico_files(&self, language: PicoLanguage) -> Result<PicoFiles, LocalError> {
        const PART: &str = "Pico (the voice)";
        let (analysis, signal) = language.file_names();
        Ok(PicoFiles {
            analysis: self.file(PART, &format!("pico/{analysis}"))?,
            signal: self.file(PART, &format!("pico/{signal}"))?,
        })
    }

    fn file(&self, part: &'static str, name: &str) -> Result<PathBuf, LocalError> {
        let path = self.dir.join(name);
        if path.is_file() { Ok(path) } else { Err(LocalError::Missing { part, path }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_part_is_a_sentence_that_says_what_brings_it() {
        let missing = LocalModels::find("/nowhere/at/all").missing();
        let sentences: Vec<_> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            sentences,
            [
                "Silero (voice activity) is not there: /nowhere/at/all/libonnxruntime.so is missing; `make models` brings it",
                "Moonshine (speech to text) is not there: /nowhere/at/all/libonnxruntime.so is missing; `make models` brings it",
                "Pico (the voice) is not there: /nowhere/at/all/pico/en-US_ta.bin is missing; `make models` brings it",
            ]
        );
    }
}

//! Played samples to heard text.

/// Maps the samples of one reply's audio to its words.
///
/// Exact where the TTS gives word times, estimated from the share of a clause's audio otherwise; never generous: a word
/// counts as heard once its last sample was played.
#[derive(Clone, Debug, Default)]
pub struct ReplyLedger {
    text: String,
}

impl ReplyLedger {
    /// The next clause was handed to the TTS.
    pub fn push_clause(&mut self, text: &str) {
        self.text.push_str(text);
    }
    /// So many more samples of audio are there.
    pub fn push_audio(&mut self, _samples: u64) {}
    /// When a word sounds. Words come in order; one that is not found in the text after the previous is ignored.
    pub fn push_word(&mut self, _word: &str, _start_samples: u64, _end_samples: u64) {}
    /// The audio so far is all of the first `clauses` clauses.
    pub fn end_clause(&mut self, _clauses: u32) {}
    /// No audio follows.
    pub fn end_audio(&mut self) {}
    /// All audio there is so far, in samples.
    pub fn audio_samples(&self) -> u64 {
        0
    }
    /// The reply's text so far.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// How many bytes of [`Self::text`] are heard once `played_samples` were played: at a word's end, never more with
    /// fewer samples, the whole text once all audio has been played after [`Self::end_audio`]. Allocates nothing.
    pub fn heard_bytes(&self, _played_samples: u64) -> usize {
        0
    }
    /// Gives the text up.
    pub fn into_text(self) -> String {
        self.text
    }
}

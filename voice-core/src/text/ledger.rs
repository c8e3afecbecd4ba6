//! Played samples to heard text.
//!
//! Invariant: never generous. A word counts as heard once its last sample was played; where that is not known it is
//! estimated late rather than early, because a caller who is thought to have heard what never sounded is misled for the
//! rest of the call. What is heard never shrinks as more is played. Nothing here knows a clock or a TTS.

use super::words;
use crate::units::SampleRate;
use unicode_segmentation::UnicodeSegmentation;

/// Letters a second while the end of a clause's audio is not known yet: 120 words a minute of five letters, the slow end
/// of conversation (about 150 words a minute is usual). A slow estimate names a word later than it sounds.
const SLOW_LETTERS_PER_S: u64 = 10;

/// Letters a second no voice exceeds: 240 words a minute of five letters. A TTS's word is looked for no further ahead in
/// the text than could have been spoken since its previous word.
const FAST_LETTERS_PER_S: u64 = 20;

/// How much later than its share of the audio says an estimated word is taken to end: about a syllable, at the five a
/// second of conversation.
const ESTIMATE_MARGIN_MS: u64 = 200;

/// Maps the samples of one reply's audio to its words.
///
/// Exact where the TTS gives word times, estimated from the share of a clause's audio otherwise, and slower than voices
/// speak while a clause's audio is still coming.
#[derive(Clone, Debug)]
pub struct ReplyLedger {
    rate: SampleRate,
    text: String,
    clause_ends: Vec<usize>,
    anchors: Vec<Anchor>,
    marks: Vec<WordMark>,
    audio_samples: u64,
    state: Audio,
}

/// Whether more audio is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audio {
    Coming,
    /// It is all of the text up to here.
    Ended {
        text_end: usize,
    },
}

/// The text up to `text_end` is the audio up to `samples`. Anchors ascend in both.
#[derive(Clone, Copy, Debug, Default)]
struct Anchor {
    text_end: usize,
    samples: u64,
}

/// A word with its time. Marks ascend in every field.
#[derive(Clone, Copy, Debug)]
struct WordMark {
    text_start: usize,
    text_end: usize,
    end_samples: u64,
}

impl ReplyLedger {
    /// An empty ledger of a reply whose samples are at `rate`.
    pub fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            text: String::new(),
            clause_ends: Vec::new(),
            anchors: Vec::new(),
            marks: Vec::new(),
            audio_samples: 0,
            state: Audio::Coming,
        }
    }

    /// The next clause was handed to the TTS.
    pub fn push_clause(&mut self, text: &str) {
        self.text.push_str(text);
        self.clause_ends.push(self.text.len());
    }

    /// So many more samples of audio are there. Ignored after [`Self::end_audio`].
    pub fn push_audio(&mut self, samples: u64) {
        if self.state == Audio::Coming {
            self.audio_samples = self.audio_samples.saturating_add(samples);
        }
    }

    /// When a word sounds. Words come in order; one that is not found in the text after the previous, no further on than
    /// could have been spoken meanwhile, is ignored: a TTS may report words as it reads them ("three dollars" for "$3").
    pub fn push_word(&mut self, word: &str, start_samples: u64, end_samples: u64) {
        let previous = self.marks.last().copied();
        let (from, spoken) = previous.map_or((0, 0), |mark| (mark.text_end, mark.end_samples));
        let gap = start_samples.saturating_sub(spoken);
        let reach = gap.saturating_mul(FAST_LETTERS_PER_S) / u64::from(self.rate.hz());
        let (spoken_text, last_sample) = match self.state {
            Audio::Coming => (self.text.as_str(), u64::MAX),
            Audio::Ended { text_end } => (self.text.get(..text_end).unwrap_or_default(), self.audio_samples),
        };
        let Some((text_start, text_end)) = find_word(spoken_text, from, word, reach) else { return };
        let end_samples = end_samples.max(start_samples).max(spoken).min(last_sample);
        self.marks.push(WordMark { text_start, text_end, end_samples });
    }

    /// The audio so far is all of the first `clauses` clauses. Ignored after [`Self::end_audio`].
    pub fn end_clause(&mut self, clauses: u32) {
        if self.state != Audio::Coming {
            return;
        }
        let count = usize::try_from(clauses).unwrap_or(usize::MAX).min(self.clause_ends.len());
        let Some(end) = count.checked_sub(1).and_then(|last| self.clause_ends.get(last)) else { return };
        let text_end = self.text.get(..*end).map_or(0, |clause| clause.trim_end().len());
        self.push_anchor(text_end);
    }

    /// No audio follows: all of the text has been spoken. Not for a TTS that failed: what it left unsaid is never heard.
    /// A clause pushed afterwards has no audio.
    pub fn end_audio(&mut self) {
        if self.state != Audio::Coming {
            return;
        }
        self.state = Audio::Ended { text_end: self.text.len() };
        for mark in &mut self.marks {
            mark.end_samples = mark.end_samples.min(self.audio_samples);
        }
        self.push_anchor(self.text.len());
    }

    fn push_anchor(&mut self, text_end: usize) {
        if self.anchors.last().is_none_or(|last| last.text_end <= text_end) {
            self.anchors.push(Anchor { text_end, samples: self.audio_samples });
        }
    }

    /// All audio there is so far, in samples.
    pub fn audio_samples(&self) -> u64 {
        self.audio_samples
    }

    /// The reply's text so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many bytes of [`Self::text`] are heard once `played_samples` were played: at a word's end with its
    /// punctuation, never more with fewer samples, the whole text once all audio has been played after
    /// [`Self::end_audio`]. Allocates nothing.
    pub fn heard_bytes(&self, played_samples: u64) -> usize {
        let played = played_samples.min(self.audio_samples);
        if played == 0 {
            return 0;
        }
        let heard_marks = self.marks.partition_point(|mark| mark.end_samples <= played);
        let pending_start = self.marks.get(heard_marks).map_or(usize::MAX, |mark| mark.text_start);
        let heard_anchors = self.anchors.partition_point(|a| a.samples <= played && a.text_end <= pending_start);
        let anchor = heard_anchors.checked_sub(1).and_then(|last| self.anchors.get(last)).copied().unwrap_or_default();
        let closed_by = self.anchors.get(heard_anchors).copied();

        let timed = heard_marks.checked_sub(1).and_then(|last| self.marks.get(last)).map_or(0, |mark| mark.text_end);
        let segment_end = closed_by.map_or(self.text.len(), |next| next.text_end);
        if timed > anchor.text_end || pending_start < segment_end {
            return timed.max(anchor.text_end);
        }
        self.estimate(anchor, closed_by, played)
    }

    /// The heard text within a segment without word times: by its share of the segment's audio where that is known.
    fn estimate(&self, from: Anchor, to: Option<Anchor>, played: u64) -> usize {
        let segment_end = to.map_or(self.text.len(), |next| next.text_end);
        let segment = self.text.get(from.text_end..segment_end).unwrap_or_default();
        let margin = self.rate.samples_in_ms(ESTIMATE_MARGIN_MS);
        let played = u128::from(played.saturating_sub(from.samples).saturating_sub(margin));
        // A word is heard once weight · audio <= played · letters.
        let (letters, audio) = match to {
            Some(next) => (weigh(segment), next.samples.saturating_sub(from.samples)),
            None => (SLOW_LETTERS_PER_S, u64::from(self.rate.hz())),
        };
        let budget = played * u128::from(letters);
        from.text_end + spoken_bytes(segment, |weight| u128::from(weight) * u128::from(audio) <= budget)
    }

    /// Gives the text up.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// The end of the last word of `segment` up to which the summed weight is still `heard`; 0 if there is none.
fn spoken_bytes(segment: &str, heard: impl Fn(u64) -> bool) -> usize {
    let (mut weight, mut spoken) = (0_u64, 0);
    for (start, word) in segment.unicode_word_indices() {
        let end = with_punctuation(segment, start + word.len());
        weight = weight.saturating_add(segment.get(spoken..end).map_or(0, weigh));
        if !heard(weight) {
            break;
        }
        spoken = end;
    }
    spoken
}

/// How long a text takes to say, in letters.
fn weigh(text: &str) -> u64 {
    text.chars().map(letters_of).sum()
}

/// A digit is read as a word of four letters on average ("zero" to "nine"); a character of a script that writes
/// syllables or words sounds about as long as three letters. Punctuation and spaces are pauses that may not be made.
fn letters_of(c: char) -> u64 {
    match c {
        _ if c.is_numeric() => 4,
        '\u{1100}'..='\u{11FF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' => 3,
        '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => 3,
        _ if c.is_alphabetic() => 1,
        '$' | '€' | '£' | '¥' | '%' | '&' | '@' | '+' | '=' => 5,
        _ => 0,
    }
}

/// `end` moved past the punctuation attached to the word that ends there.
fn with_punctuation(text: &str, end: usize) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let attached = rest.find(|c: char| c.is_whitespace() || c.is_alphanumeric()).unwrap_or(rest.len());
    end + attached
}

/// The place of `word` in `text` from the byte `from` on, skipping no more than `reach` letters. Its end includes the
/// punctuation attached to it.
fn find_word(text: &str, from: usize, word: &str, reach: u64) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let mut skipped = 0_u64;
    for (start, candidate) in rest.unicode_word_indices() {
        if let Some(end) = words::match_at(rest, start, word) {
            return Some((from + start, with_punctuation(text, from + end)));
        }
        skipped = skipped.saturating_add(weigh(candidate));
        if skipped > reach {
            return None;
        }
    }
    None
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;

//! When words were said, and words half understood.

use super::loud::Stretch;

/// A word and when it was said, in ms of stream audio.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
}

/// The words as one text.
pub(crate) fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// The words spread over the loud part of `sound`, a little elsewhere each time. Without sound they are at its end.
pub(crate) fn spread(words: &[String], sound: &Stretch, random: &mut fastrand::Rng) -> Vec<Word> {
    let onset_ms = sound.onset_ms.unwrap_or(sound.now_ms);
    let end_ms = sound.loud_end_ms.max(onset_ms);
    let each_ms = (end_ms - onset_ms) / words.len().max(1) as u64;
    let shift_ms = random.u64(0..=each_ms / 8);
    let timed = |(nth, text): (usize, &String)| {
        let start_ms = onset_ms + nth as u64 * each_ms + shift_ms;
        Word { text: text.clone(), start_ms, end_ms: (start_ms + each_ms).min(end_ms).max(start_ms) }
    };
    words.iter().enumerate().map(timed).collect()
}

/// The newest word is understood in part only: a later message sets it right.
pub(crate) fn mishear(words: &mut [Word]) {
    if let Some(last) = words.last_mut() {
        let half = last.text.chars().count().div_ceil(2);
        last.text = last.text.chars().take(half).collect();
    }
}

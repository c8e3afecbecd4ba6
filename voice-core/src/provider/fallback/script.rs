//! The clauses of a reply and how far they are spoken: what another voice would still have to say.
//!
//! Invariant: pure. What is spoken only grows, and what a voice is handed begins where the one before has ended: at the
//! last clause that it finished, the last word that it timed, or where its audio should have come to. Where that is not
//! known for certain it errs towards saying nothing twice.

/// Characters a second of speech where nothing is known of the voice: 170 words a minute of six characters.
const USUAL_CHARS_PER_S: u64 = 17;
/// What is known to be spoken tells how fast a voice speaks once it is this long.
const TELLING_MS: u64 = 500;
/// How many words further a timed one is looked for: a voice may read some otherwise than they are written.
const WORD_REACH: usize = 3;

/// The text of a reply.
#[derive(Debug, Default)]
pub(super) struct Script {
    clauses: Vec<String>,
    spoken: Place,
    /// Where the present voice began.
    handed: Place,
    /// Of how many clauses the end was told.
    told: usize,
}

/// All clauses before `clause` and the first `bytes` of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    clause: usize,
    bytes: usize,
}

/// What is known of how far a voice has come whose words do not say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// The audio of its complete clauses and of the words that were told, in milliseconds.
    pub(super) known_ms: u64,
    /// The audio since.
    pub(super) since_ms: u64,
}

impl Script {
    pub(super) fn push(&mut self, clause: &str) {
        self.clauses.push(clause.to_owned());
    }

    pub(super) fn len(&self) -> usize {
        self.clauses.len()
    }

    /// The `n`-th clause for the present voice: the first is what is left of one that was begun.
    pub(super) fn for_voice(&self, n: usize) -> Option<&str> {
        let skip = if n == 0 { self.handed.bytes } else { 0 };
        self.clauses.get(self.handed.clause + n)?.get(skip..)
    }

    /// Whether nothing is left to say of what there is.
    pub(super) fn is_spoken(&self) -> bool {
        self.spoken.clause >= self.clauses.len()
    }

    /// The present voice has finished so many of its clauses. Gives how many of the reply's that are.
    pub(super) fn clause_end(&mut self, clauses: u32) -> u32 {
        let clause = (self.handed.clause + clauses as usize).min(self.clauses.len());
        self.spoken = self.spoken.max(Place { clause, bytes: 0 });
        self.told = self.told.max(clause);
        u32::try_from(clause).unwrap_or(u32::MAX)
    }

    /// The present voice has said a word. One that is not found within reach is passed over.
    pub(super) fn word(&mut self, word: &str) {
        let mut place = self.spoken;
        for _ in 0..WORD_REACH {
            let Some((token, after)) = self.token_at(place) else { return };
            if is_same(token, word) {
                self.spoken = after;
                return;
            }
            place = after;
        }
    }

    /// Another voice takes over from one that has come as far as its pace says; `None` where the words have told. Says how many clauses are spoken now, if one ended by that.
    pub(super) fn hand_over(&mut self, pace: Option<Pace>) -> Option<u32> {
        if let Some(pace) = pace {
            self.skip(self.spoken_chars(pace));
        }
        if self.rest_of_clause().is_some_and(|rest| !rest.contains(char::is_alphanumeric)) {
            self.spoken = Place { clause: self.spoken.clause + 1, bytes: 0 };
        }
        self.handed = self.spoken;
        let before = std::mem::replace(&mut self.told, self.spoken.clause);
        (self.spoken.clause > before).then(|| u32::try_from(self.spoken.clause).unwrap_or(u32::MAX))
    }

    fn rest_of_clause(&self) -> Option<&str> {
        self.clauses.get(self.spoken.clause)?.get(self.spoken.bytes..)
    }

    /// How many characters the audio is worth that came after what is known to be spoken, rounded up.
    fn spoken_chars(&self, pace: Pace) -> u64 {
        let chars = self.known_chars();
        let (chars, ms) =
            if pace.known_ms >= TELLING_MS && chars > 0 { (chars, pace.known_ms) } else { (USUAL_CHARS_PER_S, 1_000) };
        pace.since_ms.saturating_mul(chars).div_ceil(ms)
    }

    /// The characters that the present voice is known to have spoken.
    fn known_chars(&self) -> u64 {
        let (from, to) = (self.handed, self.spoken);
        let spoken =
            self.clauses.iter().enumerate().take(to.clause + 1).skip(from.clause).filter_map(|(at, clause)| {
                let start = if at == from.clause { from.bytes } else { 0 };
                let end = if at == to.clause { to.bytes } else { clause.len() };
                clause.get(start..end)
            });
        spoken.map(|text| text.chars().count() as u64).sum()
    }

    /// Takes the words as spoken that begin within the next `chars` characters.
    fn skip(&mut self, chars: u64) {
        let mut left = chars;
        while let Some((token, after)) = self.token_at(self.spoken) {
            if left == 0 {
                return;
            }
            left = left.saturating_sub(token.chars().count() as u64 + 1);
            self.spoken = after;
        }
    }

    /// The next word from `place` on, and the place after it.
    fn token_at(&self, place: Place) -> Option<(&str, Place)> {
        let mut place = place;
        loop {
            let rest = self.clauses.get(place.clause)?.get(place.bytes..)?;
            let Some(token) = rest.split_whitespace().next() else {
                place = Place { clause: place.clause + 1, bytes: 0 };
                continue;
            };
            let lead = rest.len() - rest.trim_start().len();
            return Some((token, Place { bytes: place.bytes + lead + token.len(), ..place }));
        }
    }
}

/// Whether a voice's word is that of the text, or a part of it.
fn is_same(token: &str, word: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let (token, word) = (letters(token), letters(word));
    !word.is_empty() && !token.is_empty() && (token.starts_with(&word) || word.starts_with(&token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(clauses: &[&str]) -> Script {
        let mut script = Script::default();
        clauses.iter().for_each(|clause| script.push(clause));
        script
    }

    /// All that the present voice is handed.
    fn rest(script: &Script) -> String {
        (0..script.len()).filter_map(|n| script.for_voice(n)).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_voice_goes_on_after_the_last_word_that_was_timed() {
        let mut script = script(&["We are open ", "from nine to five. ", "On Sundays we are closed."]);
        ["We", "are", "open", "from"].iter().for_each(|word| script.word(word));
        assert_eq!(script.hand_over(None), Some(1));
        assert_eq!(rest(&script), " nine to five. On Sundays we are closed.");
        assert_eq!(script.clause_end(1), 2, "what is left of the second clause");
        script.word("On");
        assert_eq!(script.hand_over(None), None);
        assert_eq!(rest(&script), " Sundays we are closed.");
    }

    #[test]
    fn audio_after_the_last_timed_word_counts_at_the_pace_of_what_was_timed() {
        // 18 characters in 1.8 s; 700 ms more are seven characters.
        let mut script = script(&["Twelve chars ", "a bbb ccc dddd eeeee"]);
        ["Twelve", "chars", "a", "bbb"].iter().for_each(|word| script.word(word));
        assert_eq!(script.hand_over(Some(Pace { known_ms: 1_800, since_ms: 700 })), Some(1));
        assert_eq!(rest(&script), " eeeee");
    }

    #[test]
    fn words_may_be_read_otherwise_than_they_are_written() {
        let mut script = script(&["That is $3 for twenty-one, please."]);
        ["that", "is", "three", "dollars", "for", "twenty"].iter().for_each(|word| script.word(word));
        script.hand_over(None);
        assert_eq!(rest(&script), " please.");
    }

    #[test]
    fn a_clause_of_which_only_punctuation_is_left_is_over() {
        let mut script = script(&["Yes …", "Well then."]);
        script.word("Yes");
        assert_eq!(script.hand_over(None), Some(1));
        assert_eq!(rest(&script), "Well then.");
        ["Well", "then"].iter().for_each(|word| script.word(word));
        assert_eq!(script.hand_over(None), Some(2));
        assert!(script.is_spoken());
    }

    #[test]
    fn without_word_times_the_audio_says_how_far_a_voice_has_come() {
        // 20 characters in 2 s; 650 ms more are 6.5 characters, rounded up, and the word they end in.
        let mut known = script(&["Twenty characters..", "a bb ccc dddd eeeee"]);
        known.clause_end(1);
        known.hand_over(Some(Pace { known_ms: 1_900, since_ms: 650 }));
        assert_eq!(rest(&known), " dddd eeeee");
        let mut unknown = script(&["a bb ", "ccc dddd eeeee"]);
        assert_eq!(unknown.hand_over(Some(Pace { known_ms: 0, since_ms: 500 })), Some(1));
        assert_eq!(rest(&unknown), " dddd eeeee");
        let mut silent = script(&["a bb ", "ccc"]);
        assert_eq!(silent.hand_over(Some(Pace::default())), None);
        assert_eq!(rest(&silent), "a bb ccc", "no audio, nothing spoken");
    }
}

use super::*;

/// A second, in samples.
const S: u64 = LISTEN_RATE.samples_in_ms(1_000);

/// What a call keeps whose stream takes all audio.
struct Ear(Backlog);

impl Ear {
    fn new() -> Self {
        let mut backlog = Backlog::new();
        backlog.opened();
        backlog.taken();
        Self(backlog)
    }

    /// Listens until `seconds`, to what does not matter.
    fn until(&mut self, seconds: u64) {
        while self.0.end() < Position(seconds * S) {
            let position = self.0.end();
            self.0.push(&[0; CHUNK_SAMPLES], position);
            self.0.drop_wordless(self.0.end());
        }
    }

    fn speech(&mut self, from: u64, to: u64) {
        self.until(from);
        self.0.speech_started(Position(from * S));
        self.until(to);
        self.0.speech_ended(Position(to * S));
    }
}

#[test]
fn sound_without_words_is_kept_no_longer_than_an_engine_needs_to_find_some() {
    let mut ear = Ear::new();
    ear.speech(10, 11);
    ear.until(20);
    assert_eq!(ear.0.start(), Position(10 * S - KEPT_BEFORE_ONSET_SAMPLES));
    ear.until(22);
    assert_eq!((ear.0.open_from(), ear.0.start()), (None, Position(20 * S)));
}

#[test]
fn words_that_are_not_final_are_kept_through_any_silence() {
    let mut ear = Ear::new();
    ear.speech(10, 11);
    ear.0.words_open();
    ear.until(40);
    assert_eq!(ear.0.open_from(), Some(Position(10 * S)));
    ear.0.words_final(Position(11 * S));
    assert_eq!((ear.0.open_from(), ear.0.start()), (None, Position(38 * S)));
}

#[test]
fn a_final_of_a_part_leaves_the_rest_open_through_the_next_onset() {
    let mut ear = Ear::new();
    ear.speech(1, 8);
    ear.0.words_final(Position(2 * S));
    assert!(!ear.0.is_settled());
    ear.until(11);
    assert_eq!((ear.0.open_from(), ear.0.start()), (Some(Position(2 * S)), Position(2 * S)));
    ear.speech(12, 13);
    assert_eq!(ear.0.start(), Position(2 * S), "the rest of the speech before");
    ear.0.words_final(Position(13 * S).minus(SAME_END_SAMPLES));
    assert!(ear.0.is_settled());
    assert_eq!(ear.0.open_from(), None);
}

#[test]
fn while_the_first_stream_opens_speech_is_kept_however_long_that_takes() {
    let mut backlog = Backlog::new();
    backlog.speech_started(Position(S));
    (0..20 * S).step_by(CHUNK_SAMPLES).for_each(|at| backlog.push(&[0; CHUNK_SAMPLES], Position(at)));
    assert_eq!(backlog.start(), Position(S - KEPT_BEFORE_ONSET_SAMPLES));
    backlog.speech_ended(Position(3 * S));
    backlog.words_final(Position(3 * S));
    assert_eq!(backlog.start(), Position(10 * S));
}

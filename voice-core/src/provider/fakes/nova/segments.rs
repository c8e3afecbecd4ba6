//! The results of a stream: audio in, segments out.
//!
//! Invariant: pure. Blocks of 20 ms of received audio and requests drive it, so the same audio gives the same results.
//! A final's words are in no later result; an utterance ends with `speech_final` at most once.

use super::query::Settings;
use super::{FinalizeAnswer, NovaFake, SpeechStarts};
use crate::provider::fakes::ear::{Hearing, Word, mishear, spread};

/// From interim to interim.
const INTERIM_MS: u64 = 1_000;
/// Long speech is final in part once a window is this long, but for its newest words.
const WINDOW_MS: u64 = 3_000;
/// Words of long speech that stay open.
const OPEN_WORDS: usize = 2;
/// Silence for so long gives an empty final.
const SILENT_WINDOW_MS: u64 = 5_000;
/// An endpoint is never sooner than this, however small the setting: the words come a little late.
const MIN_ENDPOINT_MS: u64 = 160;

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Results(Results),
    SpeechStarted { at_ms: u64 },
    UtteranceEnd { last_word_end_ms: u64 },
}

/// The words of a window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Results {
    pub(super) window_ms: (u64, u64),
    pub(super) words: Vec<Word>,
    pub(super) kind: Kind,
}

/// How final results are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Interim,
    /// No more results for this window.
    Final,
    /// And the utterance is over.
    SpeechFinal,
    /// The answer to a Finalize.
    FromFinalize,
}

/// The segments of one stream.
pub(super) struct Segments {
    pub(super) hearing: Hearing,
    settings: Settings,
    finalize: FinalizeAnswer,
    speech_starts: SpeechStarts,
    repeats_finals: bool,
    window_start_ms: u64,
    /// Words of this speech that are final.
    final_words: usize,
    interim_due_ms: u64,
    started: Started,
    /// None once the end of the utterance was told.
    last_word_end_ms: Option<u64>,
    has_told_end: bool,
    /// A Finalize that is not answered yet, and not before when.
    asked_final: Option<u64>,
    random: fastrand::Rng,
    told: Vec<Told>,
}

/// Whether the beginning of this speech was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Started {
    Quiet,
    Untold,
    Told,
}

impl Segments {
    pub(super) fn new(config: &NovaFake, hz: u32, settings: Settings, seed: u64) -> Self {
        Self {
            hearing: Hearing::new(&config.ear, hz),
            settings,
            finalize: config.finalize,
            speech_starts: config.speech_starts,
            repeats_finals: config.repeats_finals,
            window_start_ms: 0,
            final_words: 0,
            interim_due_ms: INTERIM_MS,
            started: Started::Quiet,
            last_word_end_ms: None,
            has_told_end: false,
            asked_final: None,
            random: fastrand::Rng::with_seed(seed),
            told: Vec::new(),
        }
    }

    /// What `samples` lead to.
    pub(super) fn audio(&mut self, samples: &[i16]) -> Vec<Told> {
        for is_loud in self.hearing.blocks(samples) {
            self.hearing.block(is_loud);
            self.block();
        }
        std::mem::take(&mut self.told)
    }

    /// The client wants everything final.
    pub(super) fn finalize(&mut self) -> Vec<Told> {
        match self.finalize {
            FinalizeAnswer::Words => self.ask_final(0),
            FinalizeAnswer::Late { ms } => self.ask_final(ms),
            FinalizeAnswer::Empty => {
                self.close(Kind::Final);
                self.results(Kind::FromFinalize, self.now_ms(), Vec::new());
            }
            FinalizeAnswer::Silent => {}
        }
        self.settle()
    }

    /// The engine has said something: what was waited for may be there.
    pub(super) fn settle(&mut self) -> Vec<Told> {
        let is_due = self.asked_final.is_some_and(|due_ms| self.now_ms() >= due_ms);
        let is_speech = self.hearing.sound().is_speech();
        if is_due && (!is_speech || self.hearing.is_settled()) {
            self.asked_final = None;
            self.close(Kind::FromFinalize);
        }
        std::mem::take(&mut self.told)
    }

    /// No audio follows.
    pub(super) fn end(&mut self) -> Vec<Told> {
        self.close(Kind::Final);
        std::mem::take(&mut self.told)
    }

    /// How much audio there was.
    pub(super) fn now_ms(&self) -> u64 {
        self.hearing.sound().now_ms
    }

    fn ask_final(&mut self, later_ms: u64) {
        self.asked_final = Some(self.now_ms() + later_ms);
        if self.hearing.sound().is_speech() {
            self.hearing.ask_final();
        }
    }

    fn block(&mut self) {
        self.note_start();
        let answered = self.settle();
        self.told = answered;
        self.end_if_due();
        self.split_long_speech();
        if self.now_ms() >= self.interim_due_ms {
            self.interim();
        }
        self.end_utterance();
    }

    fn note_start(&mut self) {
        let sound = self.hearing.sound();
        match self.started {
            Started::Quiet if sound.is_speech() => {
                self.started = Started::Untold;
                (self.last_word_end_ms, self.has_told_end) = (None, false);
                if self.speech_starts != SpeechStarts::Late {
                    self.tell_start();
                }
            }
            Started::Untold | Started::Told if !sound.is_speech() => self.started = Started::Quiet,
            _ => {}
        }
    }

    fn tell_start(&mut self) {
        let at_ms = self.hearing.sound().onset_ms.unwrap_or_default();
        let times = match self.speech_starts {
            _ if !self.settings.tells_speech_started || self.started == Started::Told => 0,
            SpeechStarts::Once | SpeechStarts::Late => 1,
            SpeechStarts::Missing => 0,
            SpeechStarts::Doubled => 2,
        };
        self.started = Started::Told;
        self.told.extend(std::iter::repeat_n(Told::SpeechStarted { at_ms }, times));
    }

    fn end_if_due(&mut self) {
        let Some(endpointing_ms) = self.settings.endpointing_ms else { return };
        let (sound, ends) = (self.hearing.sound(), self.hearing.turn().end_after_ms.is_some());
        let is_due = sound.is_speech() && sound.quiet_ms() >= endpointing_ms.max(MIN_ENDPOINT_MS);
        if is_due && ends && self.hearing.is_settled() {
            self.close(Kind::SpeechFinal);
        }
    }

    /// Long speech is final in part while it goes on; what no endpoint ends is final as a whole.
    fn split_long_speech(&mut self) {
        let now_ms = self.now_ms();
        if !self.hearing.sound().is_speech() || now_ms - self.window_start_ms < WINDOW_MS {
            return;
        }
        if self.hearing.sound().quiet_ms() >= MIN_ENDPOINT_MS {
            if self.hearing.is_settled() {
                self.close(Kind::Final);
            }
            return;
        }
        let mut words = self.open_words();
        let covered = words.len().saturating_sub(OPEN_WORDS);
        words.truncate(covered);
        if let Some(last) = words.last() {
            let end_ms = last.end_ms;
            self.final_words += covered;
            self.results(Kind::Final, end_ms, words);
        }
    }

    fn interim(&mut self) {
        let now_ms = self.now_ms();
        self.interim_due_ms = now_ms + INTERIM_MS;
        let mut words = self.open_words();
        if words.is_empty() && now_ms - self.window_start_ms >= SILENT_WINDOW_MS {
            return self.results(Kind::SpeechFinal, now_ms, words);
        }
        if self.settings.gives_interims {
            if self.hearing.sound().quiet_ms() == 0 && self.random.bool() {
                mishear(&mut words);
            }
            self.results(Kind::Interim, now_ms, words);
        }
    }

    fn end_utterance(&mut self) {
        let Some(gap_ms) = self.settings.utterance_end_ms else { return };
        let Some(last_word_end_ms) = self.last_word_end_ms else { return };
        let is_over = self.hearing.sound().quiet_ms() >= gap_ms && self.now_ms() >= last_word_end_ms + gap_ms;
        if is_over {
            (self.last_word_end_ms, self.has_told_end) = (None, true);
            self.told.push(Told::UtteranceEnd { last_word_end_ms });
        }
    }

    /// Tells all words that are open. If the speaker has stopped, what follows is other speech.
    fn close(&mut self, kind: Kind) {
        let has_stopped = self.hearing.words_if_stopped().is_some();
        let words = self.open_words();
        self.final_words += words.len();
        self.results(kind, self.now_ms(), words);
        if has_stopped {
            self.hearing.forget();
            self.final_words = 0;
        }
    }

    /// The words of this speech that are not final.
    fn open_words(&mut self) -> Vec<Word> {
        let words = match self.hearing.words_if_stopped() {
            Some(words) => words,
            None => self.hearing.words(),
        };
        let timed = spread(&words, self.hearing.sound(), &mut self.random);
        timed.into_iter().skip(self.final_words).collect()
    }

    fn results(&mut self, kind: Kind, end_ms: u64, words: Vec<Word>) {
        let window_ms = (self.window_start_ms, end_ms.max(self.window_start_ms));
        self.last_word_end_ms = match words.last() {
            Some(last) if !self.has_told_end => Some(last.end_ms),
            _ => self.last_word_end_ms,
        };
        let has_words = !words.is_empty();
        let told = Told::Results(Results { window_ms, words, kind });
        if kind != Kind::Interim {
            self.window_start_ms = window_ms.1;
            self.interim_due_ms = self.now_ms() + INTERIM_MS;
            if self.repeats_finals {
                self.told.push(told.clone());
            }
        }
        self.told.push(told);
        if has_words && self.speech_starts == SpeechStarts::Late {
            self.tell_start();
        }
    }
}

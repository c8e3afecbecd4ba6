//! The turns of a stream: audio in, turn events out.
//!
//! Invariant: pure. Steps of 80 ms of received audio and nothing else drive it, so the same audio gives the same events,
//! and without audio a turn hangs. What may follow what is the vendor's: a start and an eager end have words; a resumed
//! turn had an eager end; the words of an end are those of the last eager end that was not taken back.

use super::query::Thresholds;
use crate::provider::fakes::ear::{Ear, Hearing, Word, joined, mishear, spread};

const STEP_MS: u64 = 80;
/// A message at least each so many steps; near an end at each.
const UPDATE_STEPS: u64 = 3;
/// Words are told after so much loud sound, …
const FIRST_WORDS_MS: u64 = 160;
/// … and a turn has begun after so much, or once it is quiet again.
const START_MS: u64 = 240;
/// An eager end that is taken back by itself is so after this long.
const RESUME_AFTER_MS: u64 = 240;
/// A sound that was taken for speech and gave no words is forgotten after so much quiet.
const NO_WORDS_MS: u64 = 300;

/// What happened to a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) enum Event {
    Update,
    StartOfTurn,
    EagerEndOfTurn,
    TurnResumed,
    EndOfTurn,
}

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Trigger {
    Model,
    Manual,
    Timeout,
}

/// One event of a turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TurnInfo {
    pub(super) event: Event,
    pub(super) turn: u32,
    pub(super) window_ms: (u64, u64),
    pub(super) words: Vec<Word>,
    pub(super) confidence: f64,
    pub(super) trigger: Option<Trigger>,
}

impl TurnInfo {
    /// The words as one text.
    pub(super) fn transcript(&self) -> String {
        joined(&self.words)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    NoTurn,
    Ongoing,
    EagerPending { since_ms: u64 },
}

/// The turns of one stream.
pub(super) struct Turns {
    pub(super) hearing: Hearing,
    pub(super) thresholds: Thresholds,
    state: State,
    turn: u32,
    window_start_ms: u64,
    shown: Vec<String>,
    has_told_words: bool,
    /// Eager ends that are still to be taken back, and how many there were at first.
    resumes: (u32, u32),
    /// Quiet counts from here at the earliest.
    resumed_ms: u64,
    untold_steps: u64,
    random: fastrand::Rng,
}

impl Turns {
    pub(super) fn new(ear: &Ear, hz: u32, thresholds: Thresholds, seed: u64) -> Self {
        Self {
            hearing: Hearing::new(ear, hz),
            thresholds,
            state: State::NoTurn,
            turn: 0,
            window_start_ms: 0,
            shown: Vec::new(),
            has_told_words: false,
            resumes: (0, 0),
            resumed_ms: 0,
            untold_steps: 0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// What `samples` lead to.
    pub(super) fn audio(&mut self, samples: &[i16]) -> Vec<TurnInfo> {
        let mut infos = Vec::new();
        for is_loud in self.hearing.blocks(samples) {
            self.hearing.block(is_loud);
            if self.now_ms().is_multiple_of(STEP_MS) {
                infos.extend(self.step());
            }
        }
        infos
    }

    /// Ends the turn on the words told last. `None` if there is no turn.
    pub(super) fn force_end(&mut self) -> Option<TurnInfo> {
        (self.state != State::NoTurn).then(|| self.end(Trigger::Manual))
    }

    /// No audio follows: everything that was heard is told, in an update that ends nothing.
    pub(super) fn close(&mut self) -> TurnInfo {
        self.show_words();
        self.tell(Event::Update, None)
    }

    fn now_ms(&self) -> u64 {
        self.hearing.sound().now_ms
    }

    fn quiet_ms(&self) -> u64 {
        self.now_ms() - self.hearing.sound().loud_end_ms.max(self.resumed_ms)
    }

    fn step(&mut self) -> Option<TurnInfo> {
        self.untold_steps += 1;
        self.show_words();
        let told = match self.state {
            State::NoTurn => self.step_without_turn(),
            State::Ongoing => self.step_in_turn(),
            State::EagerPending { since_ms } => self.step_after_eager(since_ms),
        };
        told.or_else(|| self.is_update_due().then(|| self.update()))
    }

    fn step_without_turn(&mut self) -> Option<TurnInfo> {
        let sound = self.hearing.sound();
        let (loud_ms, quiet_ms) = (sound.loud_ms, sound.quiet_ms());
        if sound.is_speech() && self.shown.is_empty() && quiet_ms >= NO_WORDS_MS && self.hearing.is_settled() {
            self.hearing.forget();
        }
        let has_begun = loud_ms >= START_MS || quiet_ms >= STEP_MS;
        if self.shown.is_empty() || !has_begun || !self.has_told_words {
            return None;
        }
        self.state = State::Ongoing;
        let resumes = if self.eager_after_ms().is_some() { self.hearing.turn().resumes } else { 0 };
        self.resumes = (resumes, resumes);
        Some(self.tell(Event::StartOfTurn, None))
    }

    fn step_in_turn(&mut self) -> Option<TurnInfo> {
        let quiet_ms = self.quiet_ms();
        let is_settled = self.hearing.is_settled();
        if is_settled && self.eager_after_ms().is_some_and(|ms| quiet_ms >= ms) {
            self.state = State::EagerPending { since_ms: self.now_ms() };
            return Some(self.tell(Event::EagerEndOfTurn, None));
        }
        self.end_if_due(is_settled)
    }

    fn step_after_eager(&mut self, since_ms: u64) -> Option<TurnInfo> {
        let goes_on = self.hearing.sound().loud_end_ms > since_ms;
        let is_taken_back = self.resumes.0 > 0 && self.now_ms() >= since_ms + RESUME_AFTER_MS;
        if goes_on || is_taken_back {
            self.resumes.0 = self.resumes.0.saturating_sub(1);
            self.resumed_ms = self.now_ms();
            self.state = State::Ongoing;
            return Some(self.tell(Event::TurnResumed, None));
        }
        self.end_if_due(self.resumes.0 == 0)
    }

    fn end_if_due(&mut self, may_end: bool) -> Option<TurnInfo> {
        let quiet_ms = self.quiet_ms();
        if quiet_ms >= self.thresholds.timeout_ms {
            return Some(self.end(Trigger::Timeout));
        }
        let is_manual = self.thresholds.eot >= 1.0;
        let has_resumes = self.resumes.0 > 0 && self.eager_after_ms().is_some();
        let is_due = self.hearing.turn().end_after_ms.is_some_and(|ms| quiet_ms >= ms);
        (may_end && is_due && !is_manual && !has_resumes).then(|| self.end(Trigger::Model))
    }

    fn eager_after_ms(&self) -> Option<u64> {
        self.thresholds.eager.and(self.hearing.turn().eager_after_ms)
    }

    /// Takes over what is understood by now. After an eager end the words stand until it is taken back.
    fn show_words(&mut self) {
        if matches!(self.state, State::EagerPending { .. }) {
            return;
        }
        let mut words = self.hearing.words();
        let (left, all) = self.resumes;
        if self.state != State::NoTurn && left > 0 {
            let share = words.len() * (all - left + 1) as usize / (all + 1) as usize;
            words.truncate(share.max(1).max(self.shown.len()));
        }
        if !words.is_empty() {
            self.shown = words;
        }
    }

    fn is_update_due(&self) -> bool {
        let is_near_end = self.state != State::NoTurn && self.quiet_ms() >= STEP_MS;
        let has_first_words = !self.has_told_words
            && !self.shown.is_empty()
            && self.hearing.sound().loud_ms.max(self.quiet_ms()) >= FIRST_WORDS_MS;
        is_near_end || has_first_words || self.untold_steps >= UPDATE_STEPS
    }

    fn update(&mut self) -> TurnInfo {
        let mut info = self.tell(Event::Update, None);
        let is_sure = self.state != State::Ongoing || self.quiet_ms() > 0;
        if !is_sure && self.random.u8(0..3) == 0 {
            mishear(&mut info.words);
        }
        info
    }

    fn end(&mut self, trigger: Trigger) -> TurnInfo {
        let info = self.tell(Event::EndOfTurn, Some(trigger));
        self.state = State::NoTurn;
        self.turn += 1;
        self.window_start_ms = self.now_ms();
        self.shown.clear();
        (self.has_told_words, self.resumes, self.resumed_ms) = (false, (0, 0), 0);
        self.hearing.forget();
        info
    }

    fn tell(&mut self, event: Event, trigger: Option<Trigger>) -> TurnInfo {
        self.untold_steps = 0;
        self.has_told_words |= !self.shown.is_empty();
        let window_ms = (self.window_start_ms, self.now_ms());
        let confidence = self.confidence(event, trigger);
        let words = spread(&self.shown, self.hearing.sound(), &mut self.random);
        TurnInfo { event, turn: self.turn, window_ms, words, confidence, trigger }
    }

    fn confidence(&mut self, event: Event, trigger: Option<Trigger>) -> f64 {
        let jitter = self.random.f64() * 0.1;
        let thresholds = self.thresholds;
        let sure = match (event, trigger) {
            (Event::EndOfTurn, Some(Trigger::Model)) => thresholds.eot,
            (Event::EagerEndOfTurn, _) => thresholds.eager.unwrap_or(thresholds.eot),
            // No event follows from a confidence above a threshold alone.
            (Event::Update, _) if self.quiet_ms() > 0 => thresholds.eager.unwrap_or(0.5),
            _ => 0.05,
        };
        ((sure + jitter).min(0.99) * 10_000.0).round() / 10_000.0
    }
}

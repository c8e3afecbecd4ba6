//! The caller's side of the floor: speech, words and silence of the turn in progress.
//!
//! Invariant: it only records what the VAD and the STT said and answers questions about it. It decides nothing, knows
//! no reply and gives no output.

use super::words::Words;
use super::{EotSource, Muted};
use crate::text::{Completeness, completeness};
use crate::units::{Position, SampleRate, TurnId};
use std::time::{Duration, Instant};

/// Words that come later than this after speech ended, or after its turn was committed, are of other speech.
pub(super) const LATE_WORDS_MS: u64 = 2_000;

/// A final may end this much before the VAD's end of the speech that it covers: no word is as short.
const SAME_END_MS: u64 = 300;

/// What the VAD says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// The caller is silent.
    Silent,
    /// The caller speaks.
    Speaking {
        /// Since this sample.
        onset: Position,
        /// Noticed then.
        noticed_at: Instant,
    },
}

/// Whether anybody turns the caller's speech into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    Works,
    Failed,
}

/// The caller's turn in progress: there is one once there was sound or a word.
#[derive(Clone, Debug)]
pub(super) struct OpenTurn {
    /// Known once a reply was started for it.
    pub(super) id: Option<TurnId>,
    pub(super) opened_at: Instant,
    pub(super) onset: Position,
    pub(super) end: Position,
    /// When the caller fell silent; unknown while they speak.
    pub(super) silent_since: Option<Instant>,
    /// How much speech the VAD heard.
    pub(super) speech_samples: u64,
    /// The STT was asked for its final since the last speech.
    pub(super) asked_for_final: bool,
    /// From when the words count as stable; none once that was acted upon.
    pub(super) stable_since: Option<Instant>,
    /// How many speculative replies it has cost.
    pub(super) speculations: u32,
    /// The turn model's verdict on this silence.
    pub(super) verdict: Option<f32>,
    /// Its end was decided while the agent could not be interrupted.
    pub(super) ended_by: Option<EotSource>,
}

/// Who is to say when the caller's turn is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Silence, by how complete the words look.
    BySilence,
    /// The STT has found the turn and will find its end; silence is only the backstop.
    ByStt,
}

/// What words do to the segment they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// The segment goes on.
    Open,
    /// The segment is closed.
    Closed {
        /// Just after what its words cover; all speech so far, where that is not known.
        end: Option<Position>,
    },
}

/// A final that came.
#[derive(Clone, Copy, Debug)]
struct LastFinal {
    at: Instant,
    end: Option<Position>,
}

/// All that is known of the caller.
#[derive(Debug)]
pub(super) struct Floor {
    pub(super) words: Words,
    pub(super) speech: Speech,
    pub(super) turn: Option<OpenTurn>,
    pub(super) muted: Muted,
    pub(super) ends: Ends,
    looks: Completeness,
    listening: Listening,
    final_outstanding: bool,
    last_final: Option<LastFinal>,
    /// Just after the latest speech that the VAD heard to its end.
    speech_end: Position,
    same_end_samples: u64,
    /// Speech that was taken for no turn; late words may show that it was.
    dropped: Option<OpenTurn>,
}

impl Floor {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self {
            words: Words::new(),
            speech: Speech::Silent,
            turn: None,
            muted: Muted::Off,
            ends: Ends::BySilence,
            looks: Completeness::Unclear,
            listening: Listening::Works,
            final_outstanding: false,
            last_final: None,
            speech_end: Position::ZERO,
            same_end_samples: rate.samples_in_ms(SAME_END_MS),
            dropped: None,
        }
    }

    pub(super) fn is_speaking(&self) -> bool {
        matches!(self.speech, Speech::Speaking { .. })
    }

    /// Nobody speaks and nothing said waits for an end of turn.
    pub(super) fn is_free(&self) -> bool {
        !self.is_speaking() && self.turn.is_none()
    }

    /// Whether a final transcript of what was said is still to come.
    pub(super) fn awaits_final(&self) -> bool {
        self.final_outstanding && self.listening == Listening::Works
    }

    /// How much speech the VAD has heard in the turn; nothing is known where it heard none.
    pub(super) fn speech_so_far(&self, rate: SampleRate, now: Instant) -> Option<u64> {
        let before = self.turn.as_ref().map_or(0, |turn| turn.speech_samples);
        let current = match self.speech {
            Speech::Speaking { noticed_at, .. } => Some(rate.samples_in(now.saturating_duration_since(noticed_at))),
            Speech::Silent => None,
        };
        current.or((before > 0).then_some(0)).map(|samples| samples.saturating_add(before))
    }

    /// How complete the words look.
    pub(super) fn looks(&self) -> Completeness {
        self.looks
    }

    /// Speech begins. Says whether that is news.
    pub(super) fn speech_started(&mut self, onset: Position, now: Instant) -> bool {
        if self.is_speaking() {
            return false;
        }
        self.speech = Speech::Speaking { onset, noticed_at: now };
        self.dropped = None;
        self.final_outstanding = true;
        let turn = self.turn.get_or_insert_with(|| OpenTurn::new(onset, now));
        turn.silent_since = None;
        turn.stable_since = None;
        turn.asked_for_final = false;
        turn.verdict = None;
        turn.ended_by = None;
        true
    }

    /// Speech ended `silence_ms` ago. Says whether that is news.
    pub(super) fn speech_ended(&mut self, end: Position, silence_ms: u64, now: Instant) -> bool {
        let Speech::Speaking { onset, .. } = self.speech else { return false };
        self.speech = Speech::Silent;
        let ended_at = now.checked_sub(Duration::from_millis(silence_ms)).unwrap_or(now);
        self.speech_end = self.speech_end.max(end);
        self.final_outstanding = match self.last_final {
            // One that came before the last sample of speech cannot cover it.
            Some(LastFinal { at, end: None }) => at < ended_at,
            Some(LastFinal { end: covered, .. }) => !self.is_covered(end, covered),
            None => true,
        };
        if let Some(turn) = &mut self.turn {
            turn.end = turn.end.max(end);
            turn.speech_samples = turn.speech_samples.saturating_add(end.since(onset));
            turn.silent_since = Some(ended_at);
            turn.stable_since = Some(ended_at);
        }
        true
    }

    /// The STT says `text`. Says whether the words changed. `position` is where the line is now.
    pub(super) fn hear(&mut self, hearing: Hearing, text: &str, position: Position, now: Instant) -> bool {
        let changed = match hearing {
            Hearing::Open => self.words.set_open(text),
            Hearing::Closed { .. } => self.words.close(text),
        };
        self.listening = Listening::Works;
        self.note_final(hearing, now);
        self.looks = completeness(self.words.text());
        if changed {
            self.words_changed(position, now);
        }
        changed
    }

    /// The turn may be over with the words there are.
    pub(super) fn close_as_is(&mut self, now: Instant) {
        self.words.close_as_is();
        self.note_final(Hearing::Closed { end: None }, now);
    }

    fn note_final(&mut self, hearing: Hearing, now: Instant) {
        match hearing {
            Hearing::Open => self.final_outstanding = true,
            Hearing::Closed { end } => {
                self.final_outstanding = !self.is_speaking() && !self.is_covered(self.speech_end, end);
                self.last_final = Some(LastFinal { at: now, end });
            }
        }
    }

    /// Whether a final whose words end at `covered` has those of all speech up to `end`; where the VAD heard none as late,
    /// of what it heard.
    pub(super) fn is_covered(&self, end: Position, covered: Option<Position>) -> bool {
        covered.is_none_or(|covered| end.min(self.speech_end) <= covered.plus(self.same_end_samples))
    }

    /// Words that no STT heard: pressed keys.
    pub(super) fn add_words(&mut self, words: &str, position: Position, now: Instant) {
        self.words.add_closed(words);
        self.looks = completeness(self.words.text());
        self.words_changed(position, now);
    }

    fn words_changed(&mut self, position: Position, now: Instant) {
        let silent = !self.is_speaking();
        if self.turn.is_none() && self.words.is_empty() {
            return;
        }
        let dropped = self.dropped.take().filter(|turn| turn.is_recent(now));
        let turn = self.turn.get_or_insert_with(|| dropped.unwrap_or_else(|| OpenTurn::new(position, now)));
        turn.ended_by = None;
        if !silent {
            return;
        }
        if turn.speech_samples == 0 {
            // The VAD did not notice this speech: it ended when its last word came.
            turn.silent_since = Some(now);
            turn.end = turn.end.max(position);
        }
        turn.stable_since = Some(now);
    }

    /// Nobody turns speech into words any more.
    pub(super) fn stt_failed(&mut self) {
        self.listening = Listening::Failed;
        self.ends = Ends::BySilence;
        self.final_outstanding = false;
    }

    /// Drops the words and, unless the caller still speaks, the turn.
    pub(super) fn drop_turn(&mut self) {
        self.words.clear();
        self.looks = Completeness::Unclear;
        if !self.is_speaking() {
            self.dropped = self.turn.take();
        }
        if let Some(turn) = &mut self.turn {
            turn.ended_by = None;
        }
    }

    /// Takes a turn back that was committed too early; its words go before those heard since.
    pub(super) fn take_back(&mut self, earlier: OpenTurn, words: &str, now: Instant) {
        self.words.put_before(words);
        self.looks = completeness(self.words.text());
        let since = self.turn.take();
        let mut turn = earlier;
        // Its longest time begins anew, or a turn that had reached it would end at each further word.
        turn.opened_at = now;
        turn.ended_by = None;
        turn.verdict = None;
        if let Some(since) = since {
            turn.end = turn.end.max(since.end);
            turn.silent_since = since.silent_since;
            turn.stable_since = since.stable_since;
            turn.asked_for_final = since.asked_for_final;
            turn.speech_samples = turn.speech_samples.saturating_add(since.speech_samples);
        }
        self.turn = Some(turn);
    }
}

impl OpenTurn {
    /// Whether words that come `now` can be of its speech.
    fn is_recent(&self, now: Instant) -> bool {
        let since = self.silent_since.unwrap_or(now);
        now.saturating_duration_since(since) <= Duration::from_millis(LATE_WORDS_MS)
    }

    pub(super) fn new(onset: Position, now: Instant) -> Self {
        Self {
            id: None,
            opened_at: now,
            onset,
            end: onset,
            silent_since: None,
            speech_samples: 0,
            asked_for_final: false,
            stable_since: None,
            speculations: 0,
            verdict: None,
            ended_by: None,
        }
    }
}

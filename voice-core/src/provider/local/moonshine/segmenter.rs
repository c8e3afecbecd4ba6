//! Which stretch of the caller's audio to decode, and when.
//!
//! Invariant: every sample belongs to at most one segment, and speech between two finals is in exactly one: a segment begins a
//! little before its onset, but never before the end of the one before, and what is loud after the end asked for
//! begins the next. Pure: it decides; it decodes nothing and knows no clock. Positions are 16 kHz samples.

use super::buffer::AudioBuffer;
use super::loudness::Loudness;
use std::sync::Arc;

/// Audio before the onset that is decoded too: the VAD notices soft consonants late.
const LEAD_IN: u64 = 4_800;
/// Audio after the end that is decoded too, where it is there.
const LEAD_OUT: u64 = 3_200;
/// Audio after the end that a transcript must cover to stand for it.
const SETTLE: u64 = 800;
/// Audio kept while nobody speaks: more than a VAD needs to notice an onset.
const IDLE: u64 = 32_000;
/// The longest segment: Moonshine was trained on sounds of up to 30 s.
const LONGEST: u64 = 28 * 16_000;
/// Where in a segment that grew too long to look for the quietest moment to cut it.
const CUT_FROM: u64 = 20 * 16_000;
/// New audio before another interim; longer in long segments, so that a call costs a core at most two fifths.
const INTERIM_EVERY: u64 = 4_800;
const INTERIM_SHARE: u64 = 10;
/// Speech that is decoded at least.
const INTERIM_FROM: u64 = 8_000;
/// Quiet this long after speech makes an interim due at once: it will serve as the final if nothing follows.
const PAUSE: u64 = 1_536;
/// A gap in the audio up to this long is filled with silence.
const LONGEST_GAP: u64 = 16_000;
/// Speech shorter than this holds no word.
const LEAST_LOUD: u64 = 1_280;

/// A stretch of audio, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A segment that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// What to decode; none if it holds no speech.
    pub(super) speech: Option<Span>,
    /// The samples of `speech`.
    pub(super) samples: Arc<[i16]>,
    /// A transcript of the segment's start to at least here says the same.
    pub(super) enough: u64,
    /// But not to after here.
    pub(super) at_most: u64,
    /// The end to report.
    pub(super) end: u64,
}

/// The caller's recent audio and the segment that is open.
pub(super) struct Segmenter {
    audio: AudioBuffer,
    /// Audio before this belongs to earlier segments.
    free_from: u64,
    segment: Option<Segment>,
}

struct Segment {
    start: u64,
    loudness: Loudness,
    /// The end of the last interim.
    asked: u64,
}

impl Segmenter {
    pub(super) fn new() -> Self {
        Self { audio: AudioBuffer::default(), free_from: 0, segment: None }
    }

    /// Takes the next samples. Gives the part of a segment that grew too long, or that ended at a gap.
    pub(super) fn push(&mut self, samples: &[i16], position: u64) -> Option<Closed> {
        let gap = position.saturating_sub(self.audio.end());
        let mut closed = None;
        if gap > LONGEST_GAP {
            closed = self
                .segment
                .as_ref()
                .is_some_and(|segment| segment.start < self.audio.end())
                .then(|| self.finalize(self.audio.end()));
            self.audio.restart(position);
            self.free_from = self.free_from.max(position);
            // One that was announced before its first audio begins with it.
            if let Some(Segment { start, .. }) = self.segment.take() {
                self.begin(start);
            }
        }
        self.audio.append(samples, position);
        if let Some(segment) = &mut self.segment {
            segment.loudness.measure(&self.audio);
        }
        closed = closed.or_else(|| self.cut());
        self.forget();
        closed
    }

    /// The VAD hears speech since `onset`. Within a segment nothing changes.
    pub(super) fn speech_started(&mut self, onset: u64) {
        if self.segment.is_none() {
            self.begin(onset.saturating_sub(LEAD_IN));
        }
    }

    /// Closes the segment at `end`. Without one, or with one that began later, what is closed is empty.
    pub(super) fn finalize(&mut self, end: u64) -> Closed {
        let Some(segment) = self.segment.take_if(|segment| segment.start < end) else {
            return Closed { speech: None, samples: Arc::default(), enough: end, at_most: end, end };
        };
        let last = self.audio.end();
        let cut = (end + LEAD_OUT).min(last);
        self.free_from = cut;
        let goes_on = segment.loudness.loud_until() > cut;
        if goes_on {
            self.begin(cut);
        }
        let speech = segment.has_speech().then_some(Span { start: segment.start, end: cut });
        let at_most = if goes_on { cut } else { u64::MAX };
        Closed { speech, samples: self.samples_of(speech), enough: (end + SETTLE).min(last), at_most, end }
    }

    /// The stretch worth decoding now, if one is; say so with [`Segmenter::asked`] if it is done.
    pub(super) fn interim(&self) -> Option<Span> {
        let segment = self.segment.as_ref()?;
        let span = Span { start: segment.start, end: self.audio.end() };
        let loud_until = segment.loudness.loud_until();
        let length = span.end.saturating_sub(span.start);
        if loud_until <= segment.asked || length < INTERIM_FROM || !segment.has_speech() {
            return None;
        }
        let pause = span.end.saturating_sub(loud_until) >= PAUSE;
        let due = span.end.saturating_sub(segment.asked) >= INTERIM_EVERY.max(length / INTERIM_SHARE);
        (pause || due).then_some(span)
    }

    /// An interim of `span` is under way.
    pub(super) fn asked(&mut self, span: Span) {
        if let Some(segment) = self.segment.as_mut().filter(|segment| segment.start == span.start) {
            segment.asked = span.end;
        }
    }

    /// Whether `span` begins where the open segment does.
    pub(super) fn is_open(&self, span: Span) -> bool {
        self.segment.as_ref().is_some_and(|segment| segment.start == span.start)
    }

    /// The samples of `span`, as far as they are kept.
    pub(super) fn samples(&self, span: Span) -> Arc<[i16]> {
        self.audio.copy(span.start, span.end).into()
    }

    fn samples_of(&self, speech: Option<Span>) -> Arc<[i16]> {
        speech.map_or_else(Arc::default, |span| self.samples(span))
    }

    fn begin(&mut self, from: u64) {
        let start = from.max(self.free_from).max(self.audio.start());
        let mut loudness = Loudness::from(start);
        loudness.measure(&self.audio);
        self.segment = Some(Segment { start, loudness, asked: start });
    }

    /// Cuts a segment that is too long at its quietest late moment; the rest goes on as a segment of its own.
    fn cut(&mut self) -> Option<Closed> {
        let segment = self.segment.as_ref().filter(|segment| self.audio.end() >= segment.start + LONGEST)?;
        let start = segment.start;
        let at = self.audio.quietest(start + CUT_FROM, self.audio.end());
        let speech = segment.has_speech().then_some(Span { start, end: at });
        self.free_from = at;
        self.begin(at);
        Some(Closed { speech, samples: self.samples_of(speech), enough: at, at_most: at, end: at })
    }

    /// Drops audio nobody will ask for.
    fn forget(&mut self) {
        let idle = self.audio.end().saturating_sub(IDLE);
        let needed = self.segment.as_ref().map_or(idle, |segment| segment.start.min(idle));
        self.audio.forget(needed);
    }
}

impl Segment {
    fn has_speech(&self) -> bool {
        self.loudness.loud_samples() >= LEAST_LOUD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = 320;

    /// Pushes a tone (`loud`) or silence from the buffer's end to `until`; gives what was cut.
    fn fill(segmenter: &mut Segmenter, until: u64, loud: bool) -> Vec<Closed> {
        let level = if loud { 3_000 } else { 0 };
        let chunk: Vec<i16> = (0..CHUNK).map(|n| if n % 2 == 0 { level } else { -level }).collect();
        let mut cuts = Vec::new();
        while segmenter.audio.end() < until {
            cuts.extend(segmenter.push(&chunk, segmenter.audio.end()));
        }
        cuts
    }

    /// Silence to 2 s, speech to 3.6 s, noticed at 2.1 s.
    fn speaking() -> Segmenter {
        let mut segmenter = Segmenter::new();
        fill(&mut segmenter, 32_000, false);
        fill(&mut segmenter, 33_600, true);
        segmenter.speech_started(32_000);
        fill(&mut segmenter, 57_600, true);
        segmenter
    }

    #[test]
    fn a_segment_has_its_lead_in_and_lead_out() {
        let mut segmenter = speaking();
        fill(&mut segmenter, 64_000, false);
        let closed = segmenter.finalize(57_600);
        assert_eq!(closed.speech, Some(Span { start: 32_000 - LEAD_IN, end: 57_600 + LEAD_OUT }));
        assert_eq!(closed.samples.len() as u64, 57_600 + LEAD_OUT - (32_000 - LEAD_IN));
        assert_eq!((closed.end, closed.enough, closed.at_most), (57_600, 57_600 + SETTLE, u64::MAX));
    }

    #[test]
    fn a_second_finalize_finds_nothing() {
        let mut segmenter = speaking();
        fill(&mut segmenter, 64_000, false);
        assert!(segmenter.finalize(57_600).speech.is_some());
        assert_eq!(segmenter.finalize(57_600).speech, None);
        assert_eq!(segmenter.finalize(60_000).end, 60_000);
    }

    #[test]
    fn segments_never_overlap() {
        let mut segmenter = speaking();
        fill(&mut segmenter, 62_400, false);
        let first = segmenter.finalize(57_600).speech.unwrap();
        segmenter.speech_started(62_400);
        fill(&mut segmenter, 80_000, true);
        let second = segmenter.finalize(80_000).speech.unwrap();
        assert_eq!(second.start, first.end);
    }

    #[test]
    fn speech_that_goes_on_after_the_end_is_the_next_segment() {
        let mut segmenter = speaking();
        let first = segmenter.finalize(48_000);
        assert_eq!(first.speech.unwrap().end, 48_000 + LEAD_OUT);
        assert_eq!(first.at_most, 48_000 + LEAD_OUT, "a transcript that covers more says the next segment's words");
        fill(&mut segmenter, 64_000, true);
        assert_eq!(segmenter.finalize(64_000).speech.unwrap().start, 48_000 + LEAD_OUT);
    }

    #[test]
    fn a_segment_without_sound_or_with_a_click_holds_no_speech() {
        let mut segmenter = Segmenter::new();
        fill(&mut segmenter, 32_000, false);
        segmenter.speech_started(31_000);
        fill(&mut segmenter, 40_000, false);
        assert_eq!(segmenter.finalize(40_000).speech, None);
        segmenter.speech_started(40_000);
        fill(&mut segmenter, 40_960, true);
        fill(&mut segmenter, 48_000, false);
        assert_eq!(segmenter.finalize(48_000).speech, None);
    }

    #[test]
    fn interims_are_due_while_speech_goes_on_and_once_when_it_pauses() {
        let mut segmenter = speaking();
        let span = segmenter.interim().unwrap();
        assert_eq!(span, Span { start: 32_000 - LEAD_IN, end: 57_600 });
        segmenter.asked(span);
        assert_eq!(segmenter.interim(), None);
        fill(&mut segmenter, 57_600 + 2 * CHUNK, true);
        assert_eq!(segmenter.interim(), None, "not yet due");
        fill(&mut segmenter, 57_600 + 2 * CHUNK + PAUSE + CHUNK, false);
        let pause = segmenter.interim().unwrap();
        segmenter.asked(pause);
        fill(&mut segmenter, 80_000, false);
        assert_eq!(segmenter.interim(), None, "silence alone changes nothing");
    }

    #[test]
    fn a_long_segment_is_cut_where_it_is_quietest() {
        let mut segmenter = speaking();
        fill(&mut segmenter, 24 * 16_000, true);
        fill(&mut segmenter, 24 * 16_000 + 1_600, false);
        let cuts = fill(&mut segmenter, 40 * 16_000, true);
        let [cut] = &cuts[..] else { panic!("{cuts:?}") };
        assert!((24 * 16_000..=24 * 16_000 + 1_600).contains(&cut.end), "{cut:?}");
        let rest = segmenter.finalize(40 * 16_000);
        assert_eq!(rest.speech.unwrap().start, cut.end);
        for closed in [cut, &rest] {
            let speech = closed.speech.unwrap();
            assert_eq!(closed.samples.len() as u64, speech.end - speech.start, "no sample is lost");
        }
    }

    #[test]
    fn a_short_gap_is_silence_and_a_long_one_ends_the_segment() {
        let mut segmenter = speaking();
        assert_eq!(segmenter.push(&[100; 320], 57_600 + 3_200), None);
        assert_eq!(segmenter.audio.end(), 57_600 + 3_520);
        let closed = segmenter.push(&[100; 320], 200_000).unwrap();
        assert_eq!(closed.end, 57_600 + 3_520);
        assert_eq!(closed.samples.len() as u64, closed.speech.unwrap().end - closed.speech.unwrap().start);
        assert_eq!(segmenter.finalize(200_320).speech, None);
    }

    #[test]
    fn speech_may_be_announced_before_its_audio() {
        for first in [0, 320, 200_000] {
            let mut segmenter = Segmenter::new();
            segmenter.speech_started(first);
            for frame in 0..50 {
                assert_eq!(segmenter.push(&[3_000; 320], first + frame * CHUNK), None);
            }
            let speech = segmenter.finalize(first + 16_000).speech.unwrap();
            assert_eq!(speech.end, first + 16_000);
            assert!(speech.start <= first);
        }
    }

    #[test]
    fn idle_audio_is_forgotten() {
        let mut segmenter = Segmenter::new();
        fill(&mut segmenter, 100 * 16_000, true);
        assert!(segmenter.audio.end() - segmenter.audio.start() <= IDLE);
    }
}

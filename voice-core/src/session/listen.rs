//! Caller audio on its way to the VAD and the STT.
//!
//! Invariant: the VAD hears a sample before the STT does, and neither waits for the other. Time passes for both of them
//! even when the line sends nothing: silence stands in, so that a muted caller's turn still ends. What the engine
//! listens to is counted in 16 kHz samples; the line's own positions are kept beside it.

use super::agent::AgentConfig;
use crate::audio::{FRAME_MS, Frame, Resampler, VadEvent, VadSource, VoiceDetector};
use crate::stage::LISTEN_RATE;
use crate::units::{Position, SampleRate};
use std::time::{Duration, Instant};

/// After this long without a frame the line is silent: four frames' time, more than the jitter of most networks.
const LINE_SILENT_AFTER: Duration = Duration::from_millis(80);
/// A jump in position is filled with silence up to this long, and the rest of it only jumped.
const MAX_FILL_MS: u64 = 1_000;
/// How much faster than real time the caller may send, in all: a network's burst after a stall.
const MAX_AHEAD: Duration = Duration::from_secs(2);
/// Arrivals remembered: 2.5 s of frames, longer than any onset lies back.
const ARRIVALS: usize = 128;

/// Where the listened samples came from: a straight piece of the mapping between the two counts.
#[derive(Clone, Copy, Debug, Default)]
struct Anchor {
    listened: u64,
    line: u64,
}

/// Feeds caller audio to the detector and says what was listened to.
pub(super) struct Listener {
    rate: SampleRate,
    resampler: Option<Resampler>,
    detector: VoiceDetector,
    scratch: Vec<i16>,
    listened: u64,
    next_line: Position,
    /// Silence that stood in since the last frame, at the line's rate.
    stood_in: u64,
    /// Line samples that really came.
    received: u64,
    /// Line samples that a jump in position stood for.
    jumped: u64,
    dropped: u64,
    first_at: Option<Instant>,
    last_at: Instant,
    anchors: [Anchor; 4],
    arrivals: [(u64, Option<Instant>); ARRIVALS],
    next_arrival: usize,
    muted: bool,
}

/// What the listener made of some audio; `samples` go to the STT.
pub(super) struct Heard<'a> {
    /// 16 kHz samples that were just listened to.
    pub(super) samples: &'a [i16],
    /// The position of the first of them.
    pub(super) position: Position,
}

/// An edge of caller speech, in both counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SpeechEdge {
    Started { listened: Position, line: Position, confidence: f32 },
    Ended { listened: Position, line: Position, silence_ms: u64 },
}

/// Whether a frame was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intake {
    Taken,
    /// It had come before.
    Duplicate,
    /// The caller sends faster than real time.
    TooFast,
}

impl Listener {
    pub(super) fn new(rate: SampleRate, vad: &dyn VadSource, config: &AgentConfig, now: Instant) -> Self {
        let resampler = (rate != LISTEN_RATE).then(|| Resampler::new(rate, LISTEN_RATE).ok()).flatten();
        let thresholds = config.vad.clone().unwrap_or_else(|| vad.config());
        Self {
            rate,
            resampler,
            detector: VoiceDetector::new(vad.open(), thresholds),
            scratch: Vec::with_capacity(2 * LISTEN_RATE.samples_in_ms(FRAME_MS) as usize),
            listened: 0,
            next_line: Position::ZERO,
            stood_in: 0,
            received: 0,
            jumped: 0,
            dropped: 0,
            first_at: None,
            last_at: now,
            anchors: [Anchor::default(); 4],
            arrivals: [(0, None); ARRIVALS],
            next_arrival: 0,
            muted: false,
        }
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Samples that came, at the line's rate.
    pub(super) fn received_samples(&self) -> u64 {
        self.received
    }

    /// Samples dropped because the caller sends too fast.
    pub(super) fn dropped_samples(&self) -> u64 {
        self.dropped
    }

    /// All that was listened to so far, in 16 kHz samples.
    pub(super) fn position(&self) -> Position {
        Position(self.listened)
    }

    /// Decides whether a frame is to be listened to; gives how much silence goes before it and how many of its samples
    /// were there before.
    fn place(&mut self, frame: &Frame, now: Instant) -> Result<(u64, usize), Intake> {
        if frame.end() <= self.next_line {
            return Err(Intake::Duplicate);
        }
        let first = *self.first_at.get_or_insert(now);
        let due = self.rate.samples_in(now.saturating_duration_since(first).saturating_add(MAX_AHEAD));
        if self.received > due {
            self.dropped += frame.samples().len() as u64;
            return Err(Intake::TooFast);
        }
        let gap = frame.position().since(self.next_line).saturating_sub(self.stood_in);
        let known = self.next_line.since(frame.position()) as usize;
        // A jump costs as much work as the audio it stands for: both count against the same limit.
        let left = due.saturating_sub(self.received.saturating_add(self.jumped));
        Ok((gap.min(self.rate.samples_in_ms(MAX_FILL_MS)).min(left), known))
    }

    /// Listens to a frame: `on_heard` is given the audio after the detector has judged it, `on_edge` what it found.
    pub(super) fn push(
        &mut self,
        frame: &Frame,
        now: Instant,
        on_edge: &mut dyn FnMut(SpeechEdge),
        on_heard: &mut dyn FnMut(Heard<'_>),
    ) -> Intake {
        let (fill, known) = match self.place(frame, now) {
            Ok(placed) => placed,
            Err(why) => return why,
        };
        self.jumped += fill;
        self.silence(fill, now, on_edge, on_heard);
        let start = frame.position().plus(known as u64);
        if start != self.next_line || self.stood_in > 0 || fill > 0 {
            self.anchor(start);
        }
        let fresh = frame.samples().get(known..).unwrap_or_default();
        self.received += fresh.len() as u64;
        self.next_line = frame.end();
        self.stood_in = 0;
        self.last_at = now;
        if self.muted {
            self.silence(fresh.len() as u64, now, on_edge, on_heard);
        } else {
            self.listen(fresh, now, on_edge, on_heard);
        }
        Intake::Taken
    }

    /// Lets silence stand in for what the line did not send until `now`.
    pub(super) fn fill_silence(
        &mut self,
        now: Instant,
        on_edge: &mut dyn FnMut(SpeechEdge),
        on_heard: &mut dyn FnMut(Heard<'_>),
    ) {
        let missing = now.saturating_duration_since(self.last_at);
        if missing < LINE_SILENT_AFTER {
            return;
        }
        let due = self.rate.samples_in(missing - LINE_SILENT_AFTER / 2);
        let fill = due.saturating_sub(self.stood_in).min(self.rate.samples_in_ms(MAX_FILL_MS));
        self.stood_in += fill;
        self.silence(fill, now, on_edge, on_heard);
    }

    /// When the line will count as silent, or the next silence stands in.
    pub(super) fn next_fill(&self) -> Instant {
        let stood_in = self.rate.duration_of(self.stood_in);
        if stood_in.is_zero() {
            self.last_at + LINE_SILENT_AFTER
        } else {
            self.last_at + LINE_SILENT_AFTER / 2 + stood_in + Duration::from_millis(FRAME_MS)
        }
    }

    /// The line's count at a listened position.
    pub(super) fn line_at(&self, listened: Position) -> Position {
        line_position(listened, &self.anchors, self.rate)
    }

    /// When the sample just before `listened` was received.
    pub(super) fn received_at(&self, listened: Position) -> Option<Instant> {
        let covering = self.arrivals.iter().filter(|(end, at)| at.is_some() && *end >= listened.0);
        covering.min_by_key(|(end, _)| *end).and_then(|(_, at)| *at)
    }

    /// When the sample at this position of the line was received.
    pub(super) fn received_at_line(&self, line: Position) -> Option<Instant> {
        let anchor = self.anchors.iter().find(|anchor| anchor.line <= line.0).copied().unwrap_or_default();
        self.received_at(Position(anchor.listened + self.rate.convert(line.0 - anchor.line, LISTEN_RATE)))
    }

    fn silence(
        &mut self,
        line_samples: u64,
        now: Instant,
        on_edge: &mut dyn FnMut(SpeechEdge),
        on_heard: &mut dyn FnMut(Heard<'_>),
    ) {
        const SILENCE: [i16; 960] = [0; 960];
        let mut left = line_samples;
        while left > 0 {
            let take = left.min(self.rate.samples_in_ms(FRAME_MS)).min(SILENCE.len() as u64);
            self.listen(SILENCE.get(..take as usize).unwrap_or_default(), now, on_edge, on_heard);
            left -= take;
        }
    }

    fn listen(
        &mut self,
        samples: &[i16],
        now: Instant,
        on_edge: &mut dyn FnMut(SpeechEdge),
        on_heard: &mut dyn FnMut(Heard<'_>),
    ) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let heard = match &mut self.resampler {
            Some(resampler) => {
                resampler.push(samples, &mut scratch);
                &scratch[..]
            }
            None => samples,
        };
        let position = Position(self.listened);
        self.listened += heard.len() as u64;
        self.arrived(now);
        let (anchors, rate, end) = (self.anchors, self.rate, self.listened);
        self.detector.push(heard, |event| on_edge(edge(event, &anchors, rate, end)));
        on_heard(Heard { samples: heard, position });
        self.scratch = scratch;
    }

    fn arrived(&mut self, now: Instant) {
        if let Some(slot) = self.arrivals.get_mut(self.next_arrival) {
            *slot = (self.listened, Some(now));
        }
        self.next_arrival = (self.next_arrival + 1) % ARRIVALS;
    }

    fn anchor(&mut self, line: Position) {
        self.anchors.rotate_right(1);
        self.anchors[0] = Anchor { listened: self.listened, line: line.0 };
    }
}

fn edge(event: VadEvent, anchors: &[Anchor], rate: SampleRate, listened_now: u64) -> SpeechEdge {
    match event {
        VadEvent::SpeechStarted { onset, confidence } => {
            SpeechEdge::Started { listened: onset, line: line_position(onset, anchors, rate), confidence }
        }
        VadEvent::SpeechEnded { end } => SpeechEdge::Ended {
            listened: end,
            line: line_position(end, anchors, rate),
            silence_ms: listened_now.saturating_sub(end.0) * 1_000 / u64::from(LISTEN_RATE.hz()),
        },
    }
}

/// The line's count at a listened position: from the newest anchor at or before it.
fn line_position(listened: Position, anchors: &[Anchor], rate: SampleRate) -> Position {
    let anchor = anchors.iter().find(|anchor| anchor.listened <= listened.0).copied().unwrap_or_default();
    Position(anchor.line + LISTEN_RATE.convert(listened.0 - anchor.listened.min(listened.0), rate))
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;

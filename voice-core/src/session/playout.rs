//! The audio of one reply on its way to the line, on an absolute schedule.
//!
//! Invariant: frames leave in order, each once, never more than the lead ahead of the pacing clock; the clock counts
//! samples from an anchor, so lateness of a timer never adds up. Pausing, resuming and clearing are O(1). It knows no
//! stage and no socket; time is given to it.

use super::agent::PlayoutConfig;
use crate::audio::{FRAME_MS, Frame};
use crate::transport::{LineInfo, PlayedReports, Rebuffer};
use crate::units::{Position, SampleRate};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// With less than two frames under way a late timer leaves the loudspeaker dry.
const MIN_LEAD_MS: u64 = 2 * FRAME_MS;

/// How a far end is fed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacing {
    rate: SampleRate,
    frame_samples: u64,
    lead_samples: u64,
    buffer_samples: u64,
    rebuffer: Rebuffer,
    played: PlayedReports,
}

impl Pacing {
    pub(super) fn new(line: LineInfo, config: &PlayoutConfig) -> Self {
        let lead_ms = match line.rebuffer {
            Rebuffer::PauseAndClear | Rebuffer::ClearOnly => config.lead_ms,
            Rebuffer::Nothing => config.lead_undroppable_ms,
        };
        Self {
            rate: line.rate,
            frame_samples: line.rate.samples_in_ms(FRAME_MS),
            lead_samples: line.rate.samples_in_ms(lead_ms.max(MIN_LEAD_MS)),
            buffer_samples: line.rate.samples_in_ms(config.buffer_ms),
            rebuffer: line.rebuffer,
            played: line.played,
        }
    }
}

/// Where the far end's loudspeaker is believed to be.
#[derive(Clone, Copy, Debug)]
enum PacingClock {
    /// Nothing was sent yet, or the loudspeaker has run dry or is paused at this sample.
    Still { at_samples: u64 },
    /// It was at this sample at this instant and has moved on since.
    Moving { at_samples: u64, since: Instant },
}

/// The audio of one reply.
#[derive(Debug)]
pub(super) struct Track {
    pacing: Pacing,
    /// Samples from position `kept` on.
    samples: VecDeque<i16>,
    kept: u64,
    sent: u64,
    clock: PacingClock,
    reported: u64,
    state: TrackState,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TrackState {
    Held,
    Playing,
    Paused,
    Cleared,
}

impl Track {
    pub(super) fn new(pacing: Pacing) -> Self {
        Self {
            pacing,
            samples: VecDeque::new(),
            kept: 0,
            sent: 0,
            clock: PacingClock::Still { at_samples: 0 },
            reported: 0,
            state: TrackState::Held,
            ended: false,
        }
    }

    /// More audio. A cleared track takes none.
    pub(super) fn push(&mut self, samples: &[i16]) {
        if self.state != TrackState::Cleared {
            self.samples.extend(samples);
        }
    }

    /// No audio follows.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the TTS may be read on: less than the configured buffer waits.
    pub(super) fn has_room(&self) -> bool {
        self.total() - self.sent < self.pacing.buffer_samples
    }

    pub(super) fn release(&mut self) {
        if self.state == TrackState::Held {
            self.state = TrackState::Playing;
        }
    }

    /// Stops at once. A far end that can hold audio stands still where it is; another plays what it has.
    pub(super) fn pause(&mut self, now: Instant) {
        if self.state != TrackState::Playing {
            return;
        }
        self.state = TrackState::Paused;
        if self.pacing.rebuffer != Rebuffer::Nothing {
            self.clock = PacingClock::Still { at_samples: self.clock_samples(now) };
        }
    }

    /// The far end cannot be reached: the clock stops where it is, for a playing track as for a paused one.
    pub(super) fn stand_still(&mut self, now: Instant) {
        self.clock = PacingClock::Still { at_samples: self.clock_samples(now) };
    }

    /// The far end is there again, and plays on unless the track is paused.
    pub(super) fn move_on(&mut self, now: Instant) {
        if self.state == TrackState::Playing && self.sent > 0 {
            self.clock = PacingClock::Moving { at_samples: self.clock_samples(now), since: now };
        }
    }

    /// Goes on from the very sample.
    pub(super) fn resume(&mut self, now: Instant) {
        if self.state != TrackState::Paused {
            return;
        }
        self.state = TrackState::Playing;
        if self.pacing.rebuffer == Rebuffer::ClearOnly {
            self.sent = self.played(now).max(self.kept);
        }
        let at_samples = self.clock_samples(now);
        // Where nothing is left to play it moves nowhere, but reports still under way get their grace.
        self.clock = if at_samples <= self.sent {
            PacingClock::Moving { at_samples, since: now }
        } else {
            PacingClock::Still { at_samples }
        };
    }

    /// Drops everything that was not sent, for good.
    pub(super) fn clear(&mut self, now: Instant) {
        self.clock = PacingClock::Still { at_samples: self.clock_samples(now) };
        self.state = TrackState::Cleared;
        self.samples = VecDeque::new();
        self.kept = self.sent;
    }

    /// The far end says it has played this much.
    pub(super) fn report(&mut self, samples: u64) {
        self.reported = self.reported.max(samples.min(self.sent));
    }

    /// How much of the reply was played: the far end's word, or the pacing clock's where it gives none.
    pub(super) fn played(&self, now: Instant) -> u64 {
        match self.pacing.played {
            PlayedReports::Reported => self.reported,
            PlayedReports::PacingClock => self.clock_samples(now),
        }
    }

    /// Samples handed to the line.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Samples of the reply there are so far.
    pub(super) fn total(&self) -> u64 {
        self.kept + self.samples.len() as u64
    }

    pub(super) fn is_released(&self) -> bool {
        matches!(self.state, TrackState::Playing | TrackState::Paused)
    }

    /// Whether all audio there will ever be was handed to the line.
    pub(super) fn is_sent(&self) -> bool {
        self.ended && self.state != TrackState::Cleared && self.sent == self.total()
    }

    /// Whether all of it was played. A far end that reports has a second's grace past the pacing clock: one whose
    /// reports are lost must not keep the reply alive.
    pub(super) fn is_drained(&self, now: Instant) -> bool {
        self.is_sent()
            && self.state == TrackState::Playing
            && (self.played(now) >= self.total() || self.drain_deadline().is_none_or(|deadline| now >= deadline))
    }

    /// The frame to send now, if one is due.
    pub(super) fn due_frame(&self, now: Instant) -> Option<Frame> {
        let len = self.next_frame_len()?;
        self.may_send(len, now).then(|| self.frame_at_sent(len))
    }

    /// The frame from [`Self::due_frame`] was taken by the line.
    pub(super) fn mark_sent(&mut self, frame: &Frame, now: Instant) {
        let at_samples = self.clock_samples(now);
        if at_samples >= self.sent {
            self.clock = PacingClock::Moving { at_samples: self.sent, since: now };
        }
        self.sent += frame.samples().len() as u64;
        let keep_from = match self.pacing.rebuffer {
            Rebuffer::ClearOnly => self.played(now).min(self.sent),
            Rebuffer::PauseAndClear | Rebuffer::Nothing => self.sent,
        };
        let drop = keep_from.saturating_sub(self.kept).min(self.samples.len() as u64);
        self.samples.drain(..drop as usize);
        self.kept += drop;
    }

    /// When to look again: the next frame is due, or the end was played.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        if self.state != TrackState::Playing {
            return None;
        }
        match self.next_frame_len() {
            Some(len) => Some(self.reached_at((self.sent + len).saturating_sub(self.pacing.lead_samples), now)),
            None if self.is_sent() => match self.pacing.played {
                PlayedReports::Reported => self.drain_deadline(),
                PlayedReports::PacingClock => Some(self.reached_at(self.total(), now)),
            },
            None => None,
        }
    }

    fn next_frame_len(&self) -> Option<u64> {
        if self.state != TrackState::Playing {
            return None;
        }
        let ready = self.total() - self.sent;
        if ready >= self.pacing.frame_samples {
            Some(self.pacing.frame_samples)
        } else {
            (self.ended && ready > 0).then_some(ready)
        }
    }

    fn may_send(&self, len: u64, now: Instant) -> bool {
        let clock = self.clock_samples(now);
        clock >= self.sent || self.sent + len <= clock.saturating_add(self.pacing.lead_samples)
    }

    fn frame_at_sent(&self, len: u64) -> Frame {
        let start = (self.sent - self.kept) as usize;
        let (front, back) = self.samples.as_slices();
        let end = start + len as usize;
        if let Some(whole) = front.get(start..end) {
            return Frame::new(Position(self.sent), whole);
        }
        if let Some(whole) = start.checked_sub(front.len()).and_then(|from| back.get(from..from + len as usize)) {
            return Frame::new(Position(self.sent), whole);
        }
        let mut joined = [0i16; crate::audio::MAX_FRAME_SAMPLES];
        for (to, from) in joined.iter_mut().zip(self.samples.range(start..end)) {
            *to = *from;
        }
        Frame::new(Position(self.sent), &joined[..len as usize])
    }

    fn clock_samples(&self, now: Instant) -> u64 {
        match self.clock {
            PacingClock::Still { at_samples } => at_samples,
            PacingClock::Moving { at_samples, since } => {
                (at_samples + self.pacing.rate.samples_in(now.saturating_duration_since(since))).min(self.sent)
            }
        }
    }

    /// When the clock reaches `samples`; `now` if it stands still there or has passed it.
    fn reached_at(&self, samples: u64, now: Instant) -> Instant {
        match self.clock {
            PacingClock::Still { .. } => now,
            PacingClock::Moving { at_samples, since } => {
                // One nanosecond more than the duration rounded down, or the clock would read one sample less.
                since + self.pacing.rate.duration_of(samples.saturating_sub(at_samples)) + Duration::from_nanos(1)
            }
        }
    }

    fn drain_deadline(&self) -> Option<Instant> {
        match self.clock {
            PacingClock::Still { .. } => None,
            PacingClock::Moving { since, .. } => Some(self.reached_at(self.total(), since) + REPORT_GRACE),
        }
    }
}

const REPORT_GRACE: Duration = Duration::from_secs(1);

#[cfg(test)]
#[path = "playout_tests.rs"]
mod tests;

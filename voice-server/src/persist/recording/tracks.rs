//! Both sides of a call on one clock: left the caller as received, right the agent as it was heard.
//!
//! Invariant: pure; bounded in memory whatever positions and instants come. The agent's audio runs out of a buffer as at
//! a client without delay: it starts when it is sent, stands still while paused, and what is cleared is never heard.

use super::tap::Tapped;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use voice_core::audio::{FRAME_MS, Frame};
use voice_core::transport::LineControl;
use voice_core::units::SampleRate;

/// Audio that comes later than this has no place any more.
const LATE: Duration = Duration::from_secs(1);

/// A caller whose position is further from the clock than this begins anew at the clock: it lost or skipped time.
const DRIFT: Duration = Duration::from_millis(500);

/// The most agent audio that waits to be heard.
const MAX_QUEUED_S: u64 = 60;

/// The two sides of one call so far.
pub(super) struct Tracks {
    rate: SampleRate,
    begun: Option<Instant>,
    /// Up to here, in samples, time has come.
    now: u64,
    /// Up to here both sides were taken.
    taken: u64,
    caller: Track,
    /// What is added to a caller's position to have its place.
    caller_base: Option<i64>,
    agent: Track,
    playout: Playout,
}

/// Samples from a place on; where nothing was put there is silence.
#[derive(Default)]
struct Track {
    samples: VecDeque<i16>,
}

/// What the agent has said and the caller has not heard.
#[derive(Default)]
struct Playout {
    queue: VecDeque<i16>,
    is_paused: bool,
}

impl Tracks {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            begun: None,
            now: 0,
            taken: 0,
            caller: Track::default(),
            caller_base: None,
            agent: Track::default(),
            playout: Playout::default(),
        }
    }

    /// Takes what passed the line.
    pub(super) fn take(&mut self, at: Instant, tapped: &Tapped) {
        self.advance(at);
        match tapped {
            Tapped::Caller(frame) => self.caller(frame),
            Tapped::Agent(frame) => {
                let room = (MAX_QUEUED_S * u64::from(self.rate.hz())) as usize;
                let fits = room.saturating_sub(self.playout.queue.len());
                self.playout.queue.extend(frame.samples().iter().take(fits));
            }
            Tapped::Control(control) => self.playout.control(*control),
        }
    }

    /// The next frame of both sides, interleaved, once nothing more can come for it.
    pub(super) fn next_frame(&mut self, out: &mut Vec<i16>) -> bool {
        let ready = self.taken + self.frame_samples() + self.rate.samples_in(LATE) <= self.now;
        if ready {
            self.pop(out);
        }
        ready
    }

    /// The next frame of what is left when the call is over.
    pub(super) fn last_frame(&mut self, out: &mut Vec<i16>) -> bool {
        let is_left = self.taken < self.now;
        if is_left {
            self.pop(out);
        }
        is_left
    }

    fn frame_samples(&self) -> u64 {
        self.rate.samples_in_ms(FRAME_MS)
    }

    fn pop(&mut self, out: &mut Vec<i16>) {
        out.clear();
        for _ in 0..self.frame_samples() {
            out.push(self.caller.pop());
            out.push(self.agent.pop());
        }
        self.taken += self.frame_samples();
    }

    /// Time has come to `at`: the agent's audio was heard up to it.
    fn advance(&mut self, at: Instant) {
        let begun = *self.begun.get_or_insert(at);
        let to = self.rate.samples_in(at.saturating_duration_since(begun)).max(self.now);
        if !self.playout.is_paused {
            let place = self.now.saturating_sub(self.taken);
            let heard = self.playout.queue.len().min((to - self.now) as usize);
            self.agent.put(place, self.playout.queue.drain(..heard));
        }
        self.now = to;
    }

    fn caller(&mut self, frame: &Frame) {
        let (now, length) = (self.now as i64, frame.samples().len() as i64);
        let position = i64::try_from(frame.position().0).unwrap_or(i64::MAX / 2);
        let drift = self.rate.samples_in(DRIFT) as i64;
        // The last sample of a frame is as old as the frame's arrival.
        let anew = now - length - position;
        let base = self.caller_base.filter(|base| (base - anew).abs() <= drift).unwrap_or(anew);
        self.caller_base = Some(base);
        let place = base + position - self.taken as i64;
        let late = usize::try_from(-place).unwrap_or(0);
        self.caller.put(place.max(0) as u64, frame.samples().iter().skip(late).copied());
    }
}

impl Track {
    /// Puts samples at a place counted from the front, over what is there.
    fn put(&mut self, place: u64, samples: impl Iterator<Item = i16>) {
        for (at, sample) in (place as usize..).zip(samples) {
            while self.samples.len() <= at {
                self.samples.push_back(0);
            }
            if let Some(there) = self.samples.get_mut(at) {
                *there = sample;
            }
        }
    }

    fn pop(&mut self) -> i16 {
        self.samples.pop_front().unwrap_or(0)
    }
}

impl Playout {
    fn control(&mut self, control: LineControl) {
        match control {
            LineControl::Pause { .. } => self.is_paused = true,
            LineControl::Resume { .. } => self.is_paused = false,
            LineControl::Clear { .. } => *self = Self::default(),
            LineControl::End { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voice_core::units::{Position, ReplyId};

    const RATE: SampleRate = SampleRate::Hz8000;
    const REPLY: ReplyId = ReplyId(1);

    struct Call {
        tracks: Tracks,
        begun: Instant,
    }

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin; nothing is measured")]
    fn call() -> Call {
        Call { tracks: Tracks::new(RATE), begun: Instant::now() }
    }

    impl Call {
        fn at(&mut self, ms: u64, tapped: Tapped) {
            self.tracks.take(self.begun + Duration::from_millis(ms), &tapped);
        }

        fn caller(&mut self, ms: u64, position: u64, sample: i16) {
            self.at(ms, Tapped::Caller(Frame::new(Position(position), &[sample; 160])));
        }

        fn agent(&mut self, ms: u64, sample: i16) {
            self.at(ms, Tapped::Agent(Frame::new(Position(0), &[sample; 160])));
        }

        /// The value of each millisecond of both sides.
        fn heard(mut self) -> (Vec<i16>, Vec<i16>) {
            let (mut frame, mut both) = (Vec::new(), Vec::new());
            while self.tracks.last_frame(&mut frame) {
                both.extend_from_slice(&frame);
            }
            let side = |first: usize| both.iter().skip(first).step_by(2).step_by(8).copied().collect();
            (side(0), side(1))
        }
    }

    fn span(from: usize, side: &[i16], value: i16) -> usize {
        side[from..].iter().take_while(|sample| **sample == value).count()
    }

    #[test]
    fn both_sides_lie_where_they_sounded() {
        let mut call = call();
        call.caller(20, 0, 1);
        call.caller(40, 160, 2);
        call.agent(40, 9);
        call.caller(60, 320, 3);
        call.caller(80, 480, 4);
        // The call came up with the first thing that passed.
        let (caller, agent) = call.heard();
        assert_eq!(caller[..60], [[2; 20], [3; 20], [4; 20]].concat());
        assert_eq!(agent[..60], [[0; 20], [9; 20], [0; 20]].concat());
    }

    #[test]
    fn a_paused_agent_is_silent_and_goes_on_where_it_stopped() {
        let mut call = call();
        for frame in 0..5 {
            call.agent(0, 10 + frame);
        }
        call.at(30, Tapped::Control(LineControl::Pause { reply: REPLY, sent_samples: 800 }));
        call.at(130, Tapped::Control(LineControl::Resume { reply: REPLY }));
        call.caller(300, 0, 1);
        let (_, agent) = call.heard();
        assert_eq!(agent[..20], [10; 20]);
        assert_eq!((span(20, &agent, 11), span(30, &agent, 0), span(130, &agent, 11)), (10, 100, 10));
        assert_eq!(agent[140..200], [[12; 20], [13; 20], [14; 20]].concat());
    }

    #[test]
    fn what_is_cleared_is_not_heard() {
        let mut call = call();
        for _ in 0..5 {
            call.agent(0, 10);
        }
        call.at(30, Tapped::Control(LineControl::Pause { reply: REPLY, sent_samples: 800 }));
        call.at(50, Tapped::Control(LineControl::Clear { reply: REPLY }));
        call.agent(100, 20);
        call.caller(300, 0, 1);
        let (_, agent) = call.heard();
        assert_eq!((span(0, &agent, 10), span(30, &agent, 0), span(100, &agent, 20)), (30, 70, 20));
    }

    #[test]
    fn a_burst_after_a_stall_lies_where_it_was_said_and_a_jump_begins_anew() {
        let mut call = call();
        call.caller(0, 0, 1);
        for frame in 1..6 {
            call.caller(100, frame * 160, 2);
        }
        call.caller(120, 3_600 * 8_000, 3);
        call.caller(2_000, 3_600 * 8_000 + 160, 4);
        let (caller, _) = call.heard();
        assert_eq!(span(0, &caller, 2), 100);
        assert_eq!(span(100, &caller, 3), 20);
        assert_eq!(span(1_980, &caller, 4), 20);
    }

    #[test]
    fn frames_come_a_second_late_and_memory_stays_bounded() {
        let (mut call, mut frame, mut frames) = (call(), Vec::new(), 0);
        for at in 0..5_000 {
            call.caller(at * 20, at * 160, 1);
            while call.tracks.next_frame(&mut frame) {
                frames += 1;
            }
            assert!(call.tracks.caller.samples.len() <= 9_000);
        }
        assert_eq!(frames, 4_999 - 50);
    }
}

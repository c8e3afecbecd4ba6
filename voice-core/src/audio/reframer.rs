//! From chunks of any size to exact frames.
//!
//! Invariant: the frames join without gap or overlap, and every sample of the input is in exactly one of them. It
//! knows nothing of time: it cuts what it is given, when it is given.

use super::frame::{FRAME_MS, Frame, MAX_FRAME_SAMPLES};
use crate::units::{Position, SampleRate};

/// Cuts a stream of samples into frames of exactly 20 ms.
///
/// Bounded: it never holds more than one frame. It allocates nothing.
#[derive(Debug)]
pub struct Reframer {
    frame_samples: usize,
    next: Position,
    held: [i16; MAX_FRAME_SAMPLES],
    held_len: usize,
}

impl Reframer {
    /// A re-framer for samples at `rate` whose first sample is at the start of the line.
    pub fn new(rate: SampleRate) -> Self {
        Self::starting_at(Position::ZERO, rate)
    }

    /// A re-framer whose first sample is at `position`.
    pub fn starting_at(position: Position, rate: SampleRate) -> Self {
        Self {
            frame_samples: rate.samples_in_ms(FRAME_MS) as usize,
            next: position,
            held: [0; MAX_FRAME_SAMPLES],
            held_len: 0,
        }
    }

    /// Takes `samples` and gives each frame that is complete to `on_frame`, in order.
    pub fn push(&mut self, mut samples: &[i16], mut on_frame: impl FnMut(Frame)) {
        while !samples.is_empty() {
            let take = samples.len().min(self.frame_samples - self.held_len);
            let (now, later) = samples.split_at(take);
            self.held[self.held_len..self.held_len + take].copy_from_slice(now);
            self.held_len += take;
            samples = later;
            if self.held_len == self.frame_samples {
                on_frame(self.take_frame());
            }
        }
    }

    /// Gives the samples that do not fill a frame as one short frame, if there are any.
    ///
    /// What is pushed afterwards goes on at the next position.
    pub fn flush(&mut self) -> Option<Frame> {
        (self.held_len > 0).then(|| self.take_frame())
    }

    /// Drops the samples that do not fill a frame; what is pushed next is at `position`.
    pub fn restart_at(&mut self, position: Position) {
        self.next = position;
        self.held_len = 0;
    }

    /// How many samples wait for their frame to fill.
    pub fn held_samples(&self) -> usize {
        self.held_len
    }

    /// The position of the sample that will be pushed next.
    pub fn position(&self) -> Position {
        self.next.plus(self.held_len as u64)
    }

    fn take_frame(&mut self) -> Frame {
        let frame = Frame::new(self.next, &self.held[..self.held_len]);
        self.next = frame.end();
        self.held_len = 0;
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATES: [SampleRate; 4] = [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000];

    proptest! {
        #[test]
        fn frames_are_exact_and_lose_nothing(
            chunks in prop::collection::vec(0_usize..2_500, 0..20),
            rate in prop::sample::select(&RATES[..]),
            start in 0_u64..10_000,
        ) {
            let total: usize = chunks.iter().sum();
            let input: Vec<i16> = (0..total).map(|n| n as i16).collect();
            let mut reframer = Reframer::starting_at(Position(start), rate);
            let (mut frames, mut rest) = (Vec::new(), &input[..]);
            for len in chunks {
                let (chunk, later) = rest.split_at(len);
                reframer.push(chunk, |frame| frames.push(frame));
                rest = later;
            }
            let whole = frames.len();
            prop_assert!(frames.iter().all(|frame| frame.samples().len() as u32 == rate.hz() / 50));
            frames.extend(reframer.flush());
            prop_assert!(frames.len() <= whole + 1);
            let mut expected = Position(start);
            for frame in &frames {
                prop_assert_eq!(frame.position(), expected);
                expected = frame.end();
            }
            let output: Vec<i16> = frames.iter().flat_map(|frame| frame.samples().iter().copied()).collect();
            prop_assert_eq!(output, input);
            prop_assert_eq!(reframer.position(), expected);
        }
    }

    #[test]
    fn a_flushed_tail_is_short_and_the_next_frame_follows_it() {
        let mut reframer = Reframer::new(SampleRate::Hz8000);
        reframer.push(&[7; 170], |frame| assert_eq!(frame.samples(), [7; 160]));
        let tail = reframer.flush().expect("ten samples were held");
        assert_eq!((tail.position(), tail.samples()), (Position(160), &[7; 10][..]));
        assert!(reframer.flush().is_none());
        reframer.push(&[8; 160], |frame| assert_eq!(frame.position(), Position(170)));
    }

    #[test]
    fn a_restart_drops_what_was_held() {
        let mut reframer = Reframer::new(SampleRate::Hz8000);
        reframer.push(&[7; 100], |_| panic!("no frame is complete"));
        reframer.restart_at(Position(4_000));
        let mut seen = Vec::new();
        reframer.push(&[8; 160], |frame| seen.push(frame));
        assert_eq!((seen[0].position(), seen[0].samples()), (Position(4_000), &[8; 160][..]));
    }
}

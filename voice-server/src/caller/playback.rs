//! The simulated loudspeaker: plays the agent's audio on the caller's clock and knows which sample was heard when.
//!
//! Invariant: a pure state machine. The clock is a count of samples since the start of the call; before anything that
//! arrives is applied, everything up to its arrival has been played, so pause and clear take effect at their very
//! sample. It knows no socket, no timer and no turn.

use super::energy::is_audible;
use super::jitter::Jitter;
use super::track::{Track, Tracks};
use std::collections::VecDeque;
use voice_core::units::SampleRate;

/// How the loudspeaker behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaybackConfig {
    /// A reply, or what comes after a gap, is played once so much of it is there, or so long after its first arrival.
    pub(super) buffer_ms: u64,
    /// The most audio kept unplayed; beyond it the server sends too far ahead.
    pub(super) max_queued_ms: u64,
}

impl Default for PlaybackConfig {
    fn default() -> Self {
        Self { buffer_ms: 40, max_queued_ms: 30_000 }
    }
}

/// The server sent more audio ahead than the loudspeaker keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent more than {max_queued_ms} ms of audio ahead of its playback")]
pub struct TooFarAhead {
    /// The bound.
    pub max_queued_ms: u64,
}

/// What the loudspeaker is doing with the reply it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing is there.
    Idle,
    /// Some is there, since this position of the clock, but not yet enough.
    Buffering { since: u64 },
    /// Sounding.
    Playing,
    /// It ran dry in the middle of a reply.
    Starved,
}

#[derive(Debug)]
struct Chunk {
    reply: u32,
    position: u64,
    samples: VecDeque<i16>,
}

/// The simulated loudspeaker.
#[derive(Debug)]
pub(super) struct Playback {
    rate: SampleRate,
    config: PlaybackConfig,
    now: u64,
    mode: Mode,
    current: Option<u32>,
    queue: VecDeque<Chunk>,
    queued: u64,
    tracks: Tracks,
    output: Vec<i16>,
    jitter: Jitter,
    gaps: u64,
    late_frames: u64,
    received: u64,
}

impl Playback {
    /// A loudspeaker at the start of a call.
    pub(super) fn new(rate: SampleRate, config: PlaybackConfig) -> Self {
        Self {
            rate,
            config,
            now: 0,
            mode: Mode::Idle,
            current: None,
            queue: VecDeque::new(),
            queued: 0,
            tracks: Tracks::default(),
            output: Vec::new(),
            jitter: Jitter::new(rate),
            gaps: 0,
            late_frames: 0,
            received: 0,
        }
    }

    /// Plays up to this position of the clock.
    pub(super) fn advance(&mut self, to: u64) {
        while self.now < to {
            self.settle();
            match self.mode {
                Mode::Playing if !self.is_held() => self.play_until(to),
                Mode::Buffering { since } if !self.is_held() => {
                    self.silence_until(to.min((since + self.buffer_samples()).max(self.now + 1)));
                }
                _ => self.silence_until(to),
            }
        }
        self.settle();
    }

    /// Audio of a reply has arrived; `position` counts from that reply's first sample.
    ///
    /// # Errors
    /// [`TooFarAhead`]: the audio was dropped.
    pub(super) fn audio(&mut self, at: u64, reply: u32, position: u64, samples: &[i16]) -> Result<(), TooFarAhead> {
        self.advance(at);
        let count = samples.len() as u64;
        self.received += count;
        if !self.tracks.of(reply).receive(position, count) {
            return Ok(());
        }
        self.jitter.arrived(reply, at, position);
        if self.queued + count > self.rate.samples_in_ms(self.config.max_queued_ms) {
            return Err(TooFarAhead { max_queued_ms: self.config.max_queued_ms });
        }
        if self.mode == Mode::Starved && self.current == Some(reply) {
            self.gaps += 1;
            self.late_frames += 1;
            self.mode = Mode::Buffering { since: self.now };
        }
        self.queued += count;
        self.queue.push_back(Chunk { reply, position, samples: samples.iter().copied().collect() });
        self.settle();
        Ok(())
    }

    /// This reply is held at the sample where it is.
    pub(super) fn pause(&mut self, at: u64, reply: u32) {
        self.advance(at);
        self.tracks.of(reply).held = true;
    }

    /// This reply goes on from the sample where it was held.
    pub(super) fn resume(&mut self, at: u64, reply: u32) {
        self.advance(at);
        self.tracks.of(reply).held = false;
        self.jitter.restart();
        if self.current == Some(reply) && self.mode == Mode::Starved {
            // It ran dry because the server held its audio back, which is no gap.
            self.mode = Mode::Idle;
        }
    }

    /// What is left of this reply is dropped, and whatever of it still arrives counts as stale.
    pub(super) fn clear(&mut self, at: u64, reply: u32) {
        self.advance(at);
        self.tracks.of(reply).clear(at);
        let dropped: u64 = self.queue.iter().filter(|c| c.reply == reply).map(|c| c.samples.len() as u64).sum();
        self.queue.retain(|chunk| chunk.reply != reply);
        self.queued -= dropped;
        self.leave(reply);
        self.settle();
    }

    /// All audio of this reply has been sent; what came beyond its end, which fills up a packet, is none of it.
    pub(super) fn end(&mut self, at: u64, reply: u32, total_samples: u64) {
        self.advance(at);
        self.cut(reply, total_samples);
        self.tracks.of(reply).end(total_samples, at);
        self.settle();
    }

    /// The position of the clock up to which it has played.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Every reply so far, oldest first.
    pub(super) fn tracks(&self) -> impl DoubleEndedIterator<Item = &Track> {
        self.tracks.all()
    }

    /// Whether agent audio is sounding now.
    pub(super) fn is_sounding(&self) -> bool {
        self.mode == Mode::Playing && !self.is_held()
    }

    /// The next `samples` samples as played, or `None` while they have not all been.
    pub(super) fn take_output(&mut self, samples: usize) -> Option<Vec<i16>> {
        (self.output.len() >= samples).then(|| self.output.drain(..samples).collect())
    }

    /// How often a reply ran dry in its middle.
    pub(super) fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Frames that arrived after their first sample was due.
    pub(super) fn late_frames(&self) -> u64 {
        self.late_frames
    }

    /// Samples received, stale ones included.
    pub(super) fn received_samples(&self) -> u64 {
        self.received
    }

    /// How late frames came, against the earliest of their reply.
    pub(super) fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    fn buffer_samples(&self) -> u64 {
        self.rate.samples_in_ms(self.config.buffer_ms)
    }

    fn is_held(&self) -> bool {
        self.current.and_then(|reply| self.tracks.get(reply)).is_some_and(|track| track.held)
    }

    /// Moves on to what the state of queue and replies demands, without passing time.
    fn settle(&mut self) {
        let ran_out = self.mode == Mode::Starved && !self.queue.is_empty() && !self.front_is_current();
        if let Some(reply) = self.current
            && (ran_out || self.tracks.get(reply).is_some_and(Track::is_over))
        {
            self.leave(reply);
        }
        if self.current.is_none() {
            self.current = self.queue.front().map(|chunk| chunk.reply);
        }
        if self.mode == Mode::Idle && self.front_is_current() {
            self.mode = Mode::Buffering { since: self.now };
        }
        if let Mode::Buffering { since } = self.mode
            && (self.now >= since + self.buffer_samples() || self.has_enough())
        {
            self.mode = Mode::Playing;
        }
    }

    fn has_enough(&self) -> bool {
        let Some(reply) = self.current else { return false };
        let there: u64 = self.queue.iter().filter(|c| c.reply == reply).map(|c| c.samples.len() as u64).sum();
        there >= self.buffer_samples() || self.tracks.get(reply).is_some_and(Track::is_all_there)
    }

    fn front_is_current(&self) -> bool {
        self.queue.front().is_some_and(|chunk| Some(chunk.reply) == self.current)
    }

    /// Drops what waits of this reply from this sample on.
    fn cut(&mut self, reply: u32, total_samples: u64) {
        for chunk in self.queue.iter_mut().filter(|chunk| chunk.reply == reply) {
            let kept = total_samples.saturating_sub(chunk.position).min(chunk.samples.len() as u64);
            self.queued -= chunk.samples.len() as u64 - kept;
            chunk.samples.truncate(kept as usize);
        }
        self.queue.retain(|chunk| !chunk.samples.is_empty());
    }

    fn leave(&mut self, reply: u32) {
        if self.current == Some(reply) {
            self.current = None;
            self.mode = Mode::Idle;
        }
    }

    fn silence_until(&mut self, to: u64) {
        let samples = to.saturating_sub(self.now) as usize;
        self.output.resize(self.output.len() + samples, 0);
        self.now = self.now.max(to);
    }

    /// Plays the front chunk, or what fits of it; runs dry where there is none.
    fn play_until(&mut self, to: u64) {
        let Some(chunk) = self.queue.front_mut().filter(|chunk| Some(chunk.reply) == self.current) else {
            self.mode = Mode::Starved;
            return;
        };
        let count = (to - self.now).min(chunk.samples.len() as u64);
        let begin = self.output.len();
        self.output.extend(chunk.samples.drain(..count as usize));
        let audible = self.output.iter().skip(begin).position(|&sample| is_audible(sample));
        let (reply, position) = (chunk.reply, chunk.position);
        chunk.position = chunk.position.saturating_add(count);
        if chunk.samples.is_empty() {
            self.queue.pop_front();
        }
        self.queued -= count;
        self.tracks.of(reply).play(self.now, position, count, audible.map(|offset| offset as u64));
        self.now += count;
    }
}

#[cfg(test)]
#[path = "playback_tests.rs"]
mod tests;

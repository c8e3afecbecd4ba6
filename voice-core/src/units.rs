//! The words every other module shares: ids, positions and sample rates.
//!
//! Invariant: plain values without behaviour beyond arithmetic that cannot overflow or panic. This module knows no
//! audio bytes, no clock and no other module of the crate, so that the turn machine may use it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Identifies a call across logs, events and storage; chosen by the embedding program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallId(Arc<str>);

impl CallId {
    /// Wraps an id the embedding program has chosen (a UUID, say).
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One exchange within a call; counts up from 1 and is never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TurnId(pub u32);

/// One attempt of the agent to speak: its epoch. Counts up from 1 and is never reused within a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplyId(pub u32);

/// One run of a tool; counts up from 1 and is never reused within a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ToolRunId(pub u32);

/// A count of samples at the line's rate since the start of one direction of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(pub u64);

impl Position {
    /// The start of the line.
    pub const ZERO: Self = Self(0);

    /// The position `samples` later, or the last one there is.
    #[must_use]
    pub fn plus(self, samples: u64) -> Self {
        Self(self.0.saturating_add(samples))
    }

    /// The position `samples` earlier, but never before the start.
    #[must_use]
    pub fn minus(self, samples: u64) -> Self {
        Self(self.0.saturating_sub(samples))
    }

    /// Samples from `earlier` to here; 0 where `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The sample rates the engine speaks. All audio is mono.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SampleRate {
    /// Telephony, narrow band.
    Hz8000,
    /// Wide band; what VAD and STT are given.
    Hz16000,
    /// What most TTS engines produce.
    Hz24000,
    /// What browsers and Opus use.
    Hz48000,
}

impl SampleRate {
    /// Samples per second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz8000 => 8_000,
            Self::Hz16000 => 16_000,
            Self::Hz24000 => 24_000,
            Self::Hz48000 => 48_000,
        }
    }

    /// The rate with that many samples per second, if the engine speaks it.
    pub const fn from_hz(hz: u32) -> Option<Self> {
        match hz {
            8_000 => Some(Self::Hz8000),
            16_000 => Some(Self::Hz16000),
            24_000 => Some(Self::Hz24000),
            48_000 => Some(Self::Hz48000),
            _ => None,
        }
    }

    /// Samples in `ms` milliseconds, or as many as can be counted; exact, as every rate is a multiple of 1000.
    pub const fn samples_in_ms(self, ms: u64) -> u64 {
        ms.saturating_mul((self.hz() / 1_000) as u64)
    }

    /// How long `samples` last at this rate.
    pub fn duration_of(self, samples: u64) -> Duration {
        let hz = u64::from(self.hz());
        let nanos = (samples % hz) * 1_000_000_000 / hz;
        Duration::from_secs(samples / hz) + Duration::from_nanos(nanos)
    }

    /// How many whole samples fit in `duration` at this rate.
    pub fn samples_in(self, duration: Duration) -> u64 {
        let hz = u64::from(self.hz());
        duration.as_secs().saturating_mul(hz).saturating_add(u64::from(duration.subsec_nanos()) * hz / 1_000_000_000)
    }

    /// Converts a count of samples at this rate to the count at `other`, rounded down.
    pub fn convert(self, samples: u64, other: Self) -> u64 {
        let wide = u128::from(samples) * u128::from(other.hz()) / u128::from(self.hz());
        u64::try_from(wide).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_samples_agree_at_every_rate() {
        for rate in [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000] {
            for ms in [0, 1, 20, 999, 1_000, 3_600_000] {
                let samples = rate.samples_in_ms(ms);
                assert_eq!(rate.duration_of(samples), Duration::from_millis(ms));
                assert_eq!(rate.samples_in(Duration::from_millis(ms)), samples);
            }
            assert_eq!(SampleRate::from_hz(rate.hz()), Some(rate));
        }
        assert_eq!(SampleRate::Hz8000.convert(160, SampleRate::Hz48000), 960);
    }

    #[test]
    fn a_time_beyond_counting_is_the_longest_there_is() {
        assert_eq!(SampleRate::Hz8000.samples_in_ms(u64::MAX), u64::MAX);
        assert_eq!(SampleRate::Hz48000.samples_in(Duration::MAX), u64::MAX);
        assert_eq!(SampleRate::Hz48000.convert(u64::MAX, SampleRate::Hz8000), u64::MAX / 6);
    }
}

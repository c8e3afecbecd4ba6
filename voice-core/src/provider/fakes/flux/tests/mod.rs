//! The fake by itself: turns from audio alone, and the whole service over a real socket.

mod socket;
mod turns;

use super::FluxFake;
use crate::provider::fakes::FakeTurn;

const TEXT: &str = "Book a table for four.";

fn sound(level: i16, ms: usize) -> Vec<i16> {
    (0..ms * 16).map(|n| if n % 2 == 0 { level } else { -level }).collect()
}

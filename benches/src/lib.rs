//! Shared parts of the benchmarks; the benchmarks themselves are in `benches/`.
//!
//! Criterion gives medians and their change; tails come from plain histograms, printed with the timer's floor.

pub mod call;
pub mod calls;
pub mod clock;
pub mod noise;
pub mod speech;
pub mod tail;
pub mod vads;
pub mod vendors;
mod words;

pub use words::{word_errors, words};

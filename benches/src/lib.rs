//! Shared parts of the benchmarks. The benchmarks themselves are in `benches/`.

mod words;

pub use words::{word_errors, words};

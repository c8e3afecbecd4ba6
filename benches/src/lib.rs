//! Shared parts of the benchmarks. The benchmarks themselves are in `benches/`.

//! A thin server around `voice-core`.

pub mod caller;

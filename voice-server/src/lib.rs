//! A thin server around `voice-core`.

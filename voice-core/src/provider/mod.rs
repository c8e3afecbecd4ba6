//! Engines behind the traits of [`crate::stage`]: one folder each.
//!
//! Invariant: a provider knows stages, audio and units, never a turn, a session or a transport.

#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "scripted")]
pub mod scripted;

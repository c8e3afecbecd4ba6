//! Engines behind the traits of [`crate::stage`]: one folder each.
//!
//! Invariant: a provider knows stages, audio and units, never a turn, a session or a transport.

#[cfg(feature = "cartesia")]
pub mod cartesia;
mod clock;
#[cfg(any(feature = "cartesia", feature = "elevenlabs"))]
mod contexts;
#[cfg(feature = "deepgram")]
pub mod deepgram;
#[cfg(feature = "elevenlabs")]
pub mod elevenlabs;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod fallback;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "net")]
mod net;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "scripted")]
pub mod scripted;

#[cfg(feature = "net")]
pub use net::{ApiKey, CheckReport};

//! SVOX Pico as a TTS stage: 16 kHz, about 130 times faster than real time, first audio within a few milliseconds.
//!
//! Invariant: one thread owns every engine of the C library; calls only leave text and take audio. The thread makes
//! one block (64 ms) for each reply in turn, so a long clause delays nobody, and stops making audio for a reply whose
//! reader is further behind than [`PicoConfig::ahead`]. Pico gives no word times.

mod config;
mod desk;
mod engine;
mod lane;
mod native;
mod reply;
mod speakable;
mod tts;

pub use config::{PicoConfig, PicoLanguage};
pub use tts::PicoTts;

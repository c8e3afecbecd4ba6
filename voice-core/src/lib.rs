//! Live spoken conversation as a library.
//!
//! Speech-to-text, a language model and text-to-speech run as async streams joined by one turn-taking state machine.

pub mod audio;
pub mod history;
pub mod metrics;
pub mod provider;
pub mod session;
pub mod stage;
pub mod text;
pub mod transport;
pub mod turn;
pub mod units;

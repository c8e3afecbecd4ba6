//! Nova-3: words over `/v1/listen`; the session finds the turns.

mod command;
mod config;
mod message;
mod segments;
mod stt;

pub use config::NovaConfig;
pub use stt::NovaStt;

/// The state of a connection, for fuzzing.
#[cfg(feature = "fuzzing")]
pub(super) fn any_segments() -> impl super::dialect::Dialect {
    segments::Segments::default()
}

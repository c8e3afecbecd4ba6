//! Flux: words and turns over `/v2/listen`.

mod command;
mod config;
mod message;
mod stt;
mod turns;

pub use config::{FluxConfig, ForceEndTurn};
pub use stt::FluxStt;

/// The state of a connection, for fuzzing.
#[cfg(feature = "fuzzing")]
pub(super) fn any_turns() -> impl super::dialect::Dialect {
    turns::Turns::new(command::Languages::Several, std::sync::Arc::default())
}

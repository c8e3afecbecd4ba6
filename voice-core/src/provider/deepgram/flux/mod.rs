//! Flux: words and turns over `/v2/listen`.

mod command;
mod config;
mod message;
mod stt;
mod turns;

pub use config::{FluxConfig, ForceEndTurn};
pub use stt::FluxStt;

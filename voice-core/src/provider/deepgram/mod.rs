//! Deepgram: Flux, which finds turns itself, and Nova-3.
//!
//! Invariant: one stream is one connection, and knows nothing of those before it: whoever feeds it opens the next.
//! Neither engine knows a turn machine or a session.
//!
//! `flux` and `nova` hold each protocol as pure code: `message` reads what comes, `command` writes what goes, a
//! `Dialect` says what it means. Around them `link` connects, `feed` takes audio (`chunker` cuts it)
//! and `call` sends it (`pacer` says when, `configuring` what waits for an answer) and tells the events, at the call's
//! positions (`stream_clock`).

mod address;
mod call;
mod chunker;
mod configuring;
mod dialect;
mod feed;
mod flux;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzz;
mod json;
mod limits;
mod link;
mod nova;
mod pacer;
mod stream_clock;

pub use flux::{FluxConfig, FluxStt, ForceEndTurn};
pub use nova::{NovaConfig, NovaStt};

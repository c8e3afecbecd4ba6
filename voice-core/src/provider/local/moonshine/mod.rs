//! Moonshine tiny-en as an STT stage: English, interims by decoding the open segment again, a final on request.
//!
//! Invariant: a call's task only appends samples and leaves jobs; decoding is the workers'. Finals come in the order of
//! their segments. The VAD of the session says where segments begin and end.

mod buffer;
mod call;
mod loudness;
mod model;
mod network;
mod segmenter;
mod stt;
mod tokens;

pub use stt::Moonshine;

pub(super) const ENGINE: &str = "Moonshine";

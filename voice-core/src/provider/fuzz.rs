//! What `scripts/fuzz` throws bytes at: everything that reads what a vendor sent.
//!
//! Invariant: a target takes any bytes and panics only if a promise of the code is broken. A new target is a function, a
//! line in [`TARGETS`] and a folder of its name in `fuzz/corpus` with at least one file. A vendor's own functions are
//! in its folder.

#[cfg(feature = "cartesia")]
use super::cartesia::fuzz as cartesia;
#[cfg(feature = "deepgram")]
use super::deepgram::fuzz as deepgram;
#[cfg(feature = "elevenlabs")]
use super::elevenlabs::fuzz as elevenlabs;
#[cfg(feature = "net")]
use super::net::fuzz as net;
#[cfg(feature = "openai")]
use super::openai::fuzz as openai;

/// Takes any bytes; panics if a promise is broken.
pub type Target = fn(&[u8]);

/// Every target and its name.
pub const TARGETS: &[(&str, Target)] = &[
    #[cfg(feature = "cartesia")]
    ("cartesia", cartesia::cartesia),
    #[cfg(feature = "elevenlabs")]
    ("elevenlabs", elevenlabs::elevenlabs),
    #[cfg(feature = "deepgram")]
    ("flux", deepgram::flux),
    #[cfg(feature = "deepgram")]
    ("nova", deepgram::nova),
    #[cfg(feature = "net")]
    ("said", net::said),
    #[cfg(feature = "net-http")]
    ("sse", net::sse),
    #[cfg(feature = "openai")]
    ("chat", openai::chat),
    #[cfg(feature = "openai")]
    ("speech", openai::speech),
];

//! What TTS vendors with many contexts on one socket share: a reply's queue, its deadlines, and the way from a context
//! to its reply.
//!
//! Invariant: nothing here waits. The socket's task puts audio into bounded queues, the call takes it out when it has
//! room, and a reply that nobody reads never delays another. It knows no vendor's messages.
#![cfg_attr(
    not(all(feature = "cartesia", feature = "elevenlabs")),
    allow(dead_code, unused_imports, reason = "which parts are used depends on the vendors that are built in")
)]

mod check;
mod decoder;
mod outbox;
#[cfg(feature = "fuzzing")]
pub(crate) mod promises;
mod queue;
mod reply;
mod router;
#[cfg(test)]
pub(crate) mod scripted_server;
mod text;
mod words;

pub(crate) use check::check_voice;
pub(crate) use decoder::{PcmDecoder, WireEncoding, audio_from_base64};
pub(crate) use outbox::{Line, Outbox, end_error};
pub(crate) use queue::{Awaited, Expiry, QueueLimits, SpeechQueue};
pub(crate) use reply::{SpokenReply, tts_reply};
pub(crate) use router::Router;
pub(crate) use text::{Clause, is_speakable};
pub(crate) use words::{TagStripper, TimedWord, WordBuilder, samples_at};

/// A message that is not the vendor's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Garbled(pub(crate) &'static str);

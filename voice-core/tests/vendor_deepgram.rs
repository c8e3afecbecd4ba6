//! Deepgram's engines over real sockets: against a server that says exactly what a test tells it, and against the fakes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "vendor_deepgram/ends.rs"]
mod ends;
#[path = "vendor_deepgram/fakes.rs"]
mod fakes;
#[path = "vendor_deepgram/flux.rs"]
mod flux;
#[path = "vendor_deepgram/log.rs"]
mod log;
#[path = "vendor_deepgram/nova.rs"]
mod nova;
#[path = "vendor_deepgram/support.rs"]
mod support;

//! Whole calls over a voice that misbehaves, in real time and over real sockets: what the caller hears of the reply,
//! that the call goes on, that no sample is heard twice and none of a reply that is dead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "vendor_tts_faults/away.rs"]
mod away;
#[path = "vendor_tts_faults/dead.rs"]
mod dead;
#[path = "vendor_tts_faults/http.rs"]
mod http;
#[path = "vendor_tts_faults/socket.rs"]
mod socket;
#[path = "vendor_tts_faults/stand_in.rs"]
mod stand_in;
mod support;
#[path = "vendor_tts_faults/talk.rs"]
mod talk;
#[path = "vendor_tts_faults/vendor.rs"]
mod vendor;

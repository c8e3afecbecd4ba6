//! What all vendors share: keys, connections, streams, and what their refusals mean.
//!
//! Invariant: a key is in no log, no error and no `Debug`; nothing read from a vendor is unbounded. It knows no vendor's
//! messages.
//!
//! `vendor` says what went wrong, `socket` drives a WebSocket, `http` requests whose answers stream, `sse` cuts such an
//! answer into events, `backoff` spaces tries out.
#![cfg_attr(
    not(all(feature = "cartesia", feature = "deepgram", feature = "elevenlabs", feature = "openai")),
    allow(dead_code, unused_imports, reason = "which parts are used depends on the vendors that are built in")
)]

#[cfg(any(feature = "net-socket", feature = "net-http"))]
mod address;
mod backoff;
mod check;
#[cfg(any(feature = "net-socket", feature = "net-http"))]
mod client;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzz;
#[cfg(feature = "net-http")]
mod http;
mod key;
#[cfg(any(feature = "net-socket", feature = "net-http"))]
mod retry_after;
mod said;
#[cfg(feature = "net-socket")]
mod socket;
#[cfg(feature = "net-http")]
mod sse;
#[cfg(any(feature = "net-socket", feature = "net-http"))]
mod tls;
mod vendor;

pub(crate) use backoff::backoff;
pub use check::CheckReport;
#[cfg(feature = "net-http")]
pub(crate) use http::{HttpBody, HttpClient, HttpError, HttpLimits};
pub use key::ApiKey;
pub(crate) use said::said_in;
#[cfg(feature = "net-socket")]
pub(crate) use socket::{
    KeepAlive, KeepAliveMessage, Socket, SocketEnd, SocketHandler, SocketPlan, SocketRequest, SocketWriter, connect,
};
#[cfg(feature = "net-http")]
pub(crate) use sse::{SseDecoder, SseEvent};
pub(crate) use vendor::{Refusal, Vendor};

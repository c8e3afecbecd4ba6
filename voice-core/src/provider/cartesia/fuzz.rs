//! What fuzzing asks of a Cartesia reply.

use super::config::CartesiaConfig;
use super::message::decode;
use super::reply::{Reply, Shared};
use crate::provider::contexts::promises::{Nowhere, assert_kept};
use crate::provider::contexts::{Line, Outbox, Router, SpokenReply};
use crate::provider::net::Vendor;
use crate::units::SampleRate;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Each line is a message of the vendor's, or `speak` or `finish`. A message of no context is of `f-1`, the first.
pub(in crate::provider) fn cartesia(bytes: &[u8]) {
    let out: Arc<dyn Outbox> = Arc::new(Nowhere);
    let shared = Arc::new(Shared {
        config: Arc::new(CartesiaConfig { context_idle_ms: 0, max_unread_ms: 1_000, ..CartesiaConfig::default() }),
        rate: SampleRate::Hz8000,
        vendor: Vendor { name: "V", key: None, url_setting: "URL" },
        router: Router::new(),
        line: Line::default(),
        marks_seen: AtomicBool::new(false),
    });
    shared.line.connect(&out);
    let Ok(reply) = Reply::begin("f".into(), shared) else { return };
    let mut events = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        match line {
            b"speak" => drop(reply.speak("One. ", &*out)),
            b"finish" => reply.finish(&*out),
            line => {
                if let Ok(heard) = decode(&String::from_utf8_lossy(line)) {
                    reply.hear(heard.context.as_deref().unwrap_or("f-1"), heard.message);
                }
            }
        }
        events.extend(reply.queue().drain());
    }
    assert_kept(&events);
    reply.cancel(&*out);
}

//! Chat and speech against servers that speak the protocol, their bad manners included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "vendor_openai/chat.rs"]
mod chat;
#[path = "vendor_openai/speech.rs"]
mod speech;

use std::time::Duration;
use voice_core::provider::fakes::{Fakes, FakesConfig, Fault, FaultRule, FaultScript, Service};

const SECRET: &str = "sk-very-secret";
/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn rule(service: Service, after_messages: u64, fault: Fault) -> FaultScript {
    FaultScript { rules: vec![FaultRule { service, on: Some(1), after_messages, times: Some(1), fault }] }
}

pub(crate) async fn start(config: FakesConfig) -> Fakes {
    Fakes::start(FakesConfig { key: Some(SECRET.to_owned()), ..config }).await.unwrap()
}

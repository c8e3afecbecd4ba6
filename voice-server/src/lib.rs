//! A thin server around `voice-core`.
//!
//! [`run`] holds one session of the engine for each WebSocket at `/v1/call`; `PROTOCOL.md` describes what is spoken
//! there. The server adds limits, health, metrics and an orderly end, and no decision about the conversation.

mod admission;
mod agent;
mod call;
pub mod caller;
mod config;
mod http;
mod limits;
mod metrics;
mod server;

pub use agent::{AgentError, BuiltAgent, build_agent};
pub use config::{AgentSettings, ConfigError, ServeArgs, Settings, SttChoice, TtsChoice, VadChoice};
pub use limits::ServerLimits;
pub use server::{ServerConfig, ServerError, run, serve_connection};

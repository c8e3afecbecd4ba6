//! A thin server around `voice-core`.
//!
//! [`run`] holds one session of the engine for each WebSocket at `/v1/call`; `PROTOCOL.md` describes what is spoken
//! there. The server adds limits, health, metrics and an orderly end, and no decision about the conversation.

mod addresses;
mod admission;
mod agent;
mod api;
pub mod auth;
mod call;
pub mod caller;
mod check;
mod choice;
mod cli;
mod config;
mod connections;
mod cost;
pub mod db;
mod development;
mod environment;
mod fakes;
mod http;
mod limits;
mod log;
mod metrics;
mod page;
mod persist;
mod principal;
mod problem;
mod replay;
mod sections;
mod server;
mod shares;
mod start;
pub mod store;
mod this_machine;
mod token;

pub use agent::{AgentError, BuiltAgent, build_agent};
pub use choice::{Choice, LlmEngine, Named, SttEngine, TtsEngine};
pub use cli::{Cli, execute};
pub use config::{AgentSettings, ConfigError, ServeArgs, Settings, VadChoice};
pub use cost::{EnginePrices, Price, Prices};
pub use environment::{Account, Environment, EnvironmentError};
pub use limits::ServerLimits;
pub use persist::{
    BucketAccess, PersistConfig, PersistError, PersistLimits, RecordingError, RecordingSettings, SpoolError,
    open_recordings,
};
pub use principal::{CallUuid, Principal, Role, TenantId, UserId};
pub use sections::*;
pub use server::{ServerConfig, ServerError, run, serve_connection};
pub use start::{StartError, exit_code};

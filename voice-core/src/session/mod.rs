//! One call: a task that owns it, from the first frame to the record of what was said.
//!
//! Invariant: one task owns a call and nobody else holds a lock on it. It waits for one input, gives it to the turn
//! machine, performs all outputs, and repeats. Every queue is bounded. It knows the stages by their traits only, never
//! a provider.

mod agent;
mod backlog;
mod bill;
mod clock;
mod cost;
mod driver;
mod engines;
mod event;
mod handle;
mod hearing;
mod intake;
mod listen;
mod machine;
mod memory;
mod mouth;
mod news;
mod perform;
mod playout;
mod record;
mod replies;
mod reply;
mod requests;
mod retry;
mod sending;
mod speech;
mod tools;
mod warmth;
mod watch;

pub use agent::{Agent, AgentConfig, PlayoutConfig};
pub use cost::{Cost, DiscardedUse, EngineUse};
pub use driver::Session;
pub use event::{Finality, SessionEvent, SessionEvents, Stage, ToolState};
pub use handle::{HandleError, SessionHandle};
pub use record::{CallRecord, TurnRecord};

//! The three capabilities of a call as async streams: what an engine of speech or language must offer.
//!
//! Invariant: only traits and event types. Feeding a stage never waits and never blocks; dropping a stream cancels the
//! work behind it. Nothing here knows a vendor, a turn or a session.

mod error;
mod llm;
mod serving;
mod stt;
mod tool;
mod tts;

pub use error::{Fault, StageError};
pub use llm::{FinishReason, Llm, LlmEvent, LlmRequest, LlmStream, Message, Role, TokenUsage, ToolCall, ToolSpec};
pub use serving::{PassedOver, Serving};
pub use stt::{LISTEN_RATE, Stt, SttEvent, SttFeed, SttHints, SttSession};
pub use tool::{BargeInBehaviour, Tool, ToolError, ToolPolicy};
pub use tts::{Handed, Tts, TtsEvent, TtsFeed, TtsReply, TtsSession};

//! Chat completions over server-sent events.
//!
//! `request` and `messages` write what is sent; `answer` reads what comes, with `chunk` for the wire, `think` and
//! `tool_calls` for the two things that span chunks, and `fault` for what breaks it off. All these are pure. `generation`
//! owns the connection of one answer and its deadlines, `llm` joins it all into an engine.

mod answer;
mod chunk;
mod config;
mod fault;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzz;
mod generation;
mod llm;
mod messages;
mod preset;
mod request;
mod think;
mod tool_calls;

pub use config::ChatConfig;
pub use llm::ChatLlm;
pub use preset::ChatPreset;

#[cfg(test)]
mod tests;

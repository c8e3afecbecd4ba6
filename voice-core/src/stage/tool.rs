//! Functions of the embedding program that the model may call.

use super::ToolSpec;
use futures::future::BoxFuture;
use std::time::Duration;

/// A function the model may call during a reply. Never called for a speculative reply.
pub trait Tool: Send + Sync {
    /// Its name, purpose and arguments, told to the model.
    fn spec(&self) -> ToolSpec;

    /// How the session treats its runs.
    fn policy(&self) -> ToolPolicy {
        ToolPolicy::default()
    }

    /// Runs with `arguments_json`, the model's arguments: a JSON object as text, not yet checked against the schema.
    /// The result goes to the model as it is. Dropping the future cancels the run.
    ///
    /// # Errors
    /// A sentence for the model, which can tell the caller.
    fn call(&self, arguments_json: String) -> BoxFuture<'static, Result<String, ToolError>>;
}

/// How the session treats the runs of a tool.
#[derive(Clone, Debug)]
pub struct ToolPolicy {
    /// A run that takes longer is dropped and answered with an error. Default 10 s.
    pub deadline: Duration,
    /// What a barge-in does to a run. Default: cancel.
    pub on_barge_in: BargeInBehaviour,
    /// Spoken once while a run lasts longer than `filler_after`.
    pub filler: Option<String>,
    /// Default 600 ms, about the pause after which a listener wonders.
    pub filler_after: Duration,
}

impl Default for ToolPolicy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            on_barge_in: BargeInBehaviour::Cancel,
            filler: None,
            filler_after: Duration::from_millis(600),
        }
    }
}

/// What a barge-in does to a running tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BargeInBehaviour {
    /// The run is dropped; the history says it was cancelled.
    Cancel,
    /// The run goes on; its result enters the history but is not spoken.
    Finish,
}

/// Why a tool gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The tool said no; the sentence is for the model.
    #[error("{0}")]
    Failed(String),
    /// It took too long.
    #[error("the tool gave no result within {} ms", .0.as_millis())]
    Deadline(Duration),
    /// The caller took the turn.
    #[error("cancelled: the caller took the turn")]
    Cancelled,
    /// There is no such tool.
    #[error("there is no tool of this name")]
    Unknown,
    /// The tool's code broke off.
    #[error("the tool broke off")]
    Panicked,
}

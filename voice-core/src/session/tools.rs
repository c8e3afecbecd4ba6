//! Runs of the embedding program's functions.
//!
//! Invariant: a run is a task of its own, so a slow or panicking tool does not touch the call; it ends by its deadline
//! at the latest, and every run that was asked for is answered once.

use crate::stage::{BargeInBehaviour, Tool, ToolCall, ToolError, ToolPolicy, ToolSpec};
use crate::units::{ReplyId, ToolRunId};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

/// Runs of one call at a time; one more is answered with an error.
const MAX_RUNS: usize = 16;

/// The runs of one call.
pub(super) struct ToolRuns {
    tools: Vec<Arc<dyn Tool>>,
    last: u32,
    runs: Vec<Run>,
    tasks: JoinSet<Result<String, ToolError>>,
}

struct Run {
    id: ToolRunId,
    reply: ReplyId,
    call: ToolCall,
    policy: ToolPolicy,
    phase: Phase,
}

enum Phase {
    Requested,
    Running {
        task: Id,
        abort: AbortHandle,
        filler_at: Option<Instant>,
    },
    /// Answered without having run.
    Refused(ToolError),
}

/// A run that is over.
pub(super) struct FinishedRun {
    pub(super) id: ToolRunId,
    pub(super) reply: ReplyId,
    pub(super) call: ToolCall,
    pub(super) result: Result<String, ToolError>,
}

impl ToolRuns {
    pub(super) fn new(tools: Vec<Arc<dyn Tool>>) -> Self {
        Self { tools, last: 0, runs: Vec::new(), tasks: JoinSet::new() }
    }

    /// What the model is told.
    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|tool| tool.spec()).collect()
    }

    /// Notes that the model wants a run; it starts with [`Self::start`].
    pub(super) fn request(&mut self, reply: ReplyId, call: ToolCall) -> ToolRunId {
        self.last += 1;
        let id = ToolRunId(self.last);
        self.runs.push(Run { id, reply, call, policy: ToolPolicy::default(), phase: Phase::Requested });
        id
    }

    /// Starts a requested run; gives its call, for the history.
    pub(super) fn start(&mut self, id: ToolRunId, now: Instant) -> Option<ToolCall> {
        let running = self.tasks.len();
        let run = self.runs.iter_mut().find(|run| run.id == id && matches!(run.phase, Phase::Requested))?;
        let tool = self.tools.iter().find(|tool| tool.spec().name == run.call.name);
        run.phase = match tool {
            None => Phase::Refused(ToolError::Unknown),
            Some(_) if running >= MAX_RUNS => {
                Phase::Refused(ToolError::Failed(format!("{MAX_RUNS} tools are running already")))
            }
            Some(_) if !is_object(&run.call.arguments_json) => {
                Phase::Refused(ToolError::Failed("its arguments are no JSON object: call it again with one".into()))
            }
            Some(tool) => {
                run.policy = tool.policy();
                let (tool, arguments, deadline) =
                    (Arc::clone(tool), run.call.arguments_json.clone(), run.policy.deadline);
                let abort = self.tasks.spawn(async move {
                    // Called in here, so that one that panics or blocks at once does so in its own task.
                    let work = async { tool.call(arguments).await };
                    tokio::time::timeout(deadline, work).await.unwrap_or(Err(ToolError::Deadline(deadline)))
                });
                let filler_at = run.policy.filler.as_ref().map(|_| now + run.policy.filler_after);
                Phase::Running { task: abort.id(), abort, filler_at }
            }
        };
        Some(run.call.clone())
    }

    /// The next run that is over. Cancellation safe.
    pub(super) fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<FinishedRun> {
        if let Some(at) = self.runs.iter().position(|run| matches!(run.phase, Phase::Refused(_))) {
            let Run { id, reply, call, phase, .. } = self.runs.remove(at);
            let Phase::Refused(error) = phase else { return Poll::Pending };
            return Poll::Ready(FinishedRun { id, reply, call, result: Err(error) });
        }
        loop {
            let Poll::Ready(Some(joined)) = self.tasks.poll_join_next_with_id(cx) else { return Poll::Pending };
            if let Some(finished) = self.finished(joined) {
                return Poll::Ready(finished);
            }
        }
    }

    /// The reply is dead: runs that were only asked for are forgotten, running ones end as their policy says. Gives the
    /// calls that were cancelled.
    pub(super) fn reply_died(&mut self, reply: ReplyId) -> Vec<ToolCall> {
        let mut cancelled = Vec::new();
        self.runs.retain(|run| match &run.phase {
            Phase::Running { abort, .. }
                if run.reply == reply && run.policy.on_barge_in == BargeInBehaviour::Cancel =>
            {
                abort.abort();
                cancelled.push(run.call.clone());
                false
            }
            Phase::Refused(_) if run.reply == reply => {
                cancelled.push(run.call.clone());
                false
            }
            Phase::Requested | Phase::Refused(_) => run.reply != reply,
            Phase::Running { .. } => true,
        });
        cancelled
    }

    /// A filler that is due: it is given once.
    pub(super) fn due_filler(&mut self, now: Instant) -> Option<(ReplyId, String)> {
        self.runs.iter_mut().find_map(|run| match &mut run.phase {
            Phase::Running { filler_at, .. } if filler_at.is_some_and(|at| at <= now) => {
                *filler_at = None;
                run.policy.filler.clone().map(|filler| (run.reply, filler))
            }
            Phase::Running { .. } | Phase::Requested | Phase::Refused(_) => None,
        })
    }

    /// When the next filler is due.
    pub(super) fn next_filler(&self) -> Option<Instant> {
        let due = self.runs.iter().filter_map(|run| match run.phase {
            Phase::Running { filler_at, .. } => filler_at,
            Phase::Requested | Phase::Refused(_) => None,
        });
        due.min()
    }

    fn finished(&mut self, joined: Result<(Id, Result<String, ToolError>), JoinError>) -> Option<FinishedRun> {
        let (task, result) = match joined {
            Ok((task, result)) => (task, result),
            Err(error) if error.is_panic() => (error.id(), Err(ToolError::Panicked)),
            Err(error) => (error.id(), Err(ToolError::Cancelled)),
        };
        let at = self.runs.iter().position(|run| matches!(run.phase, Phase::Running { task: id, .. } if id == task))?;
        let Run { id, reply, call, .. } = self.runs.remove(at);
        Some(FinishedRun { id, reply, call, result })
    }
}

/// Whether this is what a tool is promised. Blank arguments are none: the model has to say `{}`.
fn is_object(arguments_json: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, IgnoredAny>>(arguments_json).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::clock;
    use futures::FutureExt;
    use futures::future::BoxFuture;
    use std::future::poll_fn;

    /// Gives back what it was called with.
    struct Echo;

    impl Tool for Echo {
        fn spec(&self) -> ToolSpec {
            ToolSpec { name: "echo".into(), description: "Repeats.".into(), parameters_json: "{}".into() }
        }

        fn call(&self, arguments_json: String) -> BoxFuture<'static, Result<String, ToolError>> {
            async move { Ok(arguments_json) }.boxed()
        }
    }

    async fn run(arguments_json: &str) -> Result<String, ToolError> {
        let mut runs = ToolRuns::new(vec![Arc::new(Echo)]);
        let call = ToolCall { call: "1".into(), name: "echo".into(), arguments_json: arguments_json.into() };
        let id = runs.request(ReplyId(1), call);
        assert!(runs.start(id, clock::now()).is_some(), "the history has the call in any case");
        poll_fn(|cx| runs.poll_finished(cx)).await.result
    }

    #[tokio::test]
    async fn a_tool_is_given_json_objects_only() {
        for arguments in ["{}", r#" {"people": 4, "when": {"day": null}} "#] {
            assert_eq!(run(arguments).await, Ok(arguments.into()));
        }
        for arguments in ["", "null", "4", "[{}]", r#"{"people": 4"#, r#"{"people": 4} and more"#, "{people: 4}"] {
            let Err(ToolError::Failed(said)) = run(arguments).await else { panic!("{arguments} ran") };
            assert!(said.contains("JSON object"), "{said}");
        }
    }
}

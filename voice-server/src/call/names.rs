//! The engine's words as the protocol and the metrics write them.

use voice_core::session::{Stage, ToolState};
use voice_core::turn::{BargeInCause, EndReason, EotSource, ReplyOutcome};

/// Why a call ended that broke off by a fault of the server.
pub(crate) const SERVER_FAULT: &str = "server_fault";

pub(crate) fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::CallerHungUp => "caller_hung_up",
        EndReason::LineLost => "line_lost",
        EndReason::AgentHungUp => "agent_hung_up",
        EndReason::CallerIdle => "caller_idle",
        EndReason::MaxDuration => "max_duration",
        EndReason::StageFailed => "stage_failed",
        EndReason::Shutdown => "shutdown",
        EndReason::Unauthorized => "unauthorized",
        _ => "other",
    }
}

pub(crate) fn barge_in_cause(cause: BargeInCause) -> &'static str {
    match cause {
        BargeInCause::StartOfTurn => "start_of_turn",
        BargeInCause::Words => "words",
        BargeInCause::Duration => "duration",
        BargeInCause::Policy => "policy",
        BargeInCause::Command => "command",
        _ => "other",
    }
}

pub(crate) fn reply_outcome(outcome: ReplyOutcome) -> &'static str {
    match outcome {
        ReplyOutcome::Completed => "completed",
        ReplyOutcome::BargedIn => "barged_in",
        ReplyOutcome::Failed => "failed",
        ReplyOutcome::CallEnded => "call_ended",
        ReplyOutcome::Superseded => "superseded",
        _ => "other",
    }
}

pub(crate) fn eot_source(source: EotSource) -> &'static str {
    match source {
        EotSource::Silence => "silence",
        EotSource::Model => "model",
        EotSource::Stt => "stt",
        EotSource::Timeout => "timeout",
        EotSource::Dtmf => "dtmf",
        EotSource::CallEnded => "call_ended",
        _ => "other",
    }
}

pub(crate) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Stt => "stt",
        Stage::Llm => "llm",
        Stage::Tts => "tts",
        _ => "other",
    }
}

pub(crate) fn tool_state(state: &ToolState) -> &'static str {
    match state {
        ToolState::Started => "started",
        ToolState::Done => "done",
        ToolState::Failed(_) => "failed",
        ToolState::Cancelled => "cancelled",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_tells_by_its_own_word_what_ended_it() {
        for (source, word) in [
            (EotSource::Silence, "silence"),
            (EotSource::Model, "model"),
            (EotSource::Stt, "stt"),
            (EotSource::Timeout, "timeout"),
            (EotSource::Dtmf, "dtmf"),
            (EotSource::CallEnded, "call_ended"),
        ] {
            assert_eq!(eot_source(source), word);
            assert_eq!(serde_json::to_value(source).unwrap(), word, "as in the log of the turn-taking");
        }
    }
}

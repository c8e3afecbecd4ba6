//! `voice-server replay FILE`: the log of a call's turn-taking, run again.

use clap::Args;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::time::Instant;
use voice_core::turn_log::{Difference, ReplayError, ReplayOutcome, Replayed, replay};

/// Which log.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The log, as `GET /v1/calls/ID/turn-log` gives it.
    file: PathBuf,
}

/// Why the command fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ReplayFailed {
    #[error("{} cannot be opened: {reason}", file.display())]
    Open { file: PathBuf, reason: io::Error },
    #[error("{}: {reason}", file.display())]
    Log { file: PathBuf, reason: ReplayError },
    #[error("{}", told(.0))]
    Different(Box<Difference>),
}

/// Runs the log and prints what came of it.
///
/// # Errors
/// [`ReplayFailed`], also if the machine decides something else than the log says.
pub(crate) fn run(args: &ReplayArgs) -> Result<(), ReplayFailed> {
    let file = || args.file.clone();
    let log = File::open(&args.file).map_err(|reason| ReplayFailed::Open { file: file(), reason })?;
    let replayed = replay(BufReader::new(log), base()).map_err(|reason| ReplayFailed::Log { file: file(), reason })?;
    let Replayed { inputs, outputs, duration, outcome } = replayed;
    let ran = format!("{inputs} inputs in {:.1} s of call gave {outputs} outputs", duration.as_secs_f64());
    match outcome {
        ReplayOutcome::Identical => println!("identical: {ran}"),
        ReplayOutcome::IdenticalUntilCut(why) => {
            println!("identical as far as the log goes: {ran}; it ends there: {why}")
        }
        ReplayOutcome::Different(difference) => return Err(ReplayFailed::Different(difference)),
        _ => println!("{ran}"),
    }
    Ok(())
}

fn told(difference: &Difference) -> String {
    let nothing = || "nothing".to_owned();
    format!(
        "the first difference is at line {}, {:.3} s into the call:\n  the log:     {}\n  the machine: {}",
        difference.line,
        difference.at.as_secs_f64(),
        difference.recorded.clone().unwrap_or_else(nothing),
        difference.replayed.clone().unwrap_or_else(nothing),
    )
}

/// The log's times are counted from it; which one it is does not matter.
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn base() -> Instant {
    Instant::now()
}

//! The `check` subcommand: whether every configured vendor can be reached and answers as it should.
//!
//! Invariant: bounded in time, and the table shows no key.

use crate::agent::{AgentError, VendorCheck, build_agent};
use crate::config::{ConfigError, ServeArgs, Settings};
use crate::environment::{Account, Environment, EnvironmentError};
use crate::log::{self, LogError};
use futures::future::join_all;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// The log of a check, unless another is asked for: the table says the rest.
const QUIET: &str = "error";

/// Flags of `voice-server check`: those of `serve`, and how long to wait.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// What would be served.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// How long each engine may take.
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub(crate) deadline_ms: u64,
}

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    /// The environment is wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no agent to check.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The log cannot be started.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Something does not work; the table says what.
    #[error("{failed} of {all} engines do not work")]
    Failed {
        /// How many do not.
        failed: usize,
        /// How many there are.
        all: usize,
    },
}

/// What a check found of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// `stt`, `llm` or `tts`.
    pub(crate) stage: &'static str,
    /// Its name: vendor and model.
    pub(crate) engine: String,
    /// How long it took.
    pub(crate) took_ms: u64,
    /// What works, or what to do.
    pub(crate) outcome: Result<String, String>,
}

/// Checks every vendor of the configuration and prints a table on standard output.
///
/// # Errors
/// [`CheckError`], also if any engine does not work.
pub(crate) async fn run(args: &CheckArgs) -> Result<(), CheckError> {
    let environment = Environment::of_process()?;
    log::start(environment.log_filter().or(Some(QUIET)))?;
    let settings = Settings::load(&args.serve, environment)?;
    let checked = check(&settings, Duration::from_millis(args.deadline_ms)).await?;
    if checked.is_empty() {
        println!("no vendor is configured: every stage runs on this machine.");
        println!("Any of these variables adds one: {}.", Account::needed_variables().collect::<Vec<_>>().join(", "));
        return Ok(());
    }
    print!("{}", Table(&checked));
    match checked.iter().filter(|checked| checked.outcome.is_err()).count() {
        0 => Ok(()),
        failed => Err(CheckError::Failed { failed, all: checked.len() }),
    }
}

/// Tries every vendor's engine of `settings` at once, each within `deadline`.
///
/// # Errors
/// [`AgentError`] if there would be no agent to serve with.
async fn check(settings: &Settings, deadline: Duration) -> Result<Vec<Checked>, AgentError> {
    let checks = build_agent(settings)?.checks;
    Ok(join_all(checks.into_iter().map(|check| try_one(check, deadline))).await)
}

#[expect(clippy::disallowed_methods, reason = "how long a try takes is what an operator asks for")]
async fn try_one(check: VendorCheck, deadline: Duration) -> Checked {
    let start = tokio::time::Instant::now();
    let VendorCheck { stage, engine, probe } = check;
    let late = || Err(format!("nothing came within {} ms; is the way to it open?", deadline.as_millis()));
    let outcome = timeout(deadline, probe).await.unwrap_or_else(|_| late());
    Checked { stage, engine, took_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX), outcome }
}

/// One line an engine.
struct Table<'a>(&'a [Checked]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.0.iter().map(|checked| checked.engine.chars().count()).max().unwrap_or_default().max(6);
        writeln!(f, "stage  {:<widest$}  works  {:>6}", "engine", "ms")?;
        self.0.iter().try_for_each(|Checked { stage, engine, took_ms, outcome }| {
            let (works, detail) = match outcome {
                Ok(detail) => ("yes", detail),
                Err(what_to_do) => ("NO", what_to_do),
            };
            writeln!(f, "{stage:<5}  {engine:<widest$}  {works:<5}  {took_ms:>6}  {detail}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_says_nothing_has_missed_its_deadline() {
        let probe = Box::pin(std::future::pending());
        let silent = VendorCheck { stage: "stt", engine: "silent".into(), probe };
        let checked = try_one(silent, Duration::from_millis(700)).await;
        assert_eq!(checked.took_ms, 700);
        assert_eq!(checked.outcome, Err("nothing came within 700 ms; is the way to it open?".into()));
    }

    #[test]
    fn the_table_says_what_works_and_what_to_do() {
        let line = |engine: &str, outcome| Checked { stage: "tts", engine: engine.into(), took_ms: 12, outcome };
        let checked = [line("a voice", Ok("spoke".into())), line("x", Err("set X".into()))];
        let table = Table(&checked).to_string();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "stage  engine   works      ms");
        assert_eq!(lines[1], "tts    a voice  yes        12  spoke");
        assert_eq!(lines[2], "tts    x        NO         12  set X");
    }

    #[tokio::test]
    async fn without_vendors_there_is_nothing_to_check() {
        let settings = Settings { models: "/nowhere/at/all".into(), ..Settings::default() };
        assert_eq!(check(&settings, Duration::from_secs(1)).await.unwrap(), []);
    }
}

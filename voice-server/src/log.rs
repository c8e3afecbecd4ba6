//! The log: what is asked for with `VOICE_LOG`, on standard error, and never a key.

use std::io::{self, IsTerminal};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

/// What writes out whole requests and messages at the level `trace`, keys and tokens and all. Other dependencies log
/// headers through types that show marked ones as "Sensitive", or do not log them: tests search everything that is
/// written at `trace`.
const WRITES_SECRETS: [&str; 2] = ["tungstenite::handshake", "tungstenite::protocol"];

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The filter cannot be read.
    #[error("VOICE_LOG cannot be read ({0}): write a level, or targets with levels, as in info,voice_core=debug")]
    Filter(#[from] ParseError),
    /// There is a log already.
    #[error("the log of this process was started before")]
    Twice(#[from] TryInitError),
}

/// Starts the log of this process.
///
/// # Errors
/// [`LogError`].
pub(crate) fn start(filter: Option<&str>) -> Result<(), LogError> {
    let wanted = EnvFilter::builder().with_default_directive(Level::INFO.into()).parse(filter.unwrap_or_default())?;
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines).with(wanted).with(filter_fn(is_harmless)).try_init()?;
    Ok(())
}

/// No filter that is asked for can overrule this.
fn is_harmless(line: &Metadata<'_>) -> bool {
    *line.level() != Level::TRACE || !WRITES_SECRETS.iter().any(|target| line.target().starts_with(target))
}

//! The `fakes` subcommand: local servers that speak the vendors' protocols, with this machine's engines behind them.
//!
//! With the lines it prints in the environment, `voice-server` speaks to them as it would to the vendors.

use std::future::Future;
use std::path::PathBuf;

#[cfg(feature = "vendors")]
mod serve;

/// The log of the fakes, unless another is asked for: what comes to them.
pub(crate) const LOG: &str = "info,voice_core::provider::fakes=debug";

/// Flags of `voice-server fakes`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct FakesArgs {
    /// The port of 127.0.0.1 to listen on; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// A script of what goes wrong (TOML); voice-server/faults.example.toml has every fault.
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// The only key that is accepted; without it, any is.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Insists on the speech engines of this machine behind the protocols; without it a script hears and tones speak
    /// where they are missing.
    #[arg(long)]
    pub(crate) local: bool,
    /// The folder of the local models. Default .models.
    #[arg(long, value_name = "DIR", env = "VOICE_MODELS_DIR")]
    pub(crate) models: Option<PathBuf>,
}

/// Why there are no fakes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FakesError {
    /// They are not in this build.
    #[cfg(not(feature = "vendors"))]
    #[error("this build leaves the fakes out; build with the feature `vendors`")]
    LeftOut,
    /// The script of faults cannot be used.
    #[cfg(feature = "vendors")]
    #[error("the script of faults {} cannot be used: {reason}", path.display())]
    Faults {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// An engine that was insisted on is missing.
    #[cfg(feature = "vendors")]
    #[error("--local insists on {engine}: {reason}")]
    Missing {
        /// Which.
        engine: &'static str,
        /// Why.
        reason: String,
    },
    /// They cannot listen.
    #[cfg(feature = "vendors")]
    #[error("cannot listen on port {port} of 127.0.0.1: {reason}; choose another with --port")]
    Listen {
        /// Which port.
        port: u16,
        /// What the system says.
        reason: std::io::Error,
    },
}

/// Serves the fakes until `stop` is ready.
///
/// # Errors
/// [`FakesError`].
#[cfg(feature = "vendors")]
pub(crate) async fn run(args: &FakesArgs, stop: impl Future<Output = ()>) -> Result<(), FakesError> {
    serve::serve(args, stop).await
}

/// Says that this build has none.
///
/// # Errors
/// [`FakesError::LeftOut`].
#[cfg(not(feature = "vendors"))]
pub(crate) async fn run(_args: &FakesArgs, _stop: impl Future<Output = ()>) -> Result<(), FakesError> {
    Err(FakesError::LeftOut)
}

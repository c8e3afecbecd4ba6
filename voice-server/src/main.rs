//! The `voice-server` command.

use clap::Parser;
use std::process::ExitCode;
use voice_server::Cli;

/// Exits with 2 if the command line is wrong, with 78 if the configuration is not one to serve with, with 1 if anything
/// else fails, else with 0.
#[tokio::main]
async fn main() -> ExitCode {
    match voice_server::execute(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("voice-server: {error}");
            ExitCode::from(voice_server::exit_code(&*error))
        }
    }
}

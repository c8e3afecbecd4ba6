//! The `voice-server` command: serves calls, or places one.

use clap::{Parser, Subcommand};
use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing_subscriber::EnvFilter;
use voice_server::caller::{self, CallArgs};
use voice_server::{ServeArgs, ServerConfig, Settings, build_agent};

/// Live spoken conversation over WebSocket: serves calls, or places one from the terminal.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves calls (also without a subcommand).
    Serve(ServeArgs),
    /// Places a call from WAV files, or from silence, and reports on it.
    Call(Box<CallArgs>),
}

/// Exits with 2 if the command line is wrong, with 1 if anything fails, else with 0.
#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve(&args).await,
        Command::Call(args) => caller::run(*args).await.map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("voice-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &ServeArgs) -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::builder().with_env_var("VOICE_LOG").with_default_directive(tracing::Level::INFO.into());
    let log = tracing_subscriber::fmt().with_env_filter(filter.from_env()?).with_writer(io::stderr);
    log.with_ansi(io::stderr().is_terminal()).init();
    let settings = Settings::load(args)?;
    let built = build_agent(&settings)?;
    for note in &built.notes {
        info!("{note}");
    }
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}; choose another with --listen", settings.listen))?;
    // The one line on standard output, for scripts that chose port 0.
    println!("listening on {}", listener.local_addr()?);
    let config = ServerConfig { agent: built.agent, limits: settings.limits };
    let stop = CancellationToken::new();
    tokio::select! {
        done = voice_server::run(listener, config, stop.cancelled()) => Ok(done?),
        impatient = told_to_stop(&stop)? => Err(impatient.into()),
    }
}

/// Cancels `stop` at the first SIGINT or SIGTERM; ready at the second, with what to say then.
fn told_to_stop(stop: &CancellationToken) -> io::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut told = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    Ok(async move {
        told().await;
        stop.cancel();
        told().await;
        "told to stop twice: running calls were cut off"
    })
}

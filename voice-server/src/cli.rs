//! The `voice-server` command: its subcommands, and what each does.

use crate::caller::{self, CallArgs};
use crate::check::{self, CheckArgs};
use crate::db::{self, DbArgs};
use crate::environment::Environment;
use crate::fakes::{self, FakesArgs};
use crate::replay::{self, ReplayArgs};
use crate::token::{self, TokenArgs};
use crate::{
    PersistConfig, PersistLimits, ServeArgs, ServerConfig, ServerLimits, Settings, build_agent, log, open_recordings,
    page, start,
};
use clap::{Parser, Subcommand};
use std::error::Error;
use std::io;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Live spoken conversation over WebSocket: serves calls, or places one from the terminal.
#[derive(Debug, Parser)]
#[command(name = "voice-server", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves calls (also without a subcommand).
    Serve(ServeArgs),
    /// Places a call from WAV files and reports on it.
    Call(Box<CallArgs>),
    /// Connects to every configured vendor and says what works, how long it took and what to fix.
    Check(CheckArgs),
    /// Prints a token of this server's own, for development, and makes its tenant and user.
    Token(TokenArgs),
    /// Starts local servers that speak the vendors' protocols, so that the whole chain can be tried without a key.
    Fakes(FakesArgs),
    /// Runs the log of a call's turn-taking again and says whether the machine decides the same.
    Replay(ReplayArgs),
    /// Prepares a Postgres database.
    Db(DbArgs),
}

/// Does what the command line says.
///
/// # Errors
/// Whatever fails, as a sentence for the operator.
pub async fn execute(cli: Cli) -> Result<(), Box<dyn Error>> {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve(&args).await,
        Command::Call(args) => Ok(caller::run(*args).await?),
        Command::Check(args) => Ok(check::run(&args).await?),
        Command::Replay(args) => Ok(replay::run(&args)?),
        Command::Db(args) => Ok(db::run(args).await?),
        Command::Token(args) => Ok(token::run(&args).await?),
        Command::Fakes(args) => {
            log::start(Environment::of_process()?.log_filter().or(Some(fakes::LOG)))?;
            let stop = CancellationToken::new();
            tokio::select! {
                done = fakes::run(&args, stop.cancelled()) => Ok(done?),
                impatient = told_to_stop(&stop)? => Err(impatient.into()),
            }
        }
    }
}

async fn serve(args: &ServeArgs) -> Result<(), Box<dyn Error>> {
    let environment = Environment::of_process()?;
    log::start(environment.log_filter())?;
    let settings = Settings::load(args, environment)?;
    let (verifier, store) = start::trust_and_store(&settings).await?;
    let local_issuer = start::local_issuer(&settings)?;
    let built = build_agent(&settings)?;
    for note in &built.notes {
        info!("{note}");
    }
    let recordings = open_recordings(&settings.recordings, settings.environment.bucket(), &settings.data)?;
    let ServerLimits { journal_bytes, turn_log_bytes, waiting_turn_logs_bytes, .. } = settings.limits;
    let limits = PersistLimits { journal_bytes, turn_log_bytes, waiting_turn_logs_bytes, ..PersistLimits::default() };
    let persist = PersistConfig { data: settings.data, limits };
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}; choose another with --listen", settings.listen))?;
    // The one line on standard output, for scripts that chose port 0.
    println!("listening on {}", listener.local_addr()?);
    info!("open {} to hold a call in the browser", page::address(listener.local_addr()?));
    let config = ServerConfig::new(built.agent, settings.limits, verifier, store);
    let config = ServerConfig { prices: settings.prices, persist: Some(persist), recordings, local_issuer, ..config };
    let stop = CancellationToken::new();
    tokio::select! {
        done = crate::run(listener, config, stop.cancelled()) => Ok(done?),
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

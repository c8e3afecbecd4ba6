//! Placing a call: find the server, hold the call, write down what was asked for.

use super::args::{CallArgs, ServerUrl};
use super::client::{Held, hold};
use super::error::CallError;
use super::plan::CallPlan;
use super::report::CallReport;
use super::view::View;
use crate::{Environment, ServeArgs, ServerConfig, Settings, build_agent};
use std::fs::File;
use std::future::{Future, pending};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};
use tokio_tungstenite::{client_async_with_config, connect_async_with_config};

/// For the connection and the WebSocket's own handshake.
const CONNECT_MS: u64 = 5_000;

/// Runs `voice-server call`: places the call, shows it, prints the report and writes the files.
///
/// Ctrl-C hangs up in order. Not cancellation safe: dropped, it leaves the recording without its length.
///
/// # Errors
/// [`CallError`] if the call could not be placed or did not end in order; the report is printed and written
/// nevertheless if the call had begun.
pub async fn run(args: CallArgs) -> Result<(), CallError> {
    let plan = CallPlan::prepare(&args)?;
    let json = args.json.as_deref().map(JsonFile::create).transpose()?;
    let mut view = View::stdout();
    let held = match &args.server {
        Some(url) => call(url, plan, &mut view, interrupted()).await,
        None => call_in_process(&args, plan, &mut view).await?,
    };
    if let Some(report) = &held.report {
        println!("\n{report}");
        json.map_or(Ok(()), |json| json.write(report))?;
    }
    held.end
}

/// Places the call of `args` over a connection that is already there, in silence: for tests and embedding.
///
/// `args.server` and `args.json` are not looked at. Runs on tokio's clock, so that simulated time works. Not
/// cancellation safe.
pub async fn place<S>(connection: S, args: &CallArgs) -> (Option<CallReport>, Result<(), CallError>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let held = match CallPlan::prepare(args) {
        Ok(plan) => place_planned(connection, plan).await,
        Err(error) => Held { report: None, end: Err(error) },
    };
    (held.report, held.end)
}

async fn place_planned<S>(connection: S, plan: CallPlan) -> Held
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let url = "ws://in-process/v1/call";
    match opened(url, client_async_with_config(url, connection, Some(limits()))).await {
        Ok((socket, _)) => hold(socket, plan, &mut View::none(), pending()).await,
        Err(error) => Held { report: None, end: Err(error) },
    }
}

/// Starts a server on a free port, with the agent of its configuration, for this one call.
///
/// # Errors
/// [`CallError::Server`] if it does not start.
async fn call_in_process(args: &CallArgs, plan: CallPlan, view: &mut View) -> Result<Held, CallError> {
    let refused = |error: &dyn std::error::Error| CallError::Server(error.to_string());
    let wanted = ServeArgs { config: args.config.clone(), models: args.models.clone(), ..ServeArgs::default() };
    let environment = Environment::of_process().map_err(|error| refused(&error))?;
    let settings = Settings::load(&wanted, environment).map_err(|error| refused(&error))?;
    let built = build_agent(&settings).map_err(|error| refused(&error))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| refused(&error))?;
    let url = ServerUrl::of(listener.local_addr().map_err(|error| refused(&error))?);
    println!("calling the agent of this process at {}", url.as_str());
    built.notes.iter().for_each(|note| println!("  {note}"));
    let (stop, stopped) = oneshot::channel::<()>();
    let config = ServerConfig { prices: settings.prices, ..ServerConfig::new(built.agent, settings.limits) };
    let server = crate::run(listener, config, async {
        // Ready when the call has dropped its end.
        let _ = stopped.await;
    });
    let call = async {
        let held = call(&url, plan, view, interrupted()).await;
        drop(stop);
        held
    };
    let (held, served) = tokio::join!(call, server);
    served.map_err(|error| refused(&error))?;
    Ok(held)
}

async fn call(url: &ServerUrl, plan: CallPlan, view: &mut View, hang_up: impl Future<Output = ()>) -> Held {
    match opened(url.as_str(), connect_async_with_config(url.as_str(), Some(limits()), true)).await {
        Ok((socket, _)) => hold(socket, plan, view, hang_up).await,
        Err(error) => Held { report: None, end: Err(error) },
    }
}

/// No message of the protocol comes near these.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(1 << 20)).max_frame_size(Some(1 << 20))
}

async fn opened<T>(url: &str, opening: impl Future<Output = Result<T, tungstenite::Error>>) -> Result<T, CallError> {
    let refused = |why: String| CallError::Connect { url: url.to_owned(), why };
    match timeout(Duration::from_millis(CONNECT_MS), opening).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(tungstenite::Error::Http(response))) => {
            Err(CallError::Refused(format!("{url} answered HTTP {}", response.status())))
        }
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(refused(format!("nothing answered within {CONNECT_MS} ms"))),
    }
}

/// Ready at Ctrl-C; never, where there is no such signal.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        pending::<()>().await;
    }
}

/// The report's file, opened before the call so that a bad path is known in time.
struct JsonFile {
    path: PathBuf,
    file: File,
}

impl JsonFile {
    fn create(path: &Path) -> Result<Self, CallError> {
        let refused = |error: std::io::Error| CallError::Output { path: path.to_owned(), why: error.to_string() };
        Ok(Self { path: path.to_owned(), file: File::create(path).map_err(refused)? })
    }

    fn write(self, report: &CallReport) -> Result<(), CallError> {
        let written = serde_json::to_writer_pretty(&self.file, report);
        written.map_err(|error| CallError::Output { path: self.path, why: error.to_string() })
    }
}

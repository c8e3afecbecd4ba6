//! Placing a call: find the server, hold the call, write down what was asked for.

use super::args::{CallArgs, ServerUrl};
use super::client::{Held, hold};
use super::error::CallError;
use super::plan::CallPlan;
use super::report::CallReport;
use super::view::View;
use crate::auth::{Deployment, LocalIssuer};
use crate::development::Development;
use crate::{Environment, ServeArgs, ServerConfig, Settings, build_agent, start};
use secrecy::{ExposeSecret, SecretString};
use std::fs::File;
use std::future::{Future, pending};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};
use tokio_tungstenite::{client_async_with_config, connect_async_with_config};

/// For the connection and the WebSocket's own handshake.
const CONNECT_MS: u64 = 5_000;

/// Of a token that is signed for one call; a call takes an hour at most.
const TOKEN_LIFE: Duration = Duration::from_secs(2 * 3_600);

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
        Some(url) => {
            let token = match &args.token {
                Some(token) => token.clone(),
                None => local_token(&settings_of(&args)?)?,
            };
            call((url, &token), plan, &mut view, interrupted()).await
        }
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
/// `args.server`, `args.data` and `args.json` are not looked at. Runs on tokio's clock, so that simulated time works. Not
/// cancellation safe.
pub async fn place<S>(connection: S, args: &CallArgs) -> (Option<CallReport>, Result<(), CallError>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let held = match CallPlan::prepare(args) {
        Ok(plan) => place_planned(connection, args.token.as_ref(), plan).await,
        Err(error) => Held { report: None, end: Err(error) },
    };
    (held.report, held.end)
}

async fn place_planned<S>(connection: S, token: Option<&SecretString>, plan: CallPlan) -> Held
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let url = "ws://in-process/v1/call";
    let opening = async {
        let request = request(url, token)?;
        opened(url, client_async_with_config(request, connection, Some(limits()))).await
    };
    match opening.await {
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
    let settings = settings_of(args)?;
    let (verifier, store) = start::trust_and_store(&settings).await.map_err(|error| refused(&error))?;
    let token = args.token.clone().map_or_else(|| local_token(&settings), Ok)?;
    let built = build_agent(&settings).map_err(|error| refused(&error))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| refused(&error))?;
    let url = ServerUrl::of(listener.local_addr().map_err(|error| refused(&error))?);
    println!("calling the agent of this process at {}", url.as_str());
    built.notes.iter().for_each(|note| println!("  {note}"));
    let (stop, stopped) = oneshot::channel::<()>();
    let config = ServerConfig::new(built.agent, settings.limits, verifier, store);
    let config = ServerConfig { prices: settings.prices, ..config };
    let server = crate::run(listener, config, async {
        // Ready when the call has dropped its end.
        let _ = stopped.await;
    });
    let call = async {
        let held = call((&url, &token), plan, view, interrupted()).await;
        drop(stop);
        held
    };
    let (held, served) = tokio::join!(call, server);
    served.map_err(|error| refused(&error))?;
    Ok(held)
}

async fn call(
    (url, token): (&ServerUrl, &SecretString),
    plan: CallPlan,
    view: &mut View,
    hang_up: impl Future<Output = ()>,
) -> Held {
    let opening = async {
        let request = request(url.as_str(), Some(token))?;
        opened(url.as_str(), connect_async_with_config(request, Some(limits()), true)).await
    };
    match opening.await {
        Ok((socket, _)) => hold(socket, plan, view, hang_up).await,
        Err(error) => Held { report: None, end: Err(error) },
    }
}

/// The request for a call, with the token in the header for it.
fn request(url: &str, token: Option<&SecretString>) -> Result<Request, CallError> {
    let wrong = |why: String| CallError::Connect { url: url.to_owned(), why };
    let mut request = url.into_client_request().map_err(|error| wrong(error.to_string()))?;
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
        let mut value =
            value.map_err(|_| CallError::NoToken("the one given has characters that no token has".into()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(request)
}

fn settings_of(args: &CallArgs) -> Result<Settings, CallError> {
    let refused = |error: &dyn std::error::Error| CallError::Server(error.to_string());
    let (config, models, data) = (args.config.clone(), args.models.clone(), args.data.clone());
    let wanted = ServeArgs { config, models, data, ..ServeArgs::default() };
    let environment = Environment::of_process().map_err(|error| refused(&error))?;
    Settings::load(&wanted, environment).map_err(|error| refused(&error))
}

/// A token of the local issuer, if it has a key here.
fn local_token(settings: &Settings) -> Result<SecretString, CallError> {
    let no_token = |why: &dyn std::fmt::Display| CallError::NoToken(why.to_string());
    if settings.environment.issuers().deployment == Deployment::Production {
        return Err(no_token(&"with ENVIRONMENT=production none is signed here"));
    }
    let issuer = LocalIssuer::existing(&settings.data).map_err(|error| no_token(&error))?;
    let issuer = issuer.ok_or_else(|| no_token(&format!("{} has no key to sign one", settings.data.display())))?;
    issuer.sign(Development::default().user, TOKEN_LIFE).map_err(|error| no_token(&error))
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
            let hint = if response.status() == StatusCode::UNAUTHORIZED { ": it wants another token" } else { "" };
            Err(CallError::Refused(format!("{url} answered HTTP {}{hint}", response.status())))
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

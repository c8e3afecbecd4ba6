//! The life of a server: accept, serve, drain.

use crate::admission::{Admission, Refusal};
use crate::api::ApiState;
use crate::auth::{Gate, LocalIssuer, Verifier};
use crate::call::Resumables;
use crate::connections::Connections;
use crate::cost::Prices;
use crate::limits::{LONGEST_CALL, ServerLimits};
use crate::metrics::ServerMetrics;
use crate::page::Sessions;
use crate::persist::{PersistConfig, PersistError, Persistence, PersistenceTasks};
use crate::store::{AnyStore, SystemStore};
use axum::extract::FromRef;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use voice_core::session::Agent;

/// Once told to end, a call has this long for its last words.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);

/// So much longer than the longest of any server a call is left alone before it is taken for lost: its last words, and the
/// difference of two servers' clocks.
const LOST_MARGIN: Duration = Duration::from_secs(3_600);

/// What a server needs to know.
#[derive(Clone)]
pub struct ServerConfig {
    /// Who answers the calls.
    pub agent: Agent,
    /// How much of its clients it bears.
    pub limits: ServerLimits,
    /// What the agent's engines cost.
    pub prices: Prices,
    /// Whose tokens are taken. There is no server without.
    pub verifier: Arc<Verifier>,
    /// Who the users are, and what they did.
    pub store: Arc<dyn AnyStore>,
    /// Where what is said in calls is kept until the store has it; without, nothing is kept of any call.
    pub persist: Option<PersistConfig>,
    /// Where recordings are kept.
    pub recordings: Arc<dyn ObjectStore>,
    /// In development, who signs the page's tokens; without, whoever opens the page brings one.
    pub local_issuer: Option<Arc<LocalIssuer>>,
}

impl ServerConfig {
    /// A server that knows no prices and keeps nothing of its calls.
    pub fn new(agent: Agent, limits: ServerLimits, verifier: Verifier, store: Arc<dyn AnyStore>) -> Self {
        Self {
            agent,
            limits,
            prices: Prices::default(),
            verifier: Arc::new(verifier),
            store,
            persist: None,
            recordings: Arc::new(InMemory::new()),
            local_issuer: None,
        }
    }
}

/// Why a server ended other than by being told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The listener is of no use.
    #[error("the listener is of no use: {0}")]
    Listener(#[from] io::Error),
    /// What is said in calls could not be kept.
    #[error(transparent)]
    Persist(#[from] PersistError),
}

/// The other end of a connection, for handlers; without an address where it is no socket of a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

/// What all connections and calls of a server share.
pub(crate) struct Server {
    pub(crate) agent: Agent,
    pub(crate) limits: ServerLimits,
    pub(crate) prices: Prices,
    pub(crate) admission: Admission,
    /// Calls that can be taken up on another socket.
    pub(crate) resumables: Resumables,
    pub(crate) gate: Gate,
    pub(crate) api: ApiState,
    /// Tokens for the page, where there are any.
    pub(crate) sessions: Option<Sessions>,
    pub(crate) metrics: Arc<ServerMetrics>,
    /// What keeps calls; nothing is kept where there is none.
    pub(crate) persistence: Option<Persistence>,
    verifier: Arc<Verifier>,
    /// The tasks of sessions; each is awaited by its call.
    pub(crate) tasks: TaskTracker,
    /// Calls still running are to end now.
    pub(crate) end_calls: CancellationToken,
}

/// Serves calls on `listener` until `shutdown` is ready. Then no call is taken any more, running ones may finish within
/// [`ServerLimits::drain_ms`], and what is left then is told to end.
///
/// Not cancellation safe: dropped, it leaves running calls to themselves.
///
/// # Errors
/// [`ServerError`] if the listener fails or calls cannot be kept.
pub async fn run(
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let address = listener.local_addr()?;
    let (server, keeping) = Server::start(config)?;
    let server = Arc::new(server);
    let connections = Connections::new(&server);
    info!(%address, max_calls = server.limits.max_calls, "serving");
    tokio::select! {
        () = connections.accept(&listener) => {}
        () = server.verifier.keep_fresh() => {}
        () = shutdown => {}
    }
    server.admission.close();
    info!(calls = server.admission.calls(), "shutting down: no new calls");
    // Health checks are answered to the end.
    tokio::select! {
        () = connections.accept(&listener) => {}
        () = server.verifier.keep_fresh() => {}
        () = server.drain() => {}
    }
    drop(listener);
    connections.close().await;
    if let Some(keeping) = keeping {
        keeping.stop().await;
    }
    info!("shut down");
    Ok(())
}

/// Serves one connection that is already there, until it has closed and its call is over: for tests in simulated time
/// and for lines that are no TCP socket. Nothing is kept of the call: [`ServerConfig::persist`] is not looked at.
///
/// Not cancellation safe: dropped, it leaves a running call to itself.
pub async fn serve_connection<S>(connection: S, config: ServerConfig)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let server = Arc::new(Server::new(config, None));
    let connections = Connections::new(&server);
    tokio::select! {
        () = connections.serve(connection, Peer(None)) => {}
        () = server.verifier.keep_fresh() => {}
    }
    server.admission.close();
    server.admission.emptied().await;
}

fn longest_call(agent: &Agent) -> Duration {
    Duration::from_millis(agent.config.turn.max_call_ms)
}

impl FromRef<Arc<Server>> for Gate {
    fn from_ref(server: &Arc<Server>) -> Self {
        server.gate.clone()
    }
}

impl Server {
    /// A server that keeps its calls, if it is to, and what does so.
    fn start(config: ServerConfig) -> Result<(Self, Option<PersistenceTasks>), PersistError> {
        let Some(persist) = &config.persist else { return Ok((Self::new(config, None), None)) };
        let store = Arc::clone(&config.store) as Arc<dyn SystemStore>;
        let lost_after = LONGEST_CALL.max(longest_call(&config.agent)).saturating_add(LOST_MARGIN);
        let (persistence, keeping) = Persistence::start(persist, store, Arc::clone(&config.recordings), lost_after)?;
        Ok((Self::new(config, Some(persistence)), Some(keeping)))
    }

    /// Whether a call would be taken.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        self.admission.check()?;
        self.keeps()
    }

    /// Whether what is said in a call that begins now can be kept.
    pub(crate) fn keeps(&self) -> Result<(), Refusal> {
        match self.persistence.as_ref().map(|persistence| persistence.journal().check()) {
            Some(Err(error)) => {
                warn!(%error, "no call is taken");
                Err(Refusal::NotKept)
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    fn new(config: ServerConfig, persistence: Option<Persistence>) -> Self {
        let metrics = Arc::new(ServerMetrics::new());
        let store = Arc::clone(&config.store);
        let longest_call = longest_call(&config.agent);
        let gate = Gate::new(Arc::clone(&config.verifier), store, Arc::clone(&metrics), &config.limits, longest_call);
        Self {
            api: ApiState::new(gate.clone(), &config, longest_call),
            sessions: config.local_issuer.map(|issuer| Sessions::new(issuer, config.store)),
            gate,
            persistence,
            verifier: config.verifier,
            admission: Admission::new(config.limits.max_calls),
            resumables: Resumables::default(),
            agent: config.agent,
            limits: config.limits,
            prices: config.prices,
            metrics,
            tasks: TaskTracker::new(),
            end_calls: CancellationToken::new(),
        }
    }

    async fn drain(&self) {
        if timeout(self.limits.drain(), self.admission.emptied()).await.is_ok() {
            return;
        }
        warn!(calls = self.admission.calls(), "calls are still running at the drain limit: ending them");
        self.end_calls.cancel();
        if timeout(LAST_WORDS, self.admission.emptied()).await.is_err() {
            warn!(calls = self.admission.calls(), "calls did not end: leaving them");
        }
    }
}

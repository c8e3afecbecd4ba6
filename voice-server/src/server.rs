//! The life of a server: accept, serve, drain.

use crate::admission::{Admission, Refusal};
use crate::api::ApiState;
use crate::auth::{Gate, Verifier};
use crate::call::Resumables;
use crate::cost::Prices;
use crate::http;
use crate::limits::ServerLimits;
use crate::metrics::ServerMetrics;
use crate::persist::{PersistConfig, PersistError, Persistence, PersistenceTasks};
use crate::store::{AnyStore, SystemStore};
use axum::Router;
use axum::extract::FromRef;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use socket2::SockRef;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use voice_core::session::Agent;

/// The longest head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// After an accept that failed for want of something (file descriptors, memory): when to try again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Once told to end, a call has this long for its last words.
const LAST_WORDS: Duration = Duration::from_secs(5);

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
        let (persistence, keeping) = Persistence::start(persist, store, Arc::clone(&config.recordings))?;
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
        let gate = Gate::new(Arc::clone(&config.verifier), store, Arc::clone(&metrics), &config.limits);
        Self {
            api: ApiState::new(gate.clone(), &config),
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

/// The connections that have not become calls.
struct Connections {
    router: Router,
    limits: ServerLimits,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Connections {
    fn new(server: &Arc<Server>) -> Self {
        Self {
            router: http::router(Arc::clone(server)),
            limits: server.limits.clone(),
            places: Arc::new(Semaphore::new(server.limits.max_connections.min(Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        }
    }

    /// Accepts for ever: what goes wrong with one connection is no reason to stop.
    async fn accept(&self, listener: &TcpListener) {
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            let (stream, peer) = match listener.accept().await {
                Ok((stream, address)) => (stream, Peer(Some(address.ip()))),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if let Err(error) = self.prepare(&stream) {
                warn!(%error, "a connection could not be prepared");
                continue;
            }
            let connection = self.serve(stream, peer);
            self.tasks.spawn(async move {
                connection.await;
                drop(place);
            });
        }
    }

    fn prepare(&self, stream: &TcpStream) -> io::Result<()> {
        // A frame is sent when it is due, not when there is enough to fill a packet.
        stream.set_nodelay(true)?;
        SockRef::from(stream).set_send_buffer_size(self.limits.send_buffer_bytes)
    }

    fn serve<S>(&self, stream: S, peer: Peer) -> impl Future<Output = ()> + Send + 'static + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.request())
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let (longest, closing) = (self.limits.connection(), self.closing.clone());
        async move {
            let mut connection = std::pin::pin!(connection);
            let served = timeout(longest, async {
                tokio::select! {
                    // A connection that ends in an error is the client's affair.
                    _ = connection.as_mut() => return,
                    () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
                }
                let _ = connection.await;
            });
            let _ = served.await;
        }
    }

    async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        let _ = timeout(LAST_WORDS, self.tasks.wait()).await;
    }
}

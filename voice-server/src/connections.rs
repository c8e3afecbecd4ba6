//! The connections that have not become calls: accepting, serving and ending them.
//!
//! Invariant: there are never more than the bound, and of one address never more than its share; what goes wrong with one is no
//! reason to stop. What is served on them is not known here.

use crate::addresses::{AddressLimits, AddressPlace, Addresses};
use crate::http;
use crate::limits::ServerLimits;
use crate::metrics::ServerMetrics;
use crate::server::{LAST_WORDS, Peer, Server};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::io::InspectWriter;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// The longest head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// After an accept that failed for want of something (file descriptors, memory): when to try again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client takes of a long answer in a second, at least: half of what a recording plays in that time.
const MIN_BYTES_PER_S: u64 = 4 * 1024;

/// What a client beyond the share of its address is told, before anything is read of what it sends.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The connections of a server.
pub(crate) struct Connections {
    router: Router,
    limits: ServerLimits,
    metrics: Arc<ServerMetrics>,
    places: Arc<Semaphore>,
    addresses: Addresses,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// What an accepted connection holds until it has closed or become a call.
struct Place {
    /// Given back first: whoever has a place of all finds room for the address.
    _of_address: AddressPlace,
    _of_all: OwnedSemaphorePermit,
}

impl Connections {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        let (max, max_of_address) = (server.limits.max_connections, server.limits.connections_of_address);
        Self {
            router: http::router(Arc::clone(server)),
            limits: server.limits.clone(),
            metrics: Arc::clone(&server.metrics),
            places: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            addresses: Addresses::new(AddressLimits { max, max_of_address }),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        }
    }

    /// Accepts for ever.
    pub(crate) async fn accept(&self, listener: &TcpListener) {
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, address)) => self.take(stream, address, place),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, address: SocketAddr, place: OwnedSemaphorePermit) {
        let Some(_of_address) = self.addresses.admit(Some(address.ip())) else {
            debug!(address = %address.ip(), "a connection beyond the share of its address is closed");
            self.metrics.connection_refused();
            // Nothing was sent on it yet, so the kernel has room for all of it; a client that is gone needs none.
            let _ = SockRef::from(&stream).send(TOO_MANY);
            return;
        };
        if let Err(error) = self.prepare(&stream) {
            return warn!(%error, "a connection could not be prepared");
        }
        let place = Place { _of_address, _of_all: place };
        let connection = self.serve(stream, Peer(Some(address.ip())));
        self.tasks.spawn(async move {
            connection.await;
            drop(place);
        });
    }

    fn prepare(&self, stream: &TcpStream) -> io::Result<()> {
        // A frame is sent when it is due, not when there is enough to fill a packet.
        stream.set_nodelay(true)?;
        SockRef::from(stream).set_send_buffer_size(self.limits.send_buffer_bytes)
    }

    /// Serves `stream` until it has closed or become a call, or has to end.
    pub(crate) fn serve<S>(&self, stream: S, peer: Peer) -> impl Future<Output = ()> + Send + 'static + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            router.call(request)
        });
        let written = Arc::new(Written::default());
        let counting = Arc::clone(&written);
        let stream = InspectWriter::new(stream, move |bytes: &[u8]| counting.add(bytes));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.request())
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let (longest, window, closing) = (self.limits.connection(), self.limits.api(), self.closing.clone());
        async move {
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                // A connection that ends in an error is the client's affair.
                _ = connection.as_mut() => return,
                () = closing.cancelled() => {}
                () = sleep(longest) => {}
            }
            // What is being answered is answered; nothing more is read.
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection => {}
                () = written.stalled(window) => debug!("a connection is closed over an answer that its client does not take"),
            }
        }
    }

    /// Ends every connection, what is being answered within a few seconds.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        let _ = timeout(LAST_WORDS, self.tasks.wait()).await;
    }
}

/// How many bytes a connection took.
#[derive(Default)]
struct Written(AtomicU64);

impl Written {
    fn add(&self, bytes: &[u8]) {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }

    /// Ready once less was taken within a `window` than at the slowest rate.
    async fn stalled(&self, window: Duration) {
        let least = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).saturating_mul(MIN_BYTES_PER_S) / 1_000;
        loop {
            let before = self.0.load(Ordering::Relaxed);
            sleep(window).await;
            if self.0.load(Ordering::Relaxed) - before < least {
                return;
            }
        }
    }
}

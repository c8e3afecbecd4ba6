//! A network that swallows what is sent over it: a database that failed over, a router that forgot the connection.

use super::postgres_support::TestDatabase;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;
use uuid::Uuid;
use voice_server::db::DatabaseUrl;
use voice_server::store::{PgConfig, PgStore, SystemStore};
use voice_server::{Role, TenantId, UserId};

/// Tries until a write must have come through. Each fails within the operation's limit.
const TRIES: usize = 10;

/// A way to the database. Connections through it stand still from [`Relay::swallow`] on, for good; later ones are sound.
struct Relay {
    port: u16,
    swallows: watch::Sender<bool>,
    _passing: JoinSet<()>,
}

impl Relay {
    async fn to(database: &Url) -> Self {
        let database = database.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (swallows, _) = watch::channel(false);
        let (of_connections, mut passing) = (swallows.clone(), JoinSet::new());
        passing.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), connect(&database).await);
                connections.spawn(pass(near_read, far_write, of_connections.subscribe()));
                connections.spawn(pass(far_read, near_write, of_connections.subscribe()));
            }
        });
        Self { port, swallows, _passing: passing }
    }

    fn swallow(&self) {
        // Connections that come later do not see this change.
        self.swallows.send_replace(true);
    }
}

/// The two halves of a connection to a server, of which the address may name the folder of its socket.
async fn connect(database: &Url) -> (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>) {
    match database.query_pairs().find(|(key, _)| key == "host") {
        Some((_, folder)) => {
            let port = database.port().unwrap_or(5432);
            let (read, write) = UnixStream::connect(format!("{folder}/.s.PGSQL.{port}")).await.unwrap().into_split();
            (Box::new(read), Box::new(write))
        }
        None => {
            let address = database.socket_addrs(|| Some(5432)).unwrap()[0];
            let (read, write) = TcpStream::connect(address).await.unwrap().into_split();
            (Box::new(read), Box::new(write))
        }
    }
}

/// Passes bytes on until it is told to swallow; then it keeps both ends open and says nothing.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut swallows: watch::Receiver<bool>) {
    let mut bytes = [0; 4096];
    loop {
        let read = tokio::select! {
            biased;
            told = swallows.changed() => match told {
                Ok(()) => std::future::pending().await,
                Err(_) => return,
            },
            read = from.read(&mut bytes) => read,
        };
        match read {
            Ok(0) | Err(_) => return,
            Ok(count) if to.write_all(&bytes[..count]).await.is_err() => return,
            Ok(_) => {}
        }
    }
}

fn through(relay: &Relay, url: &str) -> DatabaseUrl {
    let mut url = Url::parse(url).unwrap();
    url.set_query(None);
    url.set_ip_host([127, 0, 0, 1].into()).unwrap();
    url.set_port(Some(relay.port)).unwrap();
    DatabaseUrl::parse(url.as_str()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_network_swallowed_keeps_no_place_of_one_that_works() {
    let database = TestDatabase::new().await;
    let relay = Relay::to(&Url::parse(&database.admin_url()).unwrap()).await;
    let config = PgConfig {
        worker_connections: 1,
        operation_limit: Duration::from_secs(2),
        ..PgConfig::new(through(&relay, &database.api_url()), through(&relay, &database.worker_url()))
    };
    let store = PgStore::connect(&config).await.unwrap();
    let (tenant, user) = (TenantId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    relay.swallow();
    let swallowed = store.ensure_development(tenant, user, Role::Member).await;
    assert!(swallowed.is_err(), "{swallowed:?}");
    let mut refusals = Vec::new();
    while let Err(refusal) = store.ensure_development(tenant, user, Role::Member).await {
        refusals.push(refusal.to_string());
        assert!(refusals.len() < TRIES, "{refusals:?}");
    }
}

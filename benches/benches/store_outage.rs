//! Whether agent audio is late because the database is away: how late frames come to clients of a real server, with the
//! database up and with another holding what a writer needs, in turns within one run. With SQLite, and with Postgres where
//! `VOICE_TEST_POSTGRES_URL` names one.
//!
//! Every reply ends in entries for the journal, so the write path is busy while frames are sent. The ratio of the two
//! p99s is the figure; 1.0 says that audio does not wait for the database.

use futures::{SinkExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;
use voice_benches::call::agent;
use voice_benches::calls::CallsDatabase;
use voice_benches::clock::now;
use voice_benches::tail::{Tail, print_timer_floor};
use voice_core::provider::scripted::{LlmConfig, TtsConfig};
use voice_core::transport::native::AudioHeader;
use voice_core::units::SampleRate;
use voice_server::auth::{LocalIssuer, Verifier};
use voice_server::store::StoreChoice;
use voice_server::{PersistConfig, PersistLimits, Role, ServerConfig, ServerLimits, TenantId, UserId};

/// Calls at a time.
const CALLS: usize = 40;

/// How often the database is up and away in turns.
const ROUNDS: usize = 3;

/// Replies a call hears in a round.
const REPLIES: usize = 4;

const USER: UserId = UserId(Uuid::from_u128(1));

/// No bench takes that long.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// The protocol's default.
const RATE: SampleRate = SampleRate::Hz16000;

fn main() -> Result<(), Box<dyn Error>> {
    print_timer_floor();
    measure("SQLite", &Place::Sqlite(tempfile::tempdir()?))?;
    if std::env::var_os("VOICE_TEST_POSTGRES_URL").is_none() {
        println!("Postgres is left out: run scripts/postgres run -- COMMAND");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let place = Place::Postgres(runtime.block_on(CallsDatabase::create())?, tempfile::tempdir()?);
    let measured = measure("Postgres", &place);
    if let Place::Postgres(database, _) = place {
        runtime.block_on(database.remove())?;
    }
    measured
}

/// Where a server keeps what is said, and its journal.
enum Place {
    Sqlite(TempDir),
    Postgres(CallsDatabase, TempDir),
}

/// Whoever has the database's one place for a writer.
enum Holder {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Place {
    fn data(&self) -> &Path {
        let (Self::Sqlite(folder) | Self::Postgres(_, folder)) = self;
        folder.path()
    }

    fn store(&self) -> Result<StoreChoice, Box<dyn Error>> {
        Ok(match self {
            Self::Sqlite(folder) => StoreChoice::Sqlite { path: folder.path().join("voice.db") },
            Self::Postgres(database, _) => StoreChoice::Postgres(Box::new(database.config()?)),
        })
    }

    /// From here on entries of calls cannot be written; whoever calls can still be looked up.
    async fn hold(&self) -> Result<Holder, Box<dyn Error>> {
        match self {
            Self::Sqlite(folder) => {
                let file = SqliteConnectOptions::new().filename(folder.path().join("voice.db"));
                let mut holder = SqliteConnection::connect_with(&file).await?;
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await?;
                Ok(Holder::Sqlite(holder))
            }
            Self::Postgres(database, _) => {
                let mut holder = PgConnection::connect_with(&database.superuser()?).await?;
                sqlx::raw_sql("begin; lock table calls, transcripts in share mode").execute(&mut holder).await?;
                Ok(Holder::Postgres(holder))
            }
        }
    }
}

impl Holder {
    async fn let_go(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(holder) => holder.close().await,
            Self::Postgres(holder) => holder.close().await,
        }
    }
}

fn measure(store: &str, place: &Place) -> Result<(), Box<dyn Error>> {
    let server = Running::start(place)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut up = Tail::new("frame lateness, database up");
    let mut away = Tail::new("frame lateness, database away");
    for _ in 0..ROUNDS {
        runtime.block_on(round(server.address, &server.token, &mut up))?;
        let holder = runtime.block_on(place.hold())?;
        runtime.block_on(round(server.address, &server.token, &mut away))?;
        runtime.block_on(holder.let_go())?;
    }
    println!("{store}:");
    up.print();
    away.print();
    println!("ratio of the p99s, away to up: {:.2}", away.at(0.99).as_secs_f64() / up.at(0.99).as_secs_f64());
    server.stop()
}

/// A server in a thread of its own.
struct Running {
    address: SocketAddr,
    token: SecretString,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), String>>,
}

impl Running {
    fn start(place: &Place) -> Result<Self, Box<dyn Error>> {
        let issuer = LocalIssuer::ephemeral()?;
        let (verifier, token) = (Verifier::default().with_local(&issuer), issuer.sign(USER, TOKEN_LIFE)?);
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (address, data, store) = (listener.local_addr()?, place.data().to_owned(), place.store()?);
        let serve = async move || {
            let store = store.open().await?.store;
            store.ensure_development(TenantId(USER.0), USER, Role::Member).await?;
            let (agent, _) = agent(LlmConfig::default(), TtsConfig::default());
            let limits = ServerLimits { drain_ms: 0, ..ServerLimits::default() };
            let persist = Some(PersistConfig { data, limits: PersistLimits::default() });
            let config = ServerConfig { persist, ..ServerConfig::new(agent, limits, verifier, store) };
            let shutdown = async { drop(stopped.await) };
            Ok::<_, Box<dyn Error>>(voice_server::run(TcpListener::from_std(listener)?, config, shutdown).await?)
        };
        let run = move || {
            let runtime = Runtime::new().map_err(|error| error.to_string())?;
            runtime.block_on(serve()).map_err(|error| error.to_string())
        };
        let thread = std::thread::Builder::new().name("server".into()).spawn(run)?;
        Ok(Self { address, token, stop, thread })
    }

    fn stop(self) -> Result<(), Box<dyn Error>> {
        drop(self.stop);
        Ok(self.thread.join().map_err(|_| "the server's thread panicked")??)
    }
}

/// All calls at once; `tail` gets how late each frame came.
async fn round(address: SocketAddr, token: &SecretString, tail: &mut Tail) -> Result<(), Box<dyn Error>> {
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let token = token.clone();
        calls.spawn(async move { call(address, &token).await.map_err(|error| error.to_string()) });
    }
    while let Some(lateness) = calls.join_next().await {
        lateness??.into_iter().for_each(|late| tail.record(late));
    }
    Ok(())
}

async fn call(address: SocketAddr, token: &SecretString) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut request = format!("ws://{address}/v1/call").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {}", token.expose_secret()).parse()?);
    let (mut socket, _) = connect_async(request).await?;
    socket.send(Message::text(r#"{"type":"hello","protocol":1}"#)).await?;
    let (mut lateness, mut pace, mut replies) = (Vec::new(), Pace::default(), 0);
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) if text.contains("\"ready\"") || text.contains("\"outcome\":\"completed\"") => {
                let is_turn = text.contains("\"type\":\"turn\"");
                replies += usize::from(is_turn);
                let next = match (is_turn || text.contains("\"ready\""), replies < REPLIES) {
                    (false, _) => continue,
                    (true, true) => r#"{"type":"say","text":"Certainly, I can do that for you right away."}"#,
                    (true, false) => r#"{"type":"bye"}"#,
                };
                socket.send(Message::text(next)).await?;
            }
            Message::Binary(audio) => {
                if let (AudioHeader::Agent { reply, position }, _) = AudioHeader::read(&audio)? {
                    lateness.push(pace.late(reply.0, position.0, now()));
                }
            }
            _ => {}
        }
    }
    Ok(lateness)
}

/// When each frame of a reply should come: the first one's instant and its place say when.
#[derive(Default)]
struct Pace {
    reply: u32,
    /// The earliest start that a frame of this reply suggests.
    start: Option<Instant>,
}

impl Pace {
    fn late(&mut self, reply: u32, position: u64, at: Instant) -> Duration {
        if reply != self.reply {
            *self = Self { reply, start: None };
        }
        let suggested = at.checked_sub(RATE.duration_of(position)).unwrap_or(at);
        let start = self.start.get_or_insert(suggested);
        *start = suggested.min(*start);
        suggested - *start
    }
}

//! Whether agent audio is late because the database is away: how late frames come to clients of a real server, with the
//! database up and with it held by another process, in turns within one run.
//!
//! Every reply ends in entries for the journal, so the write path is busy while frames are sent. The ratio of the two
//! p99s is the figure; 1.0 says that audio does not wait for the database.

use futures::{SinkExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;
use voice_benches::call::agent;
use voice_benches::clock::now;
use voice_benches::tail::{Tail, print_timer_floor};
use voice_core::provider::scripted::{LlmConfig, TtsConfig};
use voice_core::transport::native::AudioHeader;
use voice_core::units::SampleRate;
use voice_server::auth::{LocalIssuer, Verifier};
use voice_server::store::{SqliteStore, SystemStore};
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
    let folder = tempfile::tempdir()?;
    let (address, token, stop) = start_server(folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut up = Tail::new("frame lateness, database up");
    let mut away = Tail::new("frame lateness, database held by another process");
    for _ in 0..ROUNDS {
        runtime.block_on(round(address, &token, &mut up))?;
        let held = runtime.block_on(hold(&folder.path().join("voice.db")))?;
        runtime.block_on(round(address, &token, &mut away))?;
        runtime.block_on(held.close())?;
    }
    print_timer_floor();
    up.print();
    away.print();
    println!("ratio of the p99s, away to up: {:.2}", away.p99().as_secs_f64() / up.p99().as_secs_f64());
    drop(stop);
    Ok(())
}

/// A server in a thread of its own, until the sender is dropped.
fn start_server(data: &Path) -> Result<(SocketAddr, SecretString, oneshot::Sender<()>), Box<dyn Error>> {
    let (agent, _) = agent(LlmConfig::default(), TtsConfig::default());
    let issuer = LocalIssuer::ephemeral()?;
    let (verifier, token) = (Verifier::default().with_local(&issuer), issuer.sign(USER, TOKEN_LIFE)?);
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let (address, data) = (listener.local_addr()?, data.to_owned());
    std::thread::Builder::new().name("server".into()).spawn(move || {
        let Ok(runtime) = Runtime::new() else { return };
        let served = runtime.block_on(async {
            let store = SqliteStore::open(&data.join("voice.db")).await?;
            store.ensure_development(TenantId(USER.0), USER, Role::Member).await?;
            let limits = ServerLimits { drain_ms: 0, ..ServerLimits::default() };
            let persist = Some(PersistConfig { data, limits: PersistLimits::default() });
            let config = ServerConfig { persist, ..ServerConfig::new(agent, limits, verifier, Arc::new(store)) };
            let shutdown = async { drop(stopped.await) };
            Ok::<_, Box<dyn Error>>(voice_server::run(TcpListener::from_std(listener)?, config, shutdown).await?)
        });
        if let Err(error) = served {
            println!("the server ended: {error}");
        }
    })?;
    Ok((address, token, stop))
}

/// Holds the database's one place for a writer.
async fn hold(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await?;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await?;
    Ok(connection)
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

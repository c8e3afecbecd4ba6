//! The whole server over a loopback socket: final transcript to the first audio that the client reads.
//!
//! The stages take no time, so what is measured is the engine, the codec, the server and two socket crossings. Client
//! and server run in threads of their own, as they would in two processes.

use criterion::Criterion;
use futures::{SinkExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;
use voice_benches::call::agent;
use voice_benches::clock::now;
use voice_benches::tail::{Tail, print_timer_floor};
use voice_core::provider::scripted::{LlmConfig, SttDriver, TtsConfig};
use voice_core::stage::SttEvent;
use voice_core::transport::native::AudioHeader;
use voice_server::auth::{LocalIssuer, Verifier};
use voice_server::store::{SqliteStore, SystemStore};
use voice_server::{Role, ServerConfig, ServerLimits, TenantId, UserId};

const TAIL_TURNS: u64 = 10_000;
const TURNS_A_CALL: u64 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let (place, stt, stop) = start_server()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    median(&runtime, &place, &stt);
    println!();
    print_timer_floor();
    tail(&runtime, &place, &stt)?;
    drop(stop);
    Ok(())
}

/// Who calls.
const USER: UserId = UserId(Uuid::from_u128(1));

/// No bench takes that long.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Where the server listens, and what it is shown.
struct Place {
    address: SocketAddr,
    token: SecretString,
}

/// A running server: where it is, its STT, and what stops it when dropped.
type Running = (Place, Arc<SttDriver>, oneshot::Sender<()>);

/// A server in a thread of its own, until the sender is dropped.
fn start_server() -> Result<Running, Box<dyn Error>> {
    let (agent, stt) = agent(LlmConfig::default(), TtsConfig::default());
    let issuer = LocalIssuer::ephemeral()?;
    let (verifier, token) = (Verifier::default().with_local(&issuer), issuer.sign(USER, TOKEN_LIFE)?);
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    std::thread::Builder::new().name("server".into()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let limits = ServerLimits { drain_ms: 0, ..ServerLimits::default() };
        runtime.block_on(async {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            let shutdown = async { drop(stopped.await) };
            let served = async {
                let store = SqliteStore::in_memory().await?;
                store.ensure_development(TenantId(USER.0), USER, Role::Member).await?;
                let config = ServerConfig::new(agent, limits, verifier, Arc::new(store));
                Ok::<_, Box<dyn Error>>(voice_server::run(listener, config, shutdown).await?)
            };
            if let Err(error) = served.await {
                println!("the server ended: {error}");
            }
        });
    })?;
    Ok((Place { address, token }, Arc::new(stt), stop))
}

/// Calls of at most [`TURNS_A_CALL`] turns, one after the other.
async fn measure(
    place: &Place,
    stt: &Arc<SttDriver>,
    turns: u64,
    mut each: impl FnMut(Duration),
) -> Result<(), Box<dyn Error>> {
    let mut client = Client::call(place, stt).await?;
    for turn in 1..=turns {
        each(client.turn().await?);
        if turn % TURNS_A_CALL == 0 {
            client.hang_up().await?;
            client = Client::call(place, stt).await?;
        }
    }
    client.hang_up().await
}

fn median(runtime: &Runtime, place: &Place, stt: &Arc<SttDriver>) {
    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("server_roundtrip/final_to_first_audio", |bencher| {
        bencher.iter_custom(|turns| {
            let mut total = Duration::ZERO;
            if let Err(error) = runtime.block_on(measure(place, stt, turns, |took| total += took)) {
                println!("the call broke off: {error}");
            }
            total
        });
    });
    criterion.final_summary();
}

fn tail(runtime: &Runtime, place: &Place, stt: &Arc<SttDriver>) -> Result<(), Box<dyn Error>> {
    let mut tail = Tail::new("final transcript -> first audio, loopback WebSocket");
    runtime.block_on(measure(place, stt, TAIL_TURNS, |took| tail.record(took)))?;
    tail.print();
    Ok(())
}

/// A client in a call.
struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    stt: Arc<SttDriver>,
    last_reply: u32,
}

impl Client {
    async fn call(place: &Place, stt: &Arc<SttDriver>) -> Result<Self, Box<dyn Error>> {
        let opened = stt.log().opened();
        let mut request = format!("ws://{}/v1/call", place.address).into_client_request()?;
        let bearer = format!("Bearer {}", place.token.expose_secret());
        request.headers_mut().insert("authorization", bearer.parse()?);
        let (socket, _) = connect_async(request).await?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_nodelay(true)?;
        }
        let mut client = Self { socket, stt: Arc::clone(stt), last_reply: 0 };
        client.socket.send(Message::text(r#"{"type":"hello","protocol":1}"#)).await?;
        client.text_with("\"ready\"").await?;
        while stt.log().opened() == opened || stt.send(SttEvent::TurnResumed).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(client)
    }

    /// One turn: the STT's end of turn to the first audio of the reply; then the agent is interrupted.
    async fn turn(&mut self) -> Result<Duration, Box<dyn Error>> {
        let start = now();
        self.stt.send(SttEvent::EndOfTurn { text: "Can you do that for me?".into(), end: None })?;
        let took = loop {
            let message = self.socket.next().await.ok_or("the server closed the call")??;
            if let Message::Binary(audio) = message {
                let (AudioHeader::Agent { reply, .. }, _) = AudioHeader::read(&audio)? else { continue };
                if reply.0 > self.last_reply {
                    self.last_reply = reply.0;
                    break now() - start;
                }
            }
        };
        self.socket.send(Message::text(r#"{"type":"interrupt"}"#)).await?;
        self.text_with("\"barged_in\"").await?;
        Ok(took)
    }

    async fn hang_up(mut self) -> Result<(), Box<dyn Error>> {
        self.socket.send(Message::text(r#"{"type":"bye"}"#)).await?;
        self.text_with("\"bye\"").await
    }

    /// Reads until a text message has this in it.
    async fn text_with(&mut self, part: &str) -> Result<(), Box<dyn Error>> {
        loop {
            let message = self.socket.next().await.ok_or("the server closed the call")??;
            if let Message::Text(text) = message
                && text.contains(part)
            {
                return Ok(());
            }
        }
    }
}

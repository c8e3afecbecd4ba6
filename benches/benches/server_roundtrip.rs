//! The whole server over a loopback socket: final transcript to the first audio that the client reads.
//!
//! The stages take no time, so what is measured is the engine, the codec, the server and two socket crossings. Client
//! and server run in threads of their own, as they would in two processes.

use criterion::Criterion;
use futures::{SinkExt, StreamExt};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use voice_benches::call::agent;
use voice_benches::clock::now;
use voice_benches::tail::{Tail, print_timer_floor};
use voice_core::provider::scripted::{LlmConfig, SttDriver, TtsConfig};
use voice_core::stage::SttEvent;
use voice_core::transport::native::AudioHeader;
use voice_server::{ServerConfig, ServerLimits};

const TAIL_TURNS: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let (address, stt, stop) = start_server()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut client = runtime.block_on(Client::call(address, stt))?;
    median(&runtime, &mut client);
    println!();
    print_timer_floor();
    tail(&runtime, &mut client)?;
    drop(stop);
    Ok(())
}

/// A server in a thread of its own, until the sender is dropped.
fn start_server() -> Result<(SocketAddr, SttDriver, oneshot::Sender<()>), Box<dyn Error>> {
    let (agent, stt) = agent(LlmConfig::default(), TtsConfig::default());
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
            if let Err(error) = voice_server::run(listener, ServerConfig { agent, limits }, shutdown).await {
                println!("the server ended: {error}");
            }
        });
    })?;
    Ok((address, stt, stop))
}

fn median(runtime: &Runtime, client: &mut Client) {
    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("server_roundtrip/final_to_first_audio", |bencher| {
        bencher.iter_custom(|turns| {
            runtime.block_on(async {
                let mut total = Duration::ZERO;
                for _ in 0..turns {
                    total += client.turn().await.unwrap_or_default();
                }
                total
            })
        });
    });
    criterion.final_summary();
}

fn tail(runtime: &Runtime, client: &mut Client) -> Result<(), Box<dyn Error>> {
    let mut tail = Tail::new("final transcript -> first audio, loopback WebSocket");
    runtime.block_on(async {
        for _ in 0..TAIL_TURNS {
            tail.record(client.turn().await?);
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    tail.print();
    Ok(())
}

/// A client in a call.
struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    stt: SttDriver,
    last_reply: u32,
}

impl Client {
    async fn call(address: SocketAddr, stt: SttDriver) -> Result<Self, Box<dyn Error>> {
        let (socket, _) = connect_async(format!("ws://{address}/v1/call")).await?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_nodelay(true)?;
        }
        let mut client = Self { socket, stt, last_reply: 0 };
        client.socket.send(Message::text(r#"{"type":"hello","protocol":1}"#)).await?;
        client.text_with("\"ready\"").await?;
        Ok(client)
    }

    /// One turn: the STT's end of turn to the first audio of the reply; then the agent is interrupted.
    async fn turn(&mut self) -> Result<Duration, Box<dyn Error>> {
        let start = now();
        self.stt.send(SttEvent::EndOfTurn { text: "Can you do that for me?".into() })?;
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

//! Local servers that speak the vendors' protocols, bad manners included.
//!
//! Invariant: loopback only; one listener for all services; every task ends when [`Fakes`] is dropped. What a service
//! hears, thinks or says comes from a script or from an engine behind the traits of [`crate::stage`], never from here.
//! The far side of the wire is written from the vendors' protocols alone: it shares no code with the engines that
//! talk to it.
//!
//! | file or folder | what |
//! |---|---|
//! | `server`, `visit`, `socket`, `body` | requests to services, refusals, upgrades, messages and chunks with faults between |
//! | `io`, `faults` | what goes wrong on the wire, and the script that says when |
//! | `voice`, `encoding`, `cutter`, `outbox`, `slots` | what a TTS fake says: an engine's audio in the wire's encoding, cut and paced |
//! | `log` | counters to wait for and events to read |
//! | `ear` | what an STT fake hears: speech by its energy, words from a script or an engine |
//! | the others | one folder a service |

mod body;
mod cartesia;
mod chat;
mod clock;
mod cutter;
mod deepgram;
mod ear;
mod elevenlabs;
mod encoding;
mod faults;
mod flux;
mod io;
mod log;
mod nova;
mod outbox;
mod server;
mod slots;
mod socket;
mod speech;
mod visit;
mod voice;

pub use cartesia::{CancelManner, CartesiaFake, TimestampPlace};
pub use chat::{
    ArgumentManner, ChatFake, ChatStyle, FinishManner, FirstContent, LineEnd, MidStreamError, Reasoning, RetryAfter,
    SseManner, SseOption, StreamEnd, ToolCallManner, ToolIdManner, UsageManner,
};
pub use cutter::{ChunkSizes, Cuts};
pub use deepgram::ConfigureAnswer;
pub use ear::{Ear, FakeTurn};
pub use elevenlabs::{Alignments, CloseManner, ElevenLabsFake, Finals, KeyCheck, SocketClose, Spelling};
pub use faults::{Fault, FaultRule, FaultScript, Service};
pub use flux::FluxFake;
pub use log::{ChatCounts, FakesAnswer, FakesCounts, FakesEvent, FakesLog, SttCounts, VoiceCounts};
pub use nova::{Closing, FinalizeAnswer, NovaFake, SpeechStarts};
pub use speech::{SpeechEnd, SpeechFake};

use faults::FaultPlan;
use slots::Slots;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use visit::Shared;

/// How the fakes behave.
#[derive(Clone)]
pub struct FakesConfig {
    /// Where to listen. Default port 0 of 127.0.0.1: any free one.
    pub listen: SocketAddr,
    /// The only key that is accepted, by every service; any if there is none.
    pub key: Option<String>,
    /// What goes wrong.
    pub faults: FaultScript,
    /// `/v2/listen`.
    pub flux: FluxFake,
    /// `/v1/listen`.
    pub nova: NovaFake,
    /// `POST …/chat/completions` and `GET …/models`.
    pub chat: ChatFake,
    /// `POST …/audio/speech`.
    pub speech: SpeechFake,
    /// `/tts/websocket`.
    pub cartesia: CartesiaFake,
    /// `/v1/text-to-speech/{voice}/multi-stream-input`.
    pub elevenlabs: ElevenLabsFake,
}

impl Default for FakesConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key: None,
            faults: FaultScript::default(),
            flux: FluxFake::default(),
            nova: NovaFake::default(),
            chat: ChatFake::default(),
            speech: SpeechFake::default(),
            cartesia: CartesiaFake::default(),
            elevenlabs: ElevenLabsFake::default(),
        }
    }
}

/// The fakes, running. Dropping it ends every connection.
#[derive(Debug)]
pub struct Fakes {
    address: SocketAddr,
    log: FakesLog,
    plan: Arc<FaultPlan>,
    /// The one task, which owns all others.
    _server: JoinSet<()>,
}

impl Fakes {
    /// Listens and serves, on the runtime it is called on.
    ///
    /// # Errors
    /// The address cannot be listened on, or is not loopback: the fakes keep no secret.
    pub async fn start(config: FakesConfig) -> std::io::Result<Self> {
        if !config.listen.ip().is_loopback() {
            let said = format!("the fakes listen on loopback only, not on {}", config.listen);
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, said));
        }
        let listener = TcpListener::bind(config.listen).await?;
        let (address, log) = (listener.local_addr()?, FakesLog::default());
        let plan = FaultPlan::new(config.faults.clone());
        let concurrency = config.cartesia.concurrency;
        let cartesia_contexts = Slots::new(concurrency);
        let cartesia_sockets = Slots::new(concurrency.saturating_mul(cartesia::SOCKETS_PER_CONTEXT));
        let shared = Shared { config, log: log.clone(), plan: plan.clone(), cartesia_contexts, cartesia_sockets };
        let mut server = JoinSet::new();
        server.spawn(server::serve(listener, Arc::new(shared)));
        Ok(Self { address, log, plan, _server: server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base of every service, `http://127.0.0.1:PORT`; for chat and speech add `/v1`.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The vendors have recovered: no rule of the fault script strikes from here on. What has struck stays: a connection
    /// that stalls goes on doing so.
    pub fn lift_faults(&self) {
        self.plan.lift();
    }

    /// What it has seen and done.
    pub fn log(&self) -> &FakesLog {
        &self.log
    }
}

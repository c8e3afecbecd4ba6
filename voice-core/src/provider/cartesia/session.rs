//! One call's socket: messages find their reply, and all replies learn of its end.

use super::config::{CartesiaConfig, ENGINE};
use super::message::{Addressed, ServerMessage, decode};
use super::reply::{Reply, Shared};
use crate::provider::contexts::{Line, Outbox, Router, end_error, tts_reply};
use crate::provider::net::{KeepAlive, KeepAliveMessage, Socket, SocketEnd, SocketHandler, SocketPlan, Vendor};
use crate::stage::{StageError, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Messages that may wait to be written: a reply's clauses many times over.
const QUEUE: usize = 256;
/// Cartesia has no farewell: its answer to our close is all there is to wait for.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// The session of one call.
pub(super) struct CartesiaSession {
    shared: Arc<Shared>,
    out: Arc<dyn Outbox>,
    /// So that no context of any session is called the same.
    nonce: u64,
    begun: u32,
}

impl CartesiaSession {
    /// Runs `socket`.
    pub(super) fn start(socket: Socket, vendor: Vendor, config: Arc<CartesiaConfig>, rate: SampleRate) -> Self {
        let keep_alive =
            KeepAlive { after_idle: Duration::from_millis(config.keep_alive_ms), message: KeepAliveMessage::Ping };
        let shared = Arc::new(Shared {
            config,
            rate,
            vendor: vendor.clone(),
            router: Router::new(),
            line: Line::default(),
            marks_seen: AtomicBool::new(false),
        });
        let plan = SocketPlan {
            queue: QUEUE,
            keep_alive: Some(keep_alive),
            stall_after: None,
            farewell: Vec::new(),
            close_deadline: CLOSE_DEADLINE,
        };
        let out: Arc<dyn Outbox> = Arc::new(socket.run(vendor, plan, Handler { shared: shared.clone() }));
        shared.line.connect(&out);
        Self { shared, out, nonce: fastrand::u64(..), begun: 0 }
    }
}

impl TtsSession for CartesiaSession {
    fn sample_rate(&self) -> SampleRate {
        self.shared.rate
    }

    fn begin(&mut self, reply: ReplyId) -> Result<TtsReply, StageError> {
        let ended = StageError::Ended { engine: ENGINE };
        if !self.out.is_open() || self.shared.line.is_silent() {
            return Err(self.shared.router.closed().filter(|error| !error.is_retryable()).unwrap_or(ended));
        }
        self.begun = self.begun.wrapping_add(1);
        let name = format!("{:016x}-{}-{}", self.nonce, self.begun, reply.0);
        let reply = Reply::begin(name, self.shared.clone()).map_err(|_| ended)?;
        Ok(tts_reply(reply, &self.out))
    }
}

struct Handler {
    shared: Arc<Shared>,
}

impl Handler {
    /// Which context a message is of. An error may not say so, or only in its request's id; then it is of the only one.
    fn context_of(&self, addressed: &Addressed) -> Option<String> {
        let router = &self.shared.router;
        let meant = || match &addressed.message {
            ServerMessage::Error(error) => {
                error.request_id.as_deref().and_then(|id| router.named_in(id)).or_else(|| router.only())
            }
            _ => None,
        };
        addressed.context.clone().or_else(meant)
    }
}

impl SocketHandler for Handler {
    fn text(&mut self, text: &str) -> Result<(), StageError> {
        let addressed = decode(text).map_err(|garbled| self.shared.vendor.garbled(&garbled.to_string()))?;
        if addressed.message == ServerMessage::Unknown {
            tracing::debug!("Cartesia said something new");
            return Ok(());
        }
        let Some(context) = self.context_of(&addressed) else {
            tracing::warn!("Cartesia does not say whom a message is for: it was dropped");
            return Ok(());
        };
        if let Some(reply) = self.shared.router.find(&context) {
            reply.hear(&context, addressed.message);
        }
        Ok(())
    }

    fn ended(&mut self, end: SocketEnd) {
        let error = end_error(&self.shared.vendor, end);
        let live = self.shared.router.shut(error.clone());
        tracing::debug!(%error, contexts = live.len(), "the socket has ended");
        live.into_iter().for_each(|reply| reply.socket_ended(error.clone()));
    }
}

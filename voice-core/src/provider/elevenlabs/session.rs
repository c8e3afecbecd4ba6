//! One call's socket: messages find their reply, and all replies learn of its end.

use super::command::{CLOSE_SOCKET, KEEP_SOCKET};
use super::config::{ENGINE, ElevenLabsConfig};
use super::fault::classify;
use super::message::{ServerMessage, VendorError, decode};
use super::reply::{Reply, Shared};
use crate::provider::contexts::{Line, Outbox, Router, end_error, tts_reply};
use crate::provider::net::{KeepAlive, KeepAliveMessage, Socket, SocketEnd, SocketHandler, SocketPlan, Vendor};
use crate::stage::{StageError, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use std::sync::Arc;
use std::time::Duration;

/// Messages that may wait to be written: a reply's clauses many times over.
const QUEUE: usize = 256;
/// How long ElevenLabs may take to close after our farewell.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
/// The code of a close that tells of a mistake; its reason may be all that is said.
const POLICY_CLOSE: u16 = 1008;

/// The session of one call.
pub(super) struct ElevenLabsSession {
    shared: Arc<Shared>,
    out: Arc<dyn Outbox>,
    /// So that no context of any session is called the same.
    nonce: u64,
    begun: u32,
}

impl ElevenLabsSession {
    /// Runs `socket`.
    pub(super) fn start(socket: Socket, vendor: Vendor, config: Arc<ElevenLabsConfig>) -> Self {
        let after_idle = Duration::from_millis(config.keep_alive_ms);
        let keep_alive = KeepAlive { after_idle, message: KeepAliveMessage::Text(KEEP_SOCKET.to_owned()) };
        let plan = SocketPlan {
            queue: QUEUE,
            keep_alive: Some(keep_alive),
            stall_after: None,
            farewell: vec![CLOSE_SOCKET.to_owned()],
            close_deadline: CLOSE_DEADLINE,
        };
        let (router, line) = (Router::new(), Line::default());
        let shared = Arc::new(Shared { config, vendor: vendor.clone(), router, line });
        let out: Arc<dyn Outbox> = Arc::new(socket.run(vendor, plan, Handler { shared: shared.clone() }));
        shared.line.connect(&out);
        Self { shared, out, nonce: fastrand::u64(..), begun: 0 }
    }
}

impl TtsSession for ElevenLabsSession {
    fn sample_rate(&self) -> SampleRate {
        self.shared.config.format.rate()
    }

    /// A mistake that was told of while no reply lived is the next one's error; any other end is just the end.
    fn begin(&mut self, reply: ReplyId) -> Result<TtsReply, StageError> {
        let ended = || StageError::Ended { engine: ENGINE };
        let closed = self.shared.router.closed();
        if closed.is_some() || !self.out.is_open() || self.shared.line.is_silent() {
            return Err(closed.filter(|error| !error.is_retryable()).unwrap_or_else(ended));
        }
        self.begun = self.begun.wrapping_add(1);
        let name = format!("{:016x}-{}-{}", self.nonce, self.begun, reply.0);
        let reply = Reply::begin(name, self.shared.clone()).map_err(|_| ended())?;
        Ok(tts_reply(reply, &self.out))
    }
}

struct Handler {
    shared: Arc<Shared>,
}

impl Handler {
    fn end_all(&self, error: &StageError) {
        let live = self.shared.router.shut(error.clone());
        tracing::debug!(%error, contexts = live.len(), "the socket has ended");
        live.into_iter().for_each(|reply| reply.socket_ended(error.clone()));
    }
}

impl SocketHandler for Handler {
    /// An error of no context is of the socket: ElevenLabs closes it right after.
    fn text(&mut self, text: &str) -> Result<(), StageError> {
        let addressed = decode(text).map_err(|garbled| self.shared.vendor.garbled(&garbled.to_string()))?;
        match (addressed.context, addressed.message) {
            (_, ServerMessage::Unknown) => tracing::debug!("ElevenLabs said something new"),
            (Some(context), message) => {
                if let Some(reply) = self.shared.router.find(&context) {
                    reply.hear(&context, message);
                }
            }
            (None, ServerMessage::Error(error)) => {
                let error = classify(&self.shared.vendor, &error);
                self.end_all(&error);
                return Err(error);
            }
            (None, ServerMessage::Output(_)) => tracing::debug!("output of no context was dropped"),
        }
        Ok(())
    }

    fn ended(&mut self, end: SocketEnd) {
        let error = match end {
            SocketEnd::Closed { code: Some(POLICY_CLOSE), reason } if !reason.is_empty() => {
                let codes = vec![POLICY_CLOSE.to_string()];
                classify(&self.shared.vendor, &VendorError { codes, said: reason })
            }
            end => end_error(&self.shared.vendor, end),
        };
        self.end_all(&error);
    }
}

//! From a connection to a stream: the same for all of Deepgram's engines.

use super::super::net::{
    ApiKey, KeepAlive, SocketEnd, SocketHandler, SocketPlan, SocketRequest, SocketWriter, Vendor, connect,
};
use super::call::{Call, Inbox};
use super::chunker::Chunker;
use super::dialect::{Dialect, Request};
use super::feed::{Feed, Refused};
use super::pacer::Pacer;
use crate::stage::{Fault, StageError, SttSession};
use std::marker::PhantomData;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The longest message taken: a long turn with all its words is some 50 KB.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Messages that may wait for the reader; provisional ones leave half of it free.
const MESSAGES: usize = 128;
/// Messages that may wait to be written; what is behind them waits in the feed's queue.
const UNWRITTEN: usize = 64;
/// Requests that find room in the feed's queue beside the audio.
const REQUESTS: u64 = 16;
/// Decodes what was received, then closes.
const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// How an engine of Deepgram's is spoken of.
pub(super) fn vendor(name: &'static str, key: Option<ApiKey>) -> Vendor {
    Vendor { name, key, url_setting: "DEEPGRAM_URL" }
}

/// How to connect and to know that the connection lives.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) url: String,
    pub(super) connect_deadline: Duration,
    pub(super) keep_alive: KeepAlive,
    pub(super) stall_after: Duration,
    pub(super) close_deadline: Duration,
}

/// How audio is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    pub(super) chunk_ms: u64,
    /// Audio that may wait to be sent.
    pub(super) backlog_ms: u64,
    pub(super) catch_up_percent: u32,
    /// The one request that this engine understands.
    pub(super) understands: Option<Request>,
}

/// An open connection.
pub(super) struct Link<D: Dialect> {
    vendor: Vendor,
    writer: SocketWriter,
    inbox: Inbox<D::Message>,
    request_id: Option<String>,
}

impl<D: Dialect> Link<D> {
    /// Connects. Dropping the future abandons the attempt.
    pub(super) async fn open(vendor: Vendor, plan: Plan) -> Result<Self, StageError> {
        let headers = vendor.key.iter().map(|key| ("authorization", format!("Token {}", key.expose()))).collect();
        let connect_deadline = plan.connect_deadline;
        let request = SocketRequest { url: plan.url, headers, connect_deadline, max_message_bytes: MAX_MESSAGE_BYTES };
        let socket = connect(&vendor, request).await?;
        let request_id = socket.request_id().map(|id| vendor.scrub(id));
        let (relay, inbox) = Relay::<D>::new(vendor.clone());
        let plan = SocketPlan {
            queue: UNWRITTEN,
            keep_alive: Some(plan.keep_alive),
            stall_after: Some(plan.stall_after),
            farewell: vec![CLOSE_STREAM.to_owned()],
            close_deadline: plan.close_deadline,
        };
        let writer = socket.run(vendor.clone(), plan, relay);
        Ok(Self { vendor, writer, inbox, request_id })
    }

    /// The vendor's name of the connection, for its support.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The next message. Cancellation safe.
    pub(super) async fn message(&mut self) -> Result<D::Message, StageError> {
        match self.inbox.messages.recv().await {
            Some(message) => Ok(message),
            None => Err(self.inbox.broke.try_recv().unwrap_or_else(|_| self.vendor.ended())),
        }
    }

    /// The stream over it.
    pub(super) fn session(self, dialect: D, tuning: Tuning) -> SttSession {
        let blocks = tuning.backlog_ms.div_ceil(tuning.chunk_ms.max(1)) + REQUESTS;
        let (orders, taken) = mpsc::channel(usize::try_from(blocks).unwrap_or(usize::MAX >> 4));
        let vendor = self.vendor.clone();
        let chunker = Chunker::new(tuning.chunk_ms);
        let refused = Refused::default();
        let feed = Feed { vendor, chunker, orders, understands: tuning.understands, refused };
        let pacer = Pacer::new(tuning.catch_up_percent);
        let call = Call::new(dialect, self.vendor, self.inbox, taken, self.writer, pacer);
        SttSession { feed: Box::new(feed), events: call.events() }
    }
}

/// Carries messages from the socket's task to the stream.
struct Relay<D: Dialect> {
    vendor: Vendor,
    messages: mpsc::Sender<D::Message>,
    broke: Option<oneshot::Sender<StageError>>,
    dialect: PhantomData<fn() -> D>,
}

impl<D: Dialect> Relay<D> {
    fn new(vendor: Vendor) -> (Self, Inbox<D::Message>) {
        let (messages, waiting) = mpsc::channel(MESSAGES);
        let (broke, why) = oneshot::channel();
        let relay = Self { vendor, messages, broke: Some(broke), dialect: PhantomData };
        (relay, Inbox { messages: waiting, broke: why })
    }
}

impl<D: Dialect> SocketHandler for Relay<D> {
    fn text(&mut self, text: &str) -> Result<(), StageError> {
        tracing::trace!(engine = self.vendor.name, text = self.vendor.without_key(text), "it says");
        let message = D::decode(text).map_err(|garbled| self.vendor.garbled(&garbled.to_string()))?;
        if D::is_provisional(&message) && self.messages.capacity() <= MESSAGES / 2 {
            return Ok(());
        }
        match self.messages.try_send(message) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(self.vendor.full()),
            // Nobody reads any more: the farewell is under way.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }

    fn ended(&mut self, end: SocketEnd) {
        let error = match end {
            SocketEnd::Farewell => return,
            SocketEnd::Closed { code, reason } => self.vendor.failed(Fault::Engine, &closed(code, &reason)),
            SocketEnd::Failed(error) => error,
        };
        if let Some(broke) = self.broke.take() {
            let _nobody_asks = broke.send(error);
        }
    }
}

/// What an unasked close says. Its codes (1008 for audio it cannot read, 1011 for silence of either side) all leave
/// another try worthwhile.
fn closed(code: Option<u16>, reason: &str) -> String {
    let code = code.map_or_else(|| "without a code".to_owned(), |code| format!("with code {code}"));
    let reason = if reason.is_empty() { "no reason given" } else { reason };
    format!("it closed the connection {code}: {reason}")
}

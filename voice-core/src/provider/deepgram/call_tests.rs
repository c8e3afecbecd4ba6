//! A stream whose socket is a queue with room for one message: what becomes of the others.

use super::super::json::Garbled;
use super::*;
use crate::stage::SttHints;
use crate::units::Position;
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_tungstenite::tungstenite::Message;

/// Hears what it is told to hear, and counts what was said for it.
struct Plain {
    said: Arc<AtomicU32>,
}

impl Dialect for Plain {
    type Message = Heard;

    fn decode(_text: &str) -> Result<Heard, Garbled> {
        Ok(Heard::Nothing)
    }

    fn is_provisional(_message: &Heard) -> bool {
        false
    }

    fn heard(&mut self, message: Heard, _clock: &StreamClock) -> Heard {
        message
    }

    fn asked(&self, _request: Request) -> Option<&'static str> {
        Some("asked")
    }

    fn said(&mut self, _request: Request) {
        self.said.fetch_add(1, Ordering::Relaxed);
    }

    fn configure(&self, hints: &SttHints) -> Option<String> {
        hints.keyterms.as_ref().map(|terms| terms.concat())
    }

    fn left_open(&mut self, _clock: &StreamClock) -> Option<SttEvent> {
        None
    }
}

/// A stream, and all that is around it.
struct Bench {
    events: BoxStream<'static, Item>,
    orders: mpsc::Sender<Order>,
    messages: mpsc::Sender<Heard>,
    socket: mpsc::Receiver<Message>,
    said: Arc<AtomicU32>,
    _broke: oneshot::Sender<StageError>,
}

impl Bench {
    fn new() -> Self {
        let vendor = Vendor { name: "Deepgram", key: None, url_setting: "DEEPGRAM_URL" };
        let ((queue, socket), (orders, taken)) = (mpsc::channel(1), mpsc::channel(16));
        let ((messages, waiting), (broke, why)) = (mpsc::channel(16), oneshot::channel());
        let writer = SocketWriter::into_queue(queue, vendor.clone());
        let (dialect, inbox) = (Plain { said: Arc::default() }, Inbox { messages: waiting, broke: why });
        let said = dialect.said.clone();
        let events = Call::new(dialect, vendor, inbox, taken, writer, Pacer::new(0)).events();
        Self { events, orders, messages, socket, said, _broke: broke }
    }

    async fn order(&mut self, order: Order) {
        self.orders.send(order).await.unwrap();
        assert!(futures::poll!(self.events.next()).is_pending());
    }

    async fn expect(&mut self, term: &str) {
        let hints = SttHints { keyterms: Some(vec![term.to_owned()]), ..SttHints::default() };
        self.order(Order::Expect(hints)).await;
    }

    /// The next message of the socket's queue, which makes room for another.
    async fn written(&mut self) -> Message {
        tokio::select! {
            event = self.events.next() => panic!("{event:?}"),
            message = self.socket.recv() => message.unwrap(),
        }
    }
}

fn audio() -> Order {
    Order::Audio(Block { bytes: vec![0; 2].into(), from: Position::ZERO })
}

#[tokio::test(start_paused = true)]
async fn a_request_keeps_its_place_and_is_said_once_the_socket_takes_it() {
    let mut bench = Bench::new();
    bench.order(audio()).await;
    bench.order(Order::Ask(Request::Finalize)).await;
    bench.order(audio()).await;
    assert_eq!(bench.said.load(Ordering::Relaxed), 0, "the socket is full");
    assert!(bench.written().await.is_binary());
    assert_eq!(bench.written().await, Message::text("asked"));
    assert_eq!(bench.said.load(Ordering::Relaxed), 1);
    assert!(bench.written().await.is_binary());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_socket_does_not_take_is_not_under_way() {
    let mut bench = Bench::new();
    bench.order(audio()).await;
    bench.expect("Wexford").await;
    let start = clock::now();
    assert!(bench.written().await.is_binary());
    assert_eq!(bench.written().await, Message::text("Wexford"));
    assert!(clock::now() - start < Duration::from_secs(1), "it was given up for unanswered");
    bench.order(audio()).await;
    bench.expect("Carlow").await;
    bench.messages.send(Heard::Answered).await.unwrap();
    assert!(bench.written().await.is_binary());
    assert_eq!(bench.written().await, Message::text("Carlow"));
}

#[tokio::test(start_paused = true)]
async fn what_the_dialect_says_of_itself_is_not_lost_either() {
    let mut bench = Bench::new();
    bench.order(audio()).await;
    bench.messages.send(Heard::Say("of itself")).await.unwrap();
    assert!(futures::poll!(bench.events.next()).is_pending());
    assert!(bench.written().await.is_binary());
    assert_eq!(bench.written().await, Message::text("of itself"));
}

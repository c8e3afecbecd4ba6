//! 9. Gaps in the audio over WebSocket.

use crate::logged_agent;
use bytes::BytesMut;
use futures::channel::mpsc;
use futures::{Sink, SinkExt, Stream, StreamExt};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use voice_core::provider::scripted::{Utterance, ramp_sample};
use voice_core::session::Session;
use voice_core::transport::native::{AudioFormat, AudioHeader, Encoding, ServerMessage, decode_server};
use voice_core::transport::{PlayedReports, WebSocketLimits, WebSocketLine, WireMessage};
use voice_core::units::{CallId, Position};

/// One end of a WebSocket within the process: a few messages fit in it.
struct Socket {
    read: mpsc::Receiver<Result<WireMessage, String>>,
    write: mpsc::Sender<WireMessage>,
}

impl Stream for Socket {
    type Item = Result<WireMessage, String>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.read.poll_next_unpin(cx)
    }
}

impl Sink<WireMessage> for Socket {
    type Error = String;
    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.write.poll_ready_unpin(cx).map_err(|error| error.to_string())
    }
    fn start_send(mut self: Pin<&mut Self>, message: WireMessage) -> Result<(), String> {
        self.write.start_send_unpin(message).map_err(|error| error.to_string())
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.write.poll_flush_unpin(cx).map_err(|error| error.to_string())
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.write.poll_close_unpin(cx).map_err(|error| error.to_string())
    }
}

fn caller_audio(n: u64, level: i16) -> WireMessage {
    let mut message = BytesMut::new();
    AudioHeader::Caller { position: Position(n * 320) }.write(&mut message);
    for n in 0..320 {
        let sample = if n / 4 % 2 == 0 { level } else { -level };
        message.extend_from_slice(&i16::to_le_bytes(sample));
    }
    WireMessage::Binary(message.freeze())
}

/// What a client is sent for one reply: samples and when they came.
#[derive(Default)]
struct Received {
    samples: Vec<i16>,
    arrivals: Vec<(Instant, usize)>,
    total: Option<u64>,
}

impl Received {
    fn take(&mut self, message: &WireMessage, now: Instant) {
        match message {
            WireMessage::Binary(bytes) => {
                let (AudioHeader::Agent { position, .. }, payload) = AudioHeader::read(bytes).unwrap() else {
                    panic!()
                };
                assert_eq!(position.0, self.samples.len() as u64, "a hole or a repetition");
                self.samples.extend(payload.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
                self.arrivals.push((now, self.samples.len()));
            }
            WireMessage::Text(text) => {
                if let ServerMessage::AudioEnd { total_samples, .. } = decode_server(text).unwrap() {
                    self.total = Some(total_samples);
                }
            }
            WireMessage::Close => {}
        }
    }

    /// The least audio that lay in a client's buffer when it needed some, had it played from the first message on.
    fn least_in_buffer_ms(&self) -> i64 {
        let start = self.arrivals[0].0;
        let later = self.arrivals.windows(2).filter(|pair| pair[1].0 > start);
        let before_each = later.map(|pair| {
            let needed = (pair[1].0 - start).as_millis() as i64;
            (pair[0].1 / 16) as i64 - needed
        });
        before_each.min().unwrap()
    }
}

/// A client that reads its socket every `reads_every_ms`.
async fn reply_over_websocket(reads_every_ms: u64) -> Received {
    let text = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";
    let (agent, _) = logged_agent(vec![Utterance::say("Hello there.")], &[text]);
    let (mut to_line, read) = mpsc::channel(16);
    let (write, mut from_line) = mpsc::channel(4);
    let format = AudioFormat { encoding: Encoding::Pcm16, rate: 16_000 };
    let socket = Socket { read, write };
    let (line, sender) =
        WebSocketLine::new(socket, format, PlayedReports::PacingClock, WebSocketLimits::default()).unwrap();
    let (session, handle, _events) = Session::new(CallId::new("websocket"), agent, Box::new(line));
    let mut tasks = JoinSet::new();
    tasks.spawn(session.run());
    let mut received = Received::default();
    let mut now = tokio::time::Instant::now();
    for n in 0..500_u64 {
        let level = if (10..50).contains(&n) { 8_000 } else { 0 };
        to_line.try_send(Ok(caller_audio(n, level))).unwrap();
        now += Duration::from_millis(20);
        loop {
            let reads = (n * 20).is_multiple_of(reads_every_ms);
            tokio::select! {
                biased;
                Some(message) = from_line.next(), if reads => received.take(&message, tokio::time::Instant::now()),
                () = tokio::time::sleep_until(now) => break,
            }
        }
    }
    drop((handle, sender));
    assert_eq!(received.total, Some(received.samples.len() as u64), "the client knows that nothing follows");
    assert_eq!(received.samples.len(), text.chars().count() * 960);
    for (n, sample) in (0..).zip(&received.samples) {
        assert_eq!(*sample, ramp_sample(voice_core::units::ReplyId(1), n));
    }
    received
}

#[tokio::test(start_paused = true)]
async fn a_client_that_plays_at_once_never_runs_dry() {
    let received = reply_over_websocket(20).await;
    assert!(received.least_in_buffer_ms() >= 60, "{} ms", received.least_in_buffer_ms());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_in_bursts_loses_nothing() {
    let received = reply_over_websocket(200).await;
    assert!(!received.samples.is_empty());
}

mod floods;
#[cfg(feature = "opus")]
mod opus;

use super::*;
use crate::audio::Frame;
use crate::transport::native::{AudioHeader, Encoding, ErrorCode, ServerMessage, decode_server};
use crate::transport::{LineCommand, LineControl, LineError, LineInput};
use crate::units::{Position, ReplyId, SampleRate};
use bytes::{Bytes, BytesMut};
use futures::channel::mpsc;
use futures::{FutureExt, SinkExt};
use proptest::prelude::*;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A socket of two bounded channels, as a WebSocket over a network is to the line.
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
        self.write.poll_ready_unpin(cx).map_err(|e| e.to_string())
    }
    fn start_send(mut self: Pin<&mut Self>, message: WireMessage) -> Result<(), String> {
        self.write.start_send_unpin(message).map_err(|e| e.to_string())
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.write.poll_flush_unpin(cx).map_err(|e| e.to_string())
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.write.poll_close_unpin(cx).map_err(|e| e.to_string())
    }
}

struct Client {
    send: mpsc::Sender<Result<WireMessage, String>>,
    received: mpsc::Receiver<WireMessage>,
}

impl Client {
    fn send(&mut self, message: WireMessage) {
        self.send.try_send(Ok(message)).unwrap();
    }
    fn send_text(&mut self, text: &str) {
        self.send(WireMessage::Text(text.into()));
    }
    fn send_pcm(&mut self, position: u64, payload: &[u8]) {
        let mut out = BytesMut::new();
        AudioHeader::Caller { position: Position(position) }.write(&mut out);
        out.extend_from_slice(payload);
        self.send(WireMessage::Binary(out.freeze()));
    }
    fn receive(&mut self) -> Option<WireMessage> {
        self.received.try_recv().ok()
    }
    fn receive_message(&mut self) -> Option<ServerMessage> {
        match self.receive()? {
            WireMessage::Text(text) => Some(decode_server(&text).unwrap()),
            other => panic!("expected text, got {other:?}"),
        }
    }
    fn received_replies(&mut self) -> Vec<u32> {
        let mut replies = Vec::new();
        while let Some(message) = self.receive() {
            if let WireMessage::Binary(bytes) = message {
                match AudioHeader::read(&bytes).unwrap().0 {
                    AudioHeader::Agent { reply, .. } => replies.push(reply.0),
                    other => panic!("expected agent audio, got {other:?}"),
                }
            }
        }
        replies
    }
}

struct Opened {
    source: BoxLineSource,
    sink: Box<dyn LineSink>,
    sender: WireSender,
    client: Client,
}

impl Opened {
    fn new(encoding: Encoding, rate: u32, limits: WebSocketLimits) -> Self {
        let (send, read) = mpsc::channel(1_000);
        let (write, received) = mpsc::channel(0);
        let format = AudioFormat { encoding, rate };
        let (line, sender) =
            WebSocketLine::new(Socket { read, write }, format, PlayedReports::Reported, limits).unwrap();
        let (source, sink) = Box::new(line).split();
        Self { source, sink, sender, client: Client { send, received } }
    }
    fn pcm() -> Self {
        Self::new(Encoding::Pcm16, 16_000, WebSocketLimits::default())
    }
    fn next(&mut self) -> Option<Option<Result<LineInput, LineError>>> {
        self.source.next().now_or_never()
    }
    fn drive(&mut self) -> Option<LineError> {
        poll_fn(|cx| self.sink.poll_drive(cx)).now_or_never()
    }
    /// Drives until the client has received so many messages more, and gives them.
    fn answers(&mut self) -> Vec<ServerMessage> {
        let mut answers = Vec::new();
        while self.drive().is_none() {
            match self.client.receive_message() {
                Some(message) => answers.push(message),
                None => break,
            }
        }
        answers
    }
    fn codes(&mut self) -> Vec<ErrorCode> {
        let code = |message| if let ServerMessage::Error { code, .. } = message { Some(code) } else { None };
        self.answers().into_iter().filter_map(code).collect()
    }
}

fn frame(position: u64) -> Frame {
    Frame::silence(Position(position), SampleRate::Hz16000)
}

#[test]
fn audio_of_any_size_becomes_frames_of_20_ms_at_most() {
    let mut line = Opened::pcm();
    let pcm: Vec<u8> = (0..1_000_i16).flat_map(i16::to_le_bytes).collect();
    line.client.send_pcm(0, &pcm);
    line.client.send_pcm(1_000, &pcm[..2]);
    line.client.send_pcm(5_000, &pcm[..4]);
    let mut spans = Vec::new();
    let mut samples = Vec::new();
    while let Some(Some(Ok(LineInput::Audio(frame)))) = line.next() {
        spans.push((frame.position().0, frame.end().0));
        samples.extend_from_slice(frame.samples());
    }
    assert_eq!(spans, [(0, 320), (320, 640), (640, 960), (960, 1_000), (1_000, 1_001), (5_000, 5_002)]);
    assert_eq!(samples[..1_000], (0..1_000).collect::<Vec<i16>>()[..]);
}

#[test]
fn a_token_goes_to_whoever_asked_for_tokens_and_is_an_error_where_nobody_did() {
    let auth = r#"{"type":"auth","token":"a.b.c"}"#;
    let mut line = Opened::pcm();
    line.client.send_text(auth);
    assert!(line.next().is_none());
    assert_eq!(line.codes(), [ErrorCode::InvalidValue]);

    let (mut send, read) = mpsc::channel(8);
    let socket = Socket { read, write: mpsc::channel(8).0 };
    let format = AudioFormat { encoding: Encoding::Pcm16, rate: 16_000 };
    let (mut line, _sender) =
        WebSocketLine::new(socket, format, PlayedReports::Reported, WebSocketLimits::default()).unwrap();
    let mut tokens = line.tokens();
    let (mut source, _sink) = Box::new(line).split();
    send.try_send(Ok(WireMessage::Text(auth.into()))).unwrap();
    assert!(source.next().now_or_never().is_none(), "it is nothing the session hears of");
    assert_eq!(tokens.next().now_or_never(), Some(Some("a.b.c".into())));
}

#[test]
fn commands_and_reports_arrive_in_order() {
    let mut line = Opened::pcm();
    for text in [
        r#"{"type":"played","reply":4,"samples":99}"#,
        r#"{"type":"say","text":"hi"}"#,
        r#"{"type":"mute","on":true}"#,
        r#"{"type":"mute","on":false}"#,
        r#"{"type":"dtmf","digit":"5"}"#,
        r#"{"type":"interrupt"}"#,
        r#"{"type":"bye"}"#,
    ] {
        line.client.send_text(text);
    }
    assert!(matches!(line.next(), Some(Some(Ok(LineInput::Played { reply: ReplyId(4), samples: 99 })))));
    let commands = std::iter::from_fn(|| match line.next() {
        Some(Some(Ok(LineInput::Command(command)))) => Some(command),
        _ => None,
    });
    let expected = [
        LineCommand::Say("hi".into()),
        LineCommand::Mute,
        LineCommand::Unmute,
        LineCommand::Dtmf('5'),
        LineCommand::Interrupt,
        LineCommand::HangUp,
    ];
    assert_eq!(commands.collect::<Vec<_>>(), expected);
}

#[test]
fn wrong_messages_are_answered_and_the_call_goes_on() {
    let mut line = Opened::pcm();
    line.client.send_text("{");
    line.client.send_text(r#"{"type":"dance"}"#);
    line.client.send_text(r#"{"type":"hello","protocol":1}"#);
    line.client.send_pcm(0, &[0; 3]);
    line.client.send(WireMessage::Binary(Bytes::from_static(b"short")));
    line.client.send_pcm(0, &vec![0; 16_001 * 2]);
    line.client.send_pcm(u64::MAX, &[0; 2]);
    line.client.send_pcm(640, &[0; 2]);
    line.client.send_pcm(0, &[0; 2]);
    assert!(matches!(line.next(), Some(Some(Ok(LineInput::Audio(frame)))) if frame.position() == Position(640)));
    assert!(line.next().is_none());
    use ErrorCode::*;
    assert_eq!(
        line.codes(),
        [
            MalformedMessage,
            UnknownType,
            InvalidValue,
            MalformedAudio,
            MalformedAudio,
            MalformedAudio,
            MalformedAudio,
            MalformedAudio
        ]
    );
}

#[test]
fn positions_run_ahead_of_the_audio_by_no_more_than_a_call_lasts() {
    let limits = WebSocketLimits { max_gap_s: 10, max_gaps_s: 15, ..WebSocketLimits::default() };
    let mut line = Opened::new(Encoding::Pcm16, 16_000, limits);
    for position in [160_000, 320_000, 240_000] {
        line.client.send_pcm(position, &[]);
    }
    line.client.send_pcm(240_000, &[0; 2]);
    assert!(matches!(line.next(), Some(Some(Ok(LineInput::Audio(frame)))) if frame.position() == Position(240_000)));
    assert_eq!(line.codes(), [ErrorCode::MalformedAudio]);
}

#[test]
fn too_many_wrong_messages_end_the_line() {
    let limits = WebSocketLimits { max_errors: 3, ..WebSocketLimits::default() };
    let mut line = Opened::new(Encoding::Pcm16, 16_000, limits);
    (0..4).for_each(|_| line.client.send_text("nonsense"));
    assert!(matches!(line.next(), Some(Some(Err(LineError::Protocol(_))))));
    assert!(matches!(line.next(), Some(None)));
    let codes = line.codes();
    assert_eq!((codes.len(), codes.last()), (5, Some(&ErrorCode::Connection)), "the client learns why");
}

#[test]
fn how_the_connection_ended_is_told() {
    let mut line = Opened::pcm();
    line.client.send(WireMessage::Close);
    assert!(matches!(line.next(), Some(Some(Err(LineError::Closed)))));
    let mut line = Opened::pcm();
    line.client.send.try_send(Err("reset".into())).unwrap();
    assert!(matches!(line.next(), Some(Some(Err(LineError::Lost(why)))) if why == "reset"));
    assert_eq!(line.codes(), [ErrorCode::Connection]);
    let mut line = Opened::pcm();
    drop(line.client);
    assert!(matches!(line.source.next().now_or_never(), Some(Some(Err(LineError::Lost(_))))));
    line.sink.send_audio(ReplyId(1), &frame(0)).unwrap();
    let failed = poll_fn(|cx| line.sink.poll_drive(cx)).now_or_never();
    assert!(matches!(&failed, Some(LineError::Lost(_))));
    assert_eq!(line.sink.send_audio(ReplyId(1), &frame(0)).err(), failed);
}

#[test]
fn a_client_that_does_not_read_is_bounded_and_nothing_follows_a_clear() {
    let mut line = Opened::pcm();
    let mut taken = 0;
    while line.sink.send_audio(ReplyId(1), &frame(taken * 320)).is_ok() {
        assert!(line.drive().is_none());
        taken += 1;
    }
    // What the channel took stands for what is on the network already.
    let on_the_wire = taken as usize - WebSocketLimits::default().queued_frames;
    assert!((1..=3).contains(&on_the_wire), "{on_the_wire}");
    line.sink.send_control(LineControl::Clear { reply: ReplyId(1) }).unwrap();
    line.sink.send_audio(ReplyId(1), &frame(0)).unwrap();
    line.sink.send_audio(ReplyId(2), &frame(0)).unwrap();
    let mut replies = Vec::new();
    for _ in 0..10 {
        assert!(line.drive().is_none());
        replies.extend(line.client.received_replies());
    }
    let mut expected = vec![1; on_the_wire];
    expected.push(2);
    assert_eq!(replies, expected);
}

#[test]
fn the_session_comes_before_the_program_and_both_keep_their_order() {
    let mut line = Opened::pcm();
    let tool = |name: &str| ServerMessage::Tool { name: name.into(), state: "done".into() };
    line.sender.try_send(tool("a")).unwrap();
    line.sender.try_send(tool("b")).unwrap();
    line.sink.send_control(LineControl::Pause { reply: ReplyId(1), sent_samples: 320 }).unwrap();
    line.sink.send_control(LineControl::Clear { reply: ReplyId(1) }).unwrap();
    let expected =
        [ServerMessage::Pause { reply: 1, sent_samples: 320 }, ServerMessage::Clear { reply: 1 }, tool("a"), tool("b")];
    assert_eq!(line.answers(), expected);
}

#[test]
fn closing_writes_everything_and_waits_for_the_last_sender() {
    let mut line = Opened::pcm();
    line.sink.send_control(LineControl::End { reply: ReplyId(1), total_samples: 320 }).unwrap();
    let close = |line: &mut Opened| poll_fn(|cx| line.sink.poll_close(cx)).now_or_never().is_some();
    assert!(!close(&mut line));
    assert_eq!(line.client.receive_message(), Some(ServerMessage::AudioEnd { reply: 1, total_samples: 320 }));
    let bye = ServerMessage::Bye { reason: "shutdown".into() };
    line.sender.try_send(bye.clone()).unwrap();
    let sender = line.sender.clone();
    let Opened { source, sink, sender: last, client } = line;
    drop(last);
    let mut line = Opened { source, sink, sender, client };
    assert!(!close(&mut line), "a sender lives");
    assert_eq!(line.client.receive_message(), Some(bye));
    let Opened { source: _source, mut sink, sender, mut client } = line;
    drop(sender);
    assert!(poll_fn(|cx| sink.poll_close(cx)).now_or_never().is_some());
    assert!(client.received.next().now_or_never() == Some(None), "the socket is closed");
}

#[test]
fn mulaw_is_a_byte_a_sample_in_both_directions() {
    let mut line = Opened::new(Encoding::Mulaw, 8_000, WebSocketLimits::default());
    line.client.send_pcm(0, &[0xff; 160]);
    assert!(matches!(line.next(), Some(Some(Ok(LineInput::Audio(frame)))) if frame.samples() == [0; 160]));
    line.sink.send_audio(ReplyId(1), &Frame::silence(Position::ZERO, SampleRate::Hz8000)).unwrap();
    assert!(line.drive().is_none());
    assert!(matches!(line.client.receive(), Some(WireMessage::Binary(bytes)) if bytes[16..] == [0xff; 160]));
}

#[tokio::test]
async fn a_sender_waits_for_room_and_learns_of_the_end() {
    let limits = WebSocketLimits { queued_messages: 1, ..WebSocketLimits::default() };
    let mut line = Opened::new(Encoding::Pcm16, 16_000, limits);
    let bye = ServerMessage::Bye { reason: "x".into() };
    line.sender.try_send(bye.clone()).unwrap();
    assert_eq!(line.sender.try_send(bye.clone()), Err(WireSendError::Full));
    assert!(line.sender.send(bye.clone()).now_or_never().is_none());
    assert!(line.drive().is_none());
    assert_eq!(line.sender.send(bye.clone()).now_or_never(), Some(Ok(())));
    drop(line.sink);
    assert_eq!(line.sender.send(bye).await, Err(WireSendError::Closed));
}

proptest! {
    #[test]
    fn any_messages_give_inputs_or_answers_and_never_panic(
        messages in prop::collection::vec(
            prop_oneof![
                any::<Vec<u8>>().prop_map(|bytes| WireMessage::Binary(bytes.into())),
                any::<(u64, Vec<u8>)>().prop_map(|(position, audio)| {
                    let mut out = BytesMut::new();
                    AudioHeader::Caller { position: Position(position) }.write(&mut out);
                    out.extend_from_slice(&audio);
                    WireMessage::Binary(out.freeze())
                }),
                any::<String>().prop_map(WireMessage::Text),
            ],
            0..60,
        ),
    ) {
        let mut line = Opened::pcm();
        messages.into_iter().for_each(|message| line.client.send(message));
        let mut last_end = Position::ZERO;
        while let Some(Some(Ok(input))) = line.next() {
            if let LineInput::Audio(frame) = input {
                prop_assert!(frame.position() >= last_end && frame.samples().len() <= 320);
                last_end = frame.end();
            }
        }
    }
}

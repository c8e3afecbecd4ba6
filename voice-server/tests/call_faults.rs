//! What the caller says when the server is at fault: a sentence for each fault, in bounded time, on simulated time.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use futures::{SinkExt, StreamExt};
use std::future::{Future, pending};
use std::path::PathBuf;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};
use voice_core::transport::native::{AudioFormat, ErrorCode, PROTOCOL_VERSION, ServerMessage};
use voice_server::caller::{CallArgs, CallError, CallReport, Cue, EncodingArg, FileArg, place};

type Server = WebSocketStream<DuplexStream>;

fn args(folder: &tempfile::TempDir) -> CallArgs {
    CallArgs {
        files: vec![FileArg { path: tone(folder), cue: Cue::AfterAgent }],
        server: None,
        config: None,
        models: None,
        data: None,
        token: None,
        record: None,
        json: None,
        rate: voice_core::units::SampleRate::Hz8000,
        encoding: EncodingArg::Pcm16,
        max_ms: 30_000,
        answer_ms: 5_000,
        greeting_ms: 100,
        pause_ms: 100,
        max_file_s: 10,
    }
}

fn tone(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("tone.wav");
    let sample_format = hound::SampleFormat::Int;
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    (0..4_000).for_each(|_| writer.write_sample(6_000_i16).unwrap());
    writer.finalize().unwrap();
    path
}

fn message(message: &ServerMessage) -> Message {
    Message::text(serde_json::to_string(message).unwrap())
}

fn ready() -> Message {
    let audio = AudioFormat { rate: 8_000, ..AudioFormat::default() };
    message(&ServerMessage::Ready { protocol: PROTOCOL_VERSION, call_id: "test".into(), audio, resume: None })
}

/// Places a call to `serve`, which is given the socket once `hello` has come.
async fn call<F>(args: impl FnOnce(&mut CallArgs), serve: impl FnOnce(Server) -> F) -> (Option<CallReport>, CallError)
where
    F: Future<Output = ()>,
{
    let folder = tempfile::tempdir().unwrap();
    let mut call_args = self::args(&folder);
    args(&mut call_args);
    let (near, far) = duplex(1 << 16);
    let server = async {
        let mut socket = accept_async(far).await.unwrap();
        socket.next().await.unwrap().unwrap();
        serve(socket).await;
        pending().await
    };
    let (report, end) = tokio::select! {
        held = place(near, &call_args) => held,
        () = server => unreachable!(),
    };
    (report, end.unwrap_err())
}

/// Reads until the caller is gone.
async fn listen(mut socket: Server) {
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_no_websocket_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (near, mut far) = duplex(1 << 16);
    far.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let (report, end) = place(near, &args(&folder)).await;
    assert!(report.is_none());
    assert!(end.unwrap_err().to_string().contains("503"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (near, _far) = duplex(1 << 16);
    assert!(matches!(place(near, &args(&folder)).await.1, Err(CallError::Connect { .. })));
    let (report, end) = call(|_| (), listen).await;
    assert!(report.is_none() && matches!(end, CallError::NotReady { .. }), "{end}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_in_the_servers_words() {
    let refusal = |mut socket: Server| async move {
        let error = ServerMessage::Error { code: ErrorCode::Unavailable, message: "the server is full".into() };
        socket.send(message(&error)).await.unwrap();
        socket.send(message(&ServerMessage::Bye { reason: "unavailable".into() })).await.unwrap();
        socket.close(None).await.unwrap();
    };
    let (report, end) = call(|_| (), refusal).await;
    assert!(report.is_none());
    assert_eq!(end.to_string(), "the server refused the call: the server is full (unavailable)");
}

#[tokio::test(start_paused = true)]
async fn an_early_goodbye_still_gives_a_report() {
    let early = |mut socket: Server| async move {
        socket.send(ready()).await.unwrap();
        socket.next().await.unwrap().unwrap();
        socket.send(message(&ServerMessage::Bye { reason: "max_duration".into() })).await.unwrap();
    };
    let (report, end) = call(|_| (), early).await;
    assert_eq!(report.unwrap().call_id, "test");
    assert!(matches!(end, CallError::EndedEarly { reason } if reason == "max_duration"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_still_gives_a_report() {
    let broken = |mut socket: Server| async move {
        socket.send(ready()).await.unwrap();
        socket.next().await.unwrap().unwrap();
    };
    let (report, end) = call(|_| (), broken).await;
    assert!(report.is_some() && matches!(end, CallError::EndedEarly { .. } | CallError::Lost(_)), "{end}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_never_speaks_is_given_up() {
    let silent = |mut socket: Server| async move {
        socket.send(ready()).await.unwrap();
        listen(socket).await;
    };
    let (report, end) = call(|_| (), silent).await;
    let report = report.unwrap();
    assert!(matches!(end, CallError::NoAnswer { waited_ms: 5_000, .. }), "{end}");
    // 100 ms without a greeting, 500 ms of the file, 5 s of waiting.
    assert_eq!((report.audio.sent_ms, report.audio.received_ms), (5_600.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_end_is_hung_up() {
    let silent = |mut socket: Server| async move {
        socket.send(ready()).await.unwrap();
        listen(socket).await;
    };
    let (report, end) = call(|args| (args.max_ms, args.answer_ms) = (2_000, 60_000), silent).await;
    assert!(matches!(end, CallError::TooLong { max_ms: 2_000 }), "{end}");
    assert_eq!(report.unwrap().audio.sent_ms, 2_000.0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_nothing_is_given_up() {
    let deaf = |mut socket: Server| async move {
        socket.send(ready()).await.unwrap();
        pending().await
    };
    let (report, end) = call(|_| (), deaf).await;
    assert!(report.is_some() && matches!(end, CallError::NotReading { .. }), "{end}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_protocol_is_passed_over() {
    let babble = |mut socket: Server| async move {
        socket.send(ready()).await.unwrap();
        for text in ["{", "\u{1b}[2J", r#"{"type":"newer"}"#, r#"{"type":"clear","reply":-1}"#] {
            socket.send(Message::text(text)).await.unwrap();
        }
        for bytes in [&b""[..], b"x", &[1; 17], &[1, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]] {
            socket.send(Message::binary(bytes.to_vec())).await.unwrap();
        }
        listen(socket).await;
    };
    let (report, end) = call(|_| (), babble).await;
    assert!(matches!(end, CallError::NoAnswer { .. }), "{end}");
    assert_eq!(report.unwrap().audio.received_ms, 0.0);
}

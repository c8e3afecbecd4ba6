//! The first exchange of a call: `hello` from the client, `ready` or an error from the server.
//! Between the two the server may make up its mind.
//!
//! Invariant: bounded in time whatever the client does; works on any socket of [`WireMessage`]s.

use futures::{Sink, SinkExt, Stream, StreamExt};
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;
use voice_core::transport::native::{
    AudioFormat, ClientMessage, ErrorCode, FormatError, Hello, MessageError, PROTOCOL_VERSION, ResumeOffer,
    ResumeRequest, ServerMessage, decode_client,
};
use voice_core::transport::{PlayedReports, WireMessage};
use voice_core::units::CallId;

/// How long a refused client has to read why.
const REFUSAL: Duration = Duration::from_secs(1);

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) format: AudioFormat,
    pub(crate) played: PlayedReports,
    /// Whether the client can take the call up again.
    pub(crate) resumable: Resumable,
    /// Where it stands in a call that it takes up again.
    pub(crate) resume: Option<ResumeRequest>,
}

/// Whether a client can take its call up again on another socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resumable {
    Yes,
    No,
}

/// Why there is no call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("no hello came within {} ms", .0.as_millis())]
    TooLate(Duration),
    #[error("the connection ended before hello: {0}")]
    Gone(String),
    #[error("the first message is a text message of type hello")]
    NotHello,
    #[error("protocol {0} is not spoken here; this server speaks {PROTOCOL_VERSION}")]
    Version(u32),
    #[error("hello says \"resume\", but the address names no call: connect to /v1/call?resume=TOKEN")]
    NothingToResume,
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// Waits for `hello`, which [`welcome`] or [`turn_away`] answers; an error is answered and the socket closed.
///
/// # Errors
/// [`HandshakeError`]; the socket is then of no more use.
pub(crate) async fn handshake<S, E>(socket: &mut S, within: Duration) -> Result<Agreed, HandshakeError>
where
    S: Sink<WireMessage, Error = E> + Stream<Item = Result<WireMessage, E>> + Unpin,
    E: fmt::Display,
{
    let agreed = timeout(within, hello(socket)).await.unwrap_or(Err(HandshakeError::TooLate(within)));
    if let Err(error) = &agreed {
        turn_away(socket, ErrorCode::Handshake, error).await;
    }
    agreed
}

/// Tells a client that its call is up.
///
/// # Errors
/// [`HandshakeError::Gone`] if the client did not read it `within` this time.
pub(crate) async fn welcome<S, E>(
    socket: &mut S,
    call: &CallId,
    agreed: &Agreed,
    resume: Option<ResumeOffer>,
    within: Duration,
) -> Result<(), HandshakeError>
where
    S: Sink<WireMessage, Error = E> + Unpin,
    E: fmt::Display,
{
    let call_id = call.as_str().into();
    let ready = ServerMessage::Ready { protocol: PROTOCOL_VERSION, call_id, audio: agreed.format, resume };
    match timeout(within, socket.send(text(&ready))).await {
        Ok(sent) => sent.map_err(|error| HandshakeError::Gone(error.to_string())),
        Err(_) => Err(HandshakeError::TooLate(within)),
    }
}

/// Tells a client that there is no call, and closes the socket: the one place where that is said.
pub(crate) async fn turn_away<S, E>(socket: &mut S, code: ErrorCode, why: &impl fmt::Display)
where
    S: Sink<WireMessage, Error = E> + Unpin,
{
    // Whoever does not read the refusal does without it.
    let _ = timeout(REFUSAL, refuse(socket, code, why.to_string())).await;
}

async fn hello<S, E>(socket: &mut S) -> Result<Agreed, HandshakeError>
where
    S: Sink<WireMessage, Error = E> + Stream<Item = Result<WireMessage, E>> + Unpin,
    E: fmt::Display,
{
    let first = match socket.next().await {
        Some(Ok(message)) => message,
        Some(Err(error)) => return Err(HandshakeError::Gone(error.to_string())),
        None => return Err(HandshakeError::Gone("closed".into())),
    };
    agree(&first)
}

fn agree(first: &WireMessage) -> Result<Agreed, HandshakeError> {
    let text = match first {
        WireMessage::Text(text) => text,
        WireMessage::Binary(_) => return Err(HandshakeError::NotHello),
        WireMessage::Close => return Err(HandshakeError::Gone("closed".into())),
    };
    let ClientMessage::Hello(Hello { protocol, audio, played_reports, resumable, resume }) = decode_client(text)?
    else {
        return Err(HandshakeError::NotHello);
    };
    if protocol != PROTOCOL_VERSION {
        return Err(HandshakeError::Version(protocol));
    }
    audio.line_rate()?;
    let played = if played_reports { PlayedReports::Reported } else { PlayedReports::PacingClock };
    // What was heard must be known to go on from the very sample.
    let resumable = if resumable && played_reports { Resumable::Yes } else { Resumable::No };
    Ok(Agreed { format: audio, played, resumable, resume })
}

async fn refuse<S, E>(socket: &mut S, code: ErrorCode, message: String) -> Result<(), E>
where
    S: Sink<WireMessage, Error = E> + Unpin,
{
    socket.send(text(&ServerMessage::Error { code, message })).await?;
    socket.send(text(&ServerMessage::Bye { reason: goodbye(code).into() })).await?;
    socket.close().await
}

/// The reason of `bye` where there was no call.
fn goodbye(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Handshake => "handshake_failed",
        ErrorCode::Unauthorized => "unauthorized",
        ErrorCode::OverLimit => "over_limit",
        _ => "unavailable",
    }
}

fn text(message: &ServerMessage) -> WireMessage {
    WireMessage::Text(serde_json::to_string(message).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::channel::mpsc;
    use voice_core::transport::native::{Encoding, decode_server};

    type Received = mpsc::UnboundedReceiver<WireMessage>;

    /// A socket whose client has sent `messages` and then nothing more.
    fn socket(
        messages: Vec<WireMessage>,
    ) -> (impl Sink<WireMessage, Error = String> + Stream<Item = Result<WireMessage, String>> + Unpin, Received) {
        let (write, received) = mpsc::unbounded();
        let read = futures::stream::iter(messages.into_iter().map(Ok)).chain(futures::stream::pending());
        let write = write.sink_map_err(|error| error.to_string());
        (Duplex { read, write }, received)
    }

    struct Duplex<R, W> {
        read: R,
        write: W,
    }

    impl<R: Stream + Unpin, W: Unpin> Stream for Duplex<R, W> {
        type Item = R::Item;
        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<R::Item>> {
            self.read.poll_next_unpin(cx)
        }
    }

    impl<R: Unpin, W: Sink<WireMessage> + Unpin> Sink<WireMessage> for Duplex<R, W> {
        type Error = W::Error;
        fn poll_ready(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), W::Error>> {
            self.write.poll_ready_unpin(cx)
        }
        fn start_send(mut self: std::pin::Pin<&mut Self>, item: WireMessage) -> Result<(), W::Error> {
            self.write.start_send_unpin(item)
        }
        fn poll_flush(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), W::Error>> {
            self.write.poll_flush_unpin(cx)
        }
        fn poll_close(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), W::Error>> {
            self.write.poll_close_unpin(cx)
        }
    }

    async fn try_with(messages: Vec<WireMessage>) -> (Result<Agreed, HandshakeError>, Vec<ServerMessage>) {
        let (mut socket, received) = socket(messages);
        let within = Duration::from_secs(5);
        let agreed = handshake(&mut socket, within).await;
        if let Ok(agreed) = &agreed {
            welcome(&mut socket, &CallId::new("c1"), agreed, None, within).await.unwrap();
        }
        drop(socket);
        (agreed, received.map(told).collect().await)
    }

    fn told(message: WireMessage) -> ServerMessage {
        match message {
            WireMessage::Text(text) => decode_server(&text).unwrap(),
            other => panic!("expected text, got {other:?}"),
        }
    }

    fn is_refusal(answers: &[ServerMessage]) -> bool {
        matches!(
            answers,
            [ServerMessage::Error { code: ErrorCode::Handshake, .. }, ServerMessage::Bye { reason }]
                if reason == "handshake_failed"
        )
    }

    #[tokio::test(start_paused = true)]
    async fn hello_is_answered_with_ready() {
        let hello = r#"{"type":"hello","protocol":1,"audio":{"encoding":"mulaw","rate":8000},"played_reports":true}"#;
        let (agreed, answers) = try_with(vec![WireMessage::Text(hello.into())]).await;
        let audio = AudioFormat { encoding: Encoding::Mulaw, rate: 8_000 };
        let (played, resumable) = (PlayedReports::Reported, Resumable::No);
        assert_eq!(agreed, Ok(Agreed { format: audio, played, resumable, resume: None }));
        assert_eq!(answers, [ServerMessage::Ready { protocol: 1, call_id: "c1".into(), audio, resume: None }]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_turned_away_is_told_why_in_a_word_and_a_sentence() {
        for (code, word) in [
            (ErrorCode::Handshake, "handshake_failed"),
            (ErrorCode::Unauthorized, "unauthorized"),
            (ErrorCode::OverLimit, "over_limit"),
            (ErrorCode::Unavailable, "unavailable"),
        ] {
            let (mut socket, received) = socket(Vec::new());
            turn_away(&mut socket, code, &"the sentence").await;
            drop(socket);
            let told: Vec<_> = received.map(told).collect().await;
            let error = ServerMessage::Error { code, message: "the sentence".into() };
            assert_eq!(told, [error, ServerMessage::Bye { reason: word.into() }]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_is_refused_at_the_deadline() {
        let (agreed, answers) = try_with(Vec::new()).await;
        assert_eq!(agreed, Err(HandshakeError::TooLate(Duration::from_secs(5))));
        assert!(is_refusal(&answers), "{answers:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_first_message_is_refused_with_the_reason() {
        let text = |text: &str| WireMessage::Text(text.into());
        for (first, expected) in [
            (text(r#"{"type":"hello","protocol":2}"#), HandshakeError::Version(2)),
            (text(r#"{"type":"bye"}"#), HandshakeError::NotHello),
            (WireMessage::Binary(vec![0; 20].into()), HandshakeError::NotHello),
            (WireMessage::Close, HandshakeError::Gone("closed".into())),
            (
                text(r#"{"type":"hello","protocol":1,"audio":{"encoding":"pcm16","rate":44100}}"#),
                HandshakeError::Format(FormatError::Rate(44_100)),
            ),
        ] {
            let (agreed, answers) = try_with(vec![first]).await;
            assert_eq!(agreed, Err(expected));
            assert!(is_refusal(&answers), "{answers:?}");
        }
    }
}

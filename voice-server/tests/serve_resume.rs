//! Calls whose sockets break, and that are taken up again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod serve_support;

use serve_support::{Client, Received, TestServer, agent, no_hang};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use voice_core::transport::native::{ErrorCode, ResumeOffer, ServerMessage};
use voice_server::ServerLimits;

const GREETING: &str = "Good evening, this is the office. We are open from nine to five. What can I do for you today?";

/// Calls that a test leaves are ended at once.
fn limits() -> ServerLimits {
    ServerLimits { drain_ms: 1, ..ServerLimits::default() }
}

/// A client that counts what it gets and says what it played.
struct Lasting {
    client: Client,
    offer: ResumeOffer,
    received: u64,
    sent_texts: u64,
    /// Where the next sample of the reply has to be.
    next: u64,
    heard: String,
    outcome: Option<String>,
}

async fn connect(server: &TestServer, path: &str, bearer: Option<&str>) -> Result<Client, tungstenite::Error> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut request = format!("ws://localhost{path}").into_client_request()?;
    if let Some(bearer) = bearer {
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
    }
    Ok(Client { socket: tokio_tungstenite::client_async(request, stream).await?.0 })
}

fn status(refused: Result<Client, tungstenite::Error>) -> u16 {
    match refused.map(|_| "a call") {
        Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

impl Lasting {
    async fn call(server: &TestServer) -> Self {
        let mut client = Client::connect(server).await.unwrap();
        client.send(r#"{"type":"hello","protocol":1,"played_reports":true,"resumable":true}"#).await;
        let ready = client.until(|message| matches!(message, ServerMessage::Ready { .. })).await;
        let ServerMessage::Ready { resume: Some(offer), .. } = ready else { panic!("{ready:?}") };
        Self { client, offer, received: 0, sent_texts: 0, next: 0, heard: String::new(), outcome: None }
    }

    fn path(&self) -> String {
        format!("/v1/call?resume={}", self.offer.token.expose())
    }

    /// The socket goes without a word, and another one takes its place.
    async fn break_and_return(&mut self, server: &TestServer) {
        self.client.socket.get_mut().shutdown().await.unwrap();
        self.take_over(server).await;
    }

    /// Another socket comes while the server still believes in the first.
    async fn take_over(&mut self, server: &TestServer) {
        self.client = connect(server, &self.path(), Some(&server.access.bearer())).await.unwrap();
        self.hello(self.received).await;
        let Received::Message(ServerMessage::Resumed { received, .. }) = self.client.receive().await else {
            panic!("no resumed came");
        };
        assert!(received <= self.sent_texts, "{received} of {}", self.sent_texts);
    }

    async fn hello(&mut self, received: u64) {
        let resume = format!(r#""resume":{{"received":{received}}}"#);
        self.client.send(&format!(r#"{{"type":"hello","protocol":1,"played_reports":true,{resume}}}"#)).await;
    }

    /// Takes one message, which must be the next one.
    async fn step(&mut self) {
        match self.client.receive().await {
            Received::Audio { reply, position, payload } => {
                assert_eq!(position, self.next, "a hole or a repetition");
                self.next += payload.len() as u64 / 2;
                self.sent_texts += 1;
                self.client.send(&format!(r#"{{"type":"played","reply":{reply},"samples":{}}}"#, self.next)).await;
            }
            Received::Message(ServerMessage::AgentText { heard, outcome, .. }) => {
                (self.heard, self.outcome) = (heard, outcome);
            }
            Received::Message(ServerMessage::Error { message, .. }) => panic!("{message}"),
            Received::Message(_) => {}
            Received::Closed => panic!("closed"),
        }
        self.received += 1;
    }

    async fn steps(&mut self, messages: u64) {
        for _ in 0..messages {
            self.step().await;
        }
    }
}

#[tokio::test]
async fn a_call_goes_on_over_another_socket_and_nothing_is_missing_or_said_twice() {
    let server = TestServer::start(agent(Some(GREETING)), limits()).await;
    let mut call = Lasting::call(&server).await;
    for messages in [5, 20, 1, 30] {
        call.steps(messages).await;
        call.break_and_return(&server).await;
        call.steps(3).await;
        call.take_over(&server).await;
    }
    while call.outcome.is_none() {
        call.step().await;
    }
    assert_eq!((call.outcome.as_deref(), call.heard.as_str()), (Some("completed"), GREETING));
    assert!(server.get("/metrics").await.contains("voice_calls_active 1\n"), "it is one call");
    call.client.send(r#"{"type":"bye"}"#).await;
    call.client.until(|message| matches!(message, ServerMessage::Bye { reason } if reason == "caller_hung_up")).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_call_in_which_nobody_speaks_is_taken_up_at_once() {
    let server = TestServer::start(agent(Some("Yes?")), limits()).await;
    let mut call = Lasting::call(&server).await;
    while call.outcome.is_none() {
        call.step().await;
    }
    // `resumed` is the very next message, though the agent has nothing to say.
    call.break_and_return(&server).await;
    call.take_over(&server).await;
    // A socket that is closed in good order, but without a `bye`, is no end of the call either.
    call.client.socket.close(None).await.unwrap();
    call.take_over(&server).await;
    call.client.send(r#"{"type":"ping","n":7}"#).await;
    call.client.until(|message| *message == ServerMessage::Pong { n: 7 }).await;
    server.stopped().await;
}

#[tokio::test]
async fn what_was_lost_under_way_is_sent_again() {
    let server = TestServer::start(agent(Some(GREETING)), limits()).await;
    let mut call = Lasting::call(&server).await;
    call.steps(20).await;
    let (received, next) = (call.received, call.next);
    call.steps(10).await;
    // As if the last ten had never come.
    (call.received, call.next) = (received, next);
    call.break_and_return(&server).await;
    while call.outcome.is_none() {
        call.step().await;
    }
    assert_eq!(call.heard, GREETING);
    server.stopped().await;
}

#[tokio::test]
async fn a_call_is_taken_up_by_its_user_and_by_nobody_else() {
    let server = TestServer::start(agent(Some(GREETING)), limits()).await;
    let call = Lasting::call(&server).await;
    let (path, own) = (call.path(), server.access.bearer());
    let stranger = server.access.bearer_of_another_tenant().await;
    assert_eq!(status(connect(&server, &path, Some(&stranger)).await), 410);
    assert_eq!(status(connect(&server, "/v1/call?resume=AAAAAAAAAAAAAAAAAAAAAA", Some(&own)).await), 410);
    assert_eq!(status(connect(&server, &path, None).await), 401);
    assert_eq!(status(connect(&server, &path, Some("Bearer a.b.c")).await), 401);
    server.stopped().await;
}

#[tokio::test]
async fn a_client_that_cannot_say_where_it_stands_is_told_so_and_may_try_again() {
    let server = TestServer::start(agent(Some(GREETING)), limits()).await;
    let mut call = Lasting::call(&server).await;
    call.steps(10).await;
    let own = server.access.bearer();
    for hello in [
        r#"{"type":"hello","protocol":1,"played_reports":true,"resume":{"received":100000}}"#,
        r#"{"type":"hello","protocol":1,"played_reports":true}"#,
        r#"{"type":"hello","protocol":1,"resume":{"received":10}}"#,
    ] {
        let mut wrong = connect(&server, &call.path(), Some(&own)).await.unwrap();
        wrong.send(hello).await;
        let is_refusal = |message: &ServerMessage| matches!(message, ServerMessage::Error { code, .. } if *code == ErrorCode::Handshake);
        wrong.until(is_refusal).await;
    }
    let mut nothing = Client::connect(&server).await.unwrap();
    nothing.send(r#"{"type":"hello","protocol":1,"resume":{"received":0}}"#).await;
    nothing
        .until(|message| matches!(message, ServerMessage::Error { message, .. } if message.contains("?resume=")))
        .await;
    call.break_and_return(&server).await;
    while call.outcome.is_none() {
        call.step().await;
    }
    assert_eq!(call.heard, GREETING);
    server.stopped().await;
}

#[tokio::test]
async fn a_client_that_does_not_come_back_has_lost_its_call() {
    let limits = ServerLimits { resume_ms: 20, ..limits() };
    let server = TestServer::start(agent(Some(GREETING)), limits).await;
    let mut call = Lasting::call(&server).await;
    call.steps(10).await;
    let path = call.path();
    drop(call);
    server.until_metric("voice_calls_ended_total{reason=\"line_lost\"} 1").await;
    assert_eq!(status(connect(&server, &path, Some(&server.access.bearer())).await), 410);
    server.stopped().await;
}

#[tokio::test]
async fn only_clients_that_can_come_back_are_waited_for() {
    let off = ServerLimits { resume_ms: 0, ..limits() };
    for (limits, hello) in [
        (limits(), r#"{"type":"hello","protocol":1,"played_reports":true}"#),
        (limits(), r#"{"type":"hello","protocol":1,"resumable":true}"#),
        (off, r#"{"type":"hello","protocol":1,"played_reports":true,"resumable":true}"#),
    ] {
        let server = TestServer::start(agent(Some(GREETING)), limits).await;
        let mut client = Client::connect(&server).await.unwrap();
        client.send(hello).await;
        let ready = client.until(|message| matches!(message, ServerMessage::Ready { .. })).await;
        assert!(matches!(ready, ServerMessage::Ready { resume: None, .. }), "{ready:?}");
        drop(client);
        server.until_metric("voice_calls_ended_total{reason=\"line_lost\"} 1").await;
        no_hang(server.stopped()).await;
    }
}

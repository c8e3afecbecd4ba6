//! The driver against a server of tungstenite's, and against raw TCP where a server misbehaves.

use super::super::ApiKey;
use super::*;
use crate::stage::Fault;
use futures::future::{Future, join};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

const SECRET: &str = "sk-very-secret";
/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

type Server = WebSocketStream<TcpStream>;

fn vendor() -> Vendor {
    Vendor { name: "Vendor", key: Some(ApiKey::new(SECRET, "A_KEY")), url_setting: "A_URL" }
}

fn plan() -> SocketPlan {
    SocketPlan { queue: 1024, keep_alive: None, stall_after: None, farewell: vec![], close_deadline: PATIENCE }
}

fn request(listener: &TcpListener) -> SocketRequest {
    SocketRequest {
        url: format!("ws://{}/v2/listen?model=x", listener.local_addr().unwrap()),
        headers: vec![("authorization", format!("Token {SECRET}"))],
        connect_deadline: PATIENCE,
        max_message_bytes: 64 * 1024,
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Both sides at once, and not for ever.
async fn both<S, C>(server: impl Future<Output = S>, client: impl Future<Output = C>) -> (S, C) {
    tokio::time::timeout(PATIENCE, join(server, client)).await.expect("a side hangs")
}

/// A connected pair.
async fn pair() -> (Server, Socket) {
    let listener = listen().await;
    let accept = async { accept_async(listener.accept().await.unwrap().0).await.unwrap() };
    let vendor = vendor();
    let (server, socket) = both(accept, connect(&vendor, request(&listener))).await;
    (server, socket.unwrap())
}

#[derive(Debug, PartialEq)]
enum Came {
    Text(String),
    Binary(Bytes),
    Ended(SocketEnd),
}

/// Passes on what comes; refuses `bad`, panics at `panic`.
struct Probe(mpsc::UnboundedSender<Came>);

impl SocketHandler for Probe {
    fn text(&mut self, text: &str) -> Result<(), StageError> {
        assert_ne!(text, "panic");
        let _ = self.0.send(Came::Text(text.to_owned()));
        if text == "bad" { Err(vendor().failed(Fault::Overload, "bad")) } else { Ok(()) }
    }

    fn binary(&mut self, bytes: Bytes) -> Result<(), StageError> {
        let _ = self.0.send(Came::Binary(bytes));
        Ok(())
    }

    fn ended(&mut self, end: SocketEnd) {
        let _ = self.0.send(Came::Ended(end));
    }
}

/// What the handler was told.
struct Told(mpsc::UnboundedReceiver<Came>);

impl Told {
    async fn next(&mut self) -> Option<Came> {
        tokio::time::timeout(PATIENCE, self.0.recv()).await.expect("nothing comes")
    }

    /// The end, which must be the last thing told.
    async fn end(&mut self) -> SocketEnd {
        loop {
            if let Came::Ended(end) = self.next().await.expect("dropped without an end") {
                assert_eq!(self.next().await, None);
                return end;
            }
        }
    }

    async fn failure(&mut self) -> StageError {
        match self.end().await {
            SocketEnd::Failed(error) => error,
            end => panic!("{end:?}"),
        }
    }
}

async fn running(plan: SocketPlan) -> (Server, SocketWriter, Told) {
    let (server, socket) = pair().await;
    let (sender, came) = mpsc::unbounded_channel();
    (server, socket.run(vendor(), plan, Probe(sender)), Told(came))
}

/// Everything up to the close, and the close.
async fn all_of(server: &mut Server) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(Ok(message)) = tokio::time::timeout(PATIENCE, server.next()).await.expect("the client hangs") {
        all.push(match message {
            Message::Text(text) => text.to_string(),
            Message::Binary(bytes) => format!("{} bytes", bytes.len()),
            Message::Close(_) => "close".to_owned(),
            other => format!("{other:?}"),
        });
    }
    all
}

/// Fills the queue of a client whose server does not read; how many messages it took.
async fn fill(writer: &SocketWriter, message: &Bytes) -> usize {
    let mut taken = 0;
    let mut refused_in_a_row = 0;
    while refused_in_a_row < 100 {
        match writer.binary(message.clone()) {
            Ok(()) => (taken, refused_in_a_row) = (taken + 1, 0),
            Err(error) => {
                assert_eq!(error, vendor().full());
                refused_in_a_row += 1;
                tokio::task::yield_now().await;
            }
        }
        assert!(taken < 100_000, "nothing bounds the queue");
    }
    taken
}

mod opening {
    use super::*;

    /// Answers one connection with `pieces`, each sent by itself, and gives back the request.
    async fn refuse(listener: &TcpListener, pieces: &[&str]) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        for piece in pieces {
            stream.write_all(piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        String::from_utf8(request).unwrap()
    }

    async fn refused(pieces: &[&str]) -> (String, StageError) {
        let listener = listen().await;
        let vendor = vendor();
        let (request, opened) = both(refuse(&listener, pieces), connect(&vendor, request(&listener))).await;
        (request, opened.err().expect("it was not refused"))
    }

    #[tokio::test]
    async fn the_request_says_who_asks_and_has_the_key() {
        let (request, _) = refused(&["HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"]).await;
        let request = request.to_lowercase();
        assert!(request.starts_with("get /v2/listen?model=x http/1.1\r\n"), "{request}");
        for header in ["upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13"] {
            assert!(request.contains(header), "{request}");
        }
        assert!(request.contains(concat!("user-agent: voice-core/", env!("CARGO_PKG_VERSION"))), "{request}");
        assert!(request.contains(&format!("authorization: token {SECRET}")), "{request}");
    }

    #[tokio::test]
    async fn a_refusal_is_classed_and_its_header_told() {
        let (_, error) = refused(&[
            "HTTP/1.1 401 Unauthorized\r\ndg-error: Invalid credentials.\r\ndg-request-id: abc-1\r\n",
            "content-length: 2\r\n\r\n{}",
        ])
        .await;
        assert_eq!(error.fault(), Fault::Configuration);
        let said = error.to_string();
        assert!(said.contains("A_KEY") && said.contains("Invalid credentials. [request abc-1]"), "{said}");
    }

    #[tokio::test]
    async fn a_body_that_comes_after_the_headers_is_read_and_its_key_is_not_shown() {
        let body = format!(r#"{{"error":{{"message":"no plan for {SECRET}"}}}}"#);
        let head = format!("HTTP/1.1 429 Slow down\r\ncontent-length: {}\r\n\r\n", body.len());
        let (_, error) = refused(&[&head, body.split_at(9).0, body.split_at(9).1]).await;
        assert_eq!(error.fault(), Fault::Overload);
        assert!(error.to_string().contains("no plan for [key]"), "{error}");
        assert!(!format!("{error} {error:?}").contains(SECRET));
    }

    #[tokio::test]
    async fn a_chunked_body_is_read_too_and_html_is_not_shown() {
        let head = "HTTP/1.1 503 Down\r\ntransfer-encoding: chunked\r\n\r\n";
        let (_, error) = refused(&[head, "9\r\n{\"detail\"\r\n", "8\r\n: \"full\"\r\n1\r\n}\r\n0\r\n\r\n"]).await;
        assert!(error.to_string().contains("it said: full"), "{error}");
        let (_, error) = refused(&["HTTP/1.1 502 Bad\r\ncontent-length: 17\r\n\r\n<html>bad</html>\n"]).await;
        assert_eq!(error.fault(), Fault::Engine);
        assert!(!error.to_string().contains("html"), "{error}");
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_and_a_plain_success_is_no_socket() {
        let elsewhere = listen().await;
        let target = format!("location: http://{}/", elsewhere.local_addr().unwrap());
        let (_, error) = refused(&[&format!("HTTP/1.1 307 Go\r\n{target}\r\ncontent-length: 0\r\n\r\n")]).await;
        assert_eq!(error.fault(), Fault::Configuration);
        assert!(error.to_string().contains("A_URL"), "{error}");
        let (_, error) = refused(&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"]).await;
        assert_eq!(error.fault(), Fault::Configuration);
    }

    #[tokio::test]
    async fn an_answer_to_another_handshake_is_no_socket() {
        let answer = "HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n";
        let (_, error) = refused(&[answer]).await;
        assert_eq!(error.fault(), Fault::Engine);
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_says_nothing_is_given_up() {
        let listener = listen().await;
        let vendor = vendor();
        let request = SocketRequest { connect_deadline: SHORT, ..request(&listener) };
        let (_held, opened) = both(listener.accept(), connect(&vendor, request)).await;
        let error = opened.err().unwrap();
        assert!(error.is_retryable() && error.to_string().contains("within 50 ms"), "{error}");
    }

    #[tokio::test]
    async fn what_is_not_there_or_no_address_is_told_with_its_setting() {
        let listener = listen().await;
        let gone = request(&listener);
        drop(listener);
        let error = connect(&vendor(), gone).await.err().unwrap();
        assert!(error.is_retryable() && error.to_string().contains("A_URL"), "{error}");
        let nowhere = SocketRequest { url: "nonsense".into(), ..request(&listen().await) };
        assert!(!connect(&vendor(), nowhere).await.err().unwrap().is_retryable());
    }

    #[tokio::test]
    async fn a_key_that_no_header_can_hold_is_a_wrong_setting_and_not_shown() {
        let headers = vec![("authorization", format!("{SECRET}\n"))];
        let error = connect(&vendor(), SocketRequest { headers, ..request(&listen().await) }).await.err().unwrap();
        assert!(!error.is_retryable() && !format!("{error:?}").contains(SECRET), "{error}");
    }

    #[tokio::test]
    async fn tls_to_a_server_without_it_is_an_error() {
        let listener = listen().await;
        let url = format!("wss://{}/", listener.local_addr().unwrap());
        let plain = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 No\r\n\r\n").await.unwrap();
            std::future::pending::<()>().await;
        };
        let vendor = vendor();
        let opened = tokio::select! {
            () = plain => None,
            opened = connect(&vendor, SocketRequest { url, ..request(&listener) }) => opened.err(),
        };
        assert!(matches!(opened, Some(StageError::Open { .. })), "{opened:?}");
    }

    #[tokio::test]
    async fn a_socket_that_is_never_run_closes_its_connection() {
        let (mut server, socket) = pair().await;
        drop(socket);
        assert!(!matches!(server.next().await, Some(Ok(_))));
    }
}

mod running {
    use super::*;

    #[tokio::test]
    async fn messages_keep_their_order_both_ways() {
        let (mut server, writer, mut told) = running(plan()).await;
        let second = writer.clone();
        for n in 0..200 {
            writer.text(n.to_string()).unwrap();
            second.binary(Bytes::from(vec![7; n])).unwrap();
        }
        for n in 0..200 {
            assert_eq!(server.next().await.unwrap().unwrap(), Message::text(n.to_string()));
            assert_eq!(server.next().await.unwrap().unwrap(), Message::binary(vec![7; n]));
            server.feed(Message::text(n.to_string())).await.unwrap();
        }
        server.send(Message::binary(vec![1, 2])).await.unwrap();
        for n in 0..200 {
            assert_eq!(told.next().await, Some(Came::Text(n.to_string())));
        }
        assert_eq!(told.next().await, Some(Came::Binary(Bytes::from_static(&[1, 2]))));
    }

    #[tokio::test]
    async fn a_vendor_that_does_not_read_fills_the_queue_and_is_still_heard() {
        let (mut server, writer, mut told) = running(SocketPlan { queue: 8, ..plan() }).await;
        let message = Bytes::from(vec![9; 60_000]);
        let taken = fill(&writer, &message).await;
        server.send(Message::text("still there")).await.unwrap();
        assert_eq!(told.next().await, Some(Came::Text("still there".into())));
        for _ in 0..taken {
            assert_eq!(server.next().await.unwrap().unwrap(), Message::Binary(message.clone()));
        }
        writer.text("again".into()).unwrap();
        assert_eq!(server.next().await.unwrap().unwrap(), Message::text("again"));
    }

    #[tokio::test]
    async fn a_flood_from_the_vendor_does_not_keep_us_from_writing() {
        let (server, writer, _told) = running(plan()).await;
        let (mut tell, mut hear) = server.split();
        let flood = async {
            loop {
                tell.feed(Message::text("x".repeat(1000))).await.unwrap();
            }
        };
        writer.text("hello".into()).unwrap();
        let heard = tokio::time::timeout(PATIENCE, async {
            tokio::select! { () = flood => None, heard = hear.next() => heard }
        });
        assert_eq!(heard.await.unwrap().unwrap().unwrap(), Message::text("hello"));
    }

    #[tokio::test]
    async fn silence_after_a_message_is_a_stall() {
        let (_server, writer, mut told) = running(SocketPlan { stall_after: Some(SHORT), ..plan() }).await;
        writer.text("anyone?".into()).unwrap();
        assert_eq!(told.failure().await, vendor().stalled(SHORT));
        assert_eq!(writer.text("hello".into()), Err(vendor().ended()));
    }

    #[tokio::test]
    async fn keep_alives_are_sent_while_nothing_else_is_and_ask_for_no_answer() {
        let keep_alive = KeepAlive {
            after_idle: Duration::from_millis(20),
            message: KeepAliveMessage::Text(r#"{"type":"KeepAlive"}"#.into()),
        };
        let plan = SocketPlan { keep_alive: Some(keep_alive), stall_after: Some(SHORT), ..plan() };
        let (mut server, writer, mut told) = running(plan).await;
        for _ in 0..10 {
            assert_eq!(server.next().await.unwrap().unwrap(), Message::text(r#"{"type":"KeepAlive"}"#));
        }
        server.send(Message::text("well")).await.unwrap();
        assert_eq!(told.next().await, Some(Came::Text("well".into())));
        assert!(writer.is_open());
    }

    fn pinging() -> SocketPlan {
        let keep_alive = KeepAlive { after_idle: SHORT, message: KeepAliveMessage::Ping };
        SocketPlan { keep_alive: Some(keep_alive), ..plan() }
    }

    #[tokio::test]
    async fn pings_are_answered_or_the_connection_is_dead() {
        let (mut server, writer, mut told) = running(pinging()).await;
        for _ in 0..4 {
            assert!(matches!(server.next().await, Some(Ok(Message::Ping(_)))));
        }
        assert!(writer.is_open());
        assert_eq!(told.failure().await, vendor().stalled(SHORT));
    }

    #[tokio::test]
    async fn a_ping_of_the_vendors_is_answered() {
        let (mut server, _writer, _told) = running(plan()).await;
        server.send(Message::Ping(Bytes::from_static(b"7"))).await.unwrap();
        assert_eq!(server.next().await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"7")));
    }
}

mod ending {
    use super::*;

    fn with_farewell(close_deadline: Duration) -> SocketPlan {
        SocketPlan { farewell: vec!["flush".into(), "close stream".into()], close_deadline, ..plan() }
    }

    #[tokio::test]
    async fn the_last_writer_says_farewell_after_all_that_was_queued() {
        let (mut server, writer, mut told) = running(with_farewell(PATIENCE)).await;
        let other = writer.clone();
        writer.text("one".into()).unwrap();
        writer.binary(Bytes::from_static(b"22")).unwrap();
        drop(writer);
        other.text("two".into()).unwrap();
        drop(other);
        assert_eq!(all_of(&mut server).await, ["one", "2 bytes", "two", "flush", "close stream", "close"]);
        assert_eq!(told.end().await, SocketEnd::Farewell);
    }

    #[tokio::test]
    async fn a_vendor_that_never_closes_is_left() {
        let (mut server, writer, mut told) = running(with_farewell(SHORT)).await;
        drop(writer);
        assert_eq!(told.end().await, SocketEnd::Farewell);
        assert_eq!(all_of(&mut server).await, ["flush", "close stream", "close"]);
    }

    #[tokio::test]
    async fn a_vendor_that_does_not_even_read_is_left() {
        let (_server, writer, mut told) = running(SocketPlan { queue: 4, ..with_farewell(SHORT) }).await;
        fill(&writer, &Bytes::from(vec![9; 60_000])).await;
        drop(writer);
        assert_eq!(told.end().await, SocketEnd::Farewell);
    }

    #[tokio::test]
    async fn what_comes_during_the_farewell_is_still_told() {
        let (mut server, writer, mut told) = running(with_farewell(PATIENCE)).await;
        drop(writer);
        assert_eq!(server.next().await.unwrap().unwrap(), Message::text("flush"));
        server.send(Message::text("last words")).await.unwrap();
        all_of(&mut server).await;
        assert_eq!(told.next().await, Some(Came::Text("last words".into())));
        assert_eq!(told.end().await, SocketEnd::Farewell);
    }

    fn close(code: u16, reason: &str) -> Message {
        Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
    }

    #[tokio::test]
    async fn a_close_is_told_with_its_code_and_without_the_key_and_is_answered() {
        let (mut server, writer, mut told) = running(plan()).await;
        server.send(close(1011, &format!("no audio for {SECRET}"))).await.unwrap();
        let end = SocketEnd::Closed { code: Some(1011), reason: "no audio for [key]".into() };
        assert_eq!(told.end().await, end);
        assert!(!writer.is_open());
        assert_eq!(all_of(&mut server).await, ["close"]);
    }

    #[tokio::test]
    async fn a_close_without_a_code_is_a_close() {
        let (mut server, _writer, mut told) = running(plan()).await;
        server.send(Message::Close(None)).await.unwrap();
        assert_eq!(told.end().await, SocketEnd::Closed { code: None, reason: String::new() });
    }

    #[tokio::test]
    async fn a_close_is_heard_while_much_is_being_written() {
        let (mut server, writer, mut told) = running(SocketPlan { queue: 8, close_deadline: SHORT, ..plan() }).await;
        fill(&writer, &Bytes::from(vec![9; 60_000])).await;
        server.send(close(4001, "enough")).await.unwrap();
        assert_eq!(told.end().await, SocketEnd::Closed { code: Some(4001), reason: "enough".into() });
    }

    #[tokio::test]
    async fn a_reset_and_an_end_without_a_close_are_failures() {
        for reset in [true, false] {
            let (server, writer, mut told) = running(plan()).await;
            if reset {
                server.get_ref().set_zero_linger().unwrap();
            }
            drop(server);
            let error = told.failure().await;
            assert!(matches!(error, StageError::Stream { fault: Fault::Engine, .. }), "{error:?}");
            assert!(error.to_string().contains("broke off"), "{error}");
            assert_eq!(writer.text("hello".into()), Err(vendor().ended()));
        }
    }

    #[tokio::test]
    async fn writing_into_a_dead_connection_ends_it() {
        let (server, writer, mut told) = running(SocketPlan { queue: 8, ..plan() }).await;
        fill(&writer, &Bytes::from(vec![9; 60_000])).await;
        drop(server);
        assert!(told.failure().await.to_string().contains("broke off"));
    }

    #[tokio::test]
    async fn a_message_of_the_bound_is_taken_in_pieces_too_and_a_larger_one_is_not() {
        let (mut server, _writer, mut told) = running(plan()).await;
        let half = Bytes::from(vec![b'x'; 32 * 1024]);
        for (opcode, last) in [(Data::Text, false), (Data::Continue, true)] {
            let frame = Frame::message(half.clone(), OpCode::Data(opcode), last);
            server.send(Message::Frame(frame)).await.unwrap();
        }
        assert_eq!(told.next().await, Some(Came::Text("x".repeat(64 * 1024))));
        server.send(Message::text("x".repeat(64 * 1024 + 1))).await.unwrap();
        let error = told.failure().await;
        assert!(error.to_string().contains("not its protocol") && error.to_string().contains("65536"), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_websocket_is_garbled() {
        for garbage in [&b"HTTP/1.1 500 Oh\r\n\r\n"[..], b"\x81\x02\xff\xff", b"\xff\xff\xff\xff"] {
            let (mut server, _writer, mut told) = running(SocketPlan { close_deadline: SHORT, ..plan() }).await;
            server.get_mut().write_all(&garbage.repeat(10)).await.unwrap();
            let error = told.failure().await;
            assert!(error.to_string().contains("not its protocol"), "{garbage:?}: {error}");
        }
    }

    #[tokio::test]
    async fn an_error_of_the_handlers_ends_the_socket_politely() {
        let (mut server, writer, mut told) = running(plan()).await;
        server.feed(Message::text("bad")).await.unwrap();
        server.send(Message::text("more")).await.unwrap();
        assert_eq!(told.next().await, Some(Came::Text("bad".into())));
        assert_eq!(told.next().await, Some(Came::Ended(SocketEnd::Failed(vendor().failed(Fault::Overload, "bad")))));
        assert_eq!(told.next().await, None);
        assert!(!writer.is_open());
        assert_eq!(all_of(&mut server).await, ["close"]);
    }

    #[tokio::test]
    async fn a_handler_that_panics_leaves_nobody_waiting() {
        let (mut server, writer, mut told) = running(plan()).await;
        server.send(Message::text("panic")).await.unwrap();
        assert_eq!(told.next().await, None);
        assert!(all_of(&mut server).await.is_empty());
        assert_eq!(writer.text("hello".into()), Err(vendor().ended()));
    }
}

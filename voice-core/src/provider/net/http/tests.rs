//! The driver against a server of raw TCP, which answers as badly as it likes.

use super::super::ApiKey;
use super::*;
use futures::future::{Future, join};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "sk-very-secret";
/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

fn vendor() -> Vendor {
    Vendor { name: "Vendor", key: Some(ApiKey::new(SECRET, "A_KEY")), url_setting: "A_URL" }
}

fn client() -> HttpClient {
    HttpClient::new(vendor(), HttpLimits { connect_deadline: PATIENCE }).unwrap()
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
    (listener, url)
}

/// Both sides at once, and not for ever.
async fn both<S, C>(server: impl Future<Output = S>, client: impl Future<Output = C>) -> (S, C) {
    tokio::time::timeout(PATIENCE, join(server, client)).await.expect("a side hangs")
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads a request whose body, if it has one, ends in `}`.
async fn request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let whole = |request: &[u8]| match request.starts_with(b"POST") {
        true => request.ends_with(b"}"),
        false => request.ends_with(b"\r\n\r\n"),
    };
    while !whole(&request) {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request broke off");
    }
    String::from_utf8(request).unwrap()
}

/// Takes a request, answers it, and keeps the connection.
async fn answer(listener: &TcpListener, answer: &[u8]) -> (String, TcpStream) {
    let mut stream = accept(listener).await;
    let request = request(&mut stream).await;
    stream.write_all(answer).await.unwrap();
    (request, stream)
}

async fn post(client: &HttpClient, url: &str) -> Result<HttpBody, HttpError> {
    let key = [("authorization", format!("Bearer {SECRET}"))];
    client.post(url, &key, br#"{"stream":true}"#.to_vec()).await
}

/// What a POST gives that is answered so.
async fn answered(bytes: &[u8]) -> Result<HttpBody, HttpError> {
    let (listener, url) = listen().await;
    let client = client();
    both(answer(&listener, bytes), post(&client, &url)).await.1
}

async fn error(bytes: &[u8]) -> HttpError {
    answered(bytes).await.err().expect("it succeeded")
}

/// Reads until the client hangs up.
async fn hung_up(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let _reset_or_end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("still connected");
}

#[tokio::test]
async fn the_answer_streams_as_it_comes() {
    let (listener, url) = listen().await;
    let client = client();
    let head = b"HTTP/1.1 200 OK\r\nx-request-id: req-7\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
    let ((request, mut stream), body) = both(answer(&listener, head), post(&client, &url)).await;
    let mut body = body.unwrap();
    assert_eq!(body.request_id(), Some("req-7"));
    assert_eq!(body.chunk().await, Ok(Some(Bytes::from_static(b"one"))));
    stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(body.chunk().await, Ok(Some(Bytes::from_static(b"two"))));
    assert_eq!(body.chunk().await, Ok(None));

    let request = request.to_lowercase();
    assert!(request.starts_with("post /v1/chat/completions http/1.1\r\n"), "{request}");
    for header in ["content-type: application/json", concat!("user-agent: voice-core/", env!("CARGO_PKG_VERSION"))] {
        assert!(request.contains(header), "{request}");
    }
    assert!(request.contains(&format!("authorization: bearer {SECRET}")), "{request}");
}

#[tokio::test]
async fn a_chunk_that_was_not_waited_for_is_not_lost() {
    let (listener, url) = listen().await;
    let client = client();
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
    let ((_, mut stream), body) = both(answer(&listener, head), post(&client, &url)).await;
    let mut body = body.unwrap();
    for _ in 0..10 {
        assert!(futures::poll!(std::pin::pin!(body.chunk())).is_pending());
        tokio::task::yield_now().await;
    }
    stream.write_all(b"one").await.unwrap();
    assert_eq!(body.chunk().await, Ok(Some(Bytes::from_static(b"one"))));
}

#[tokio::test]
async fn the_second_request_takes_the_first_ones_connection() {
    let (listener, url) = listen().await;
    let client = client();
    let server = async {
        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let (_, mut stream) = answer(&listener, ok).await;
        request(&mut stream).await;
        stream.write_all(ok).await.unwrap();
    };
    let requests = async {
        for _ in 0..2 {
            let mut body = post(&client.clone(), &url).await.unwrap();
            assert_eq!(body.all(2).await.unwrap(), b"ok");
        }
    };
    both(server, requests).await;
}

#[tokio::test]
async fn dropping_the_body_or_the_request_hangs_up() {
    let (listener, url) = listen().await;
    let client = client();
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    let ((_, mut stream), body) = both(answer(&listener, head), post(&client, &url)).await;
    drop(body.unwrap());
    hung_up(&mut stream).await;

    let mut posting = Box::pin(post(&client, &url));
    let mut stream = tokio::select! {
        _ = &mut posting => panic!("nobody answered"),
        (_, stream) = answer(&listener, b"") => stream,
    };
    drop(posting);
    hung_up(&mut stream).await;
}

#[tokio::test]
async fn a_refusal_has_its_class_its_status_its_hint_and_its_body() {
    let body = r#"{"error":{"message":"tokens per minute","code":"rate_limit_exceeded"}}"#;
    let head =
        format!("HTTP/1.1 429 No\r\nretry-after: 3.75\r\nx-request-id: r1\r\ncontent-length: {}\r\n\r\n", body.len());
    let refused = error(format!("{head}{body}").as_bytes()).await;
    assert_eq!((refused.status, refused.retry_after), (Some(429), Some(Duration::from_millis(3750))));
    assert_eq!(refused.error.fault(), Fault::Overload);
    assert!(refused.error.to_string().contains("tokens per minute [request r1]"), "{}", refused.error);
    assert_eq!(refused.body, body);
}

#[tokio::test]
async fn a_refusal_that_echoes_the_key_does_not_show_it() {
    let body = format!(r#"{{"error":{{"message":"Incorrect API key provided: {SECRET}"}}}}"#);
    let head = format!("HTTP/1.1 401 No\r\nx-request-id: {SECRET}\r\ncontent-length: {}\r\n\r\n", body.len());
    let refused = error(format!("{head}{body}").as_bytes()).await;
    assert_eq!(refused.error.fault(), Fault::Configuration);
    assert!(refused.error.to_string().contains("A_KEY"), "{}", refused.error);
    assert!(!format!("{refused:?} {}", refused.error).contains(SECRET), "{refused:?}");
    assert!(refused.body.contains("[key]"));
}

#[tokio::test]
async fn a_redirect_is_a_wrong_setting() {
    let refused = error(b"HTTP/1.1 308 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!((refused.status, refused.error.fault()), (Some(308), Fault::Configuration));
}

#[tokio::test]
async fn of_an_endless_refusal_only_the_beginning_is_read() {
    let head = "HTTP/1.1 500 Oh\r\ncontent-length: 1000000\r\n\r\n";
    let refused = error(format!("{head}{}", "x".repeat(20_000)).as_bytes()).await;
    assert_eq!(refused.body.len(), 8 * 1024);
    assert!(refused.error.to_string().len() < 1000);
}

#[tokio::test]
async fn a_refusal_whose_body_never_ends_is_told_all_the_same() {
    let (listener, url) = listen().await;
    let client = client();
    let server = async {
        let kept = answer(&listener, b"HTTP/1.1 503 Oh\r\ncontent-length: 99\r\n\r\nhalf").await;
        tokio::time::pause();
        kept
    };
    let (_kept, refused) = both(server, post(&client, &url)).await;
    assert_eq!(refused.err().unwrap().status, Some(503));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_not_an_end() {
    let mut body = answered(b"HTTP/1.1 200 OK\r\nx-request-id: r1\r\ncontent-length: 9\r\n\r\none").await.unwrap();
    assert_eq!(body.chunk().await, Ok(Some(Bytes::from_static(b"one"))));
    let broken = body.chunk().await.unwrap_err();
    assert!(matches!(broken, StageError::Stream { fault: Fault::Engine, .. }), "{broken:?}");
    assert!(broken.to_string().ends_with("[request r1]"), "{broken}");
}

#[tokio::test]
async fn what_is_not_there_is_told_with_its_setting() {
    let (listener, url) = listen().await;
    drop(listener);
    let refused = post(&client(), &url).await.err().unwrap();
    assert_eq!(refused.status, None);
    assert!(refused.error.is_retryable() && refused.error.to_string().contains("A_URL"), "{}", refused.error);
    let wrong = post(&client(), "nonsense").await.err().unwrap();
    assert!(!wrong.error.is_retryable(), "{}", wrong.error);
}

#[tokio::test]
async fn a_key_that_no_header_can_hold_is_a_wrong_setting_and_not_shown() {
    let key = [("authorization", format!("Bearer {SECRET}\n"))];
    let refused = client().post("http://127.0.0.1:1/", &key, vec![]).await.err().unwrap();
    assert!(!refused.error.is_retryable() && !format!("{refused:?}").contains(SECRET), "{refused:?}");
}

#[tokio::test]
async fn a_get_has_the_key_a_bound_and_a_deadline() {
    let (listener, url) = listen().await;
    let client = client();
    let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    let ((request, _), got) = both(answer(&listener, ok), client.get(&url, PATIENCE)).await;
    assert_eq!(got.unwrap(), b"{}");
    assert!(request.contains(&format!("authorization: Bearer {SECRET}")), "{request}");

    let large = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(1024 * 1024 + 1));
    let serve = async {
        let mut stream = accept(&listener).await;
        self::request(&mut stream).await;
        let _hung_up = stream.write_all(large.as_bytes()).await;
    };
    let ((), got) = both(serve, client.get(&url, PATIENCE)).await;
    assert!(got.err().unwrap().error.to_string().contains("larger than 1048576 bytes"));

    let (_kept, got) = both(answer(&listener, b""), client.get(&url, SHORT)).await;
    assert_eq!(got.err().unwrap().error, vendor().stalled(SHORT));
}

//! What a server may answer to an upgrade, and what is made of it.

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
async fn a_refusal_says_when_to_ask_again_where_that_is_of_use() {
    for (status, after) in
        [(429, Some(Duration::from_millis(2_500))), (503, Some(Duration::from_millis(2_500))), (401, None)]
    {
        let head = format!("HTTP/1.1 {status} No\r\nretry-after: 2.5\r\ncontent-length: 0\r\n\r\n");
        let (_, error) = refused(&[&head]).await;
        assert_eq!((error.retry_after(), error.is_retryable()), (after, after.is_some()), "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
    let (_, error) = refused(&["HTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n"]).await;
    assert_eq!(error.retry_after(), None);
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

//! Every way in which a socket ends is told once.

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

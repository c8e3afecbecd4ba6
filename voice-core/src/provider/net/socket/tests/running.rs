//! Order, bounds, stalls and signs of life.

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

/// The task with a server in memory, which has got a message of the `awaited` kind and answers: the task's next deadline and
/// the answer are both there when it is run again. Returns whether it goes on.
async fn goes_on_after_standing_still(plan: SocketPlan, awaited: fn(&Message) -> bool) -> bool {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let client = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    let mut server = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
    let (sender, mut came) = mpsc::unbounded_channel();
    let (queue, queued) = mpsc::channel(8);
    let (_alive, gone) = oneshot::channel();
    task::start(Wire::new(client, queued), gone, Arc::new(vendor()), plan, Probe(sender));
    queue.send(Message::text("anyone?")).await.unwrap();
    while !awaited(&server.next().await.unwrap().unwrap()) {}
    // The clock wakes the task, and this test is run before it.
    tokio::time::advance(2 * PING_EVERY).await;
    server.send(Message::text("yes")).await.unwrap();
    came.recv().await == Some(Came::Text("yes".into())) && !queue.is_closed()
}

/// Which of two things that are due is looked at first is left to chance, so each is tried often.
#[tokio::test(start_paused = true)]
async fn what_came_before_the_deadline_counts_where_the_process_stood_still_over_both() {
    for _ in 0..16 {
        let stalls = SocketPlan { stall_after: Some(SHORT), ..plan() };
        assert!(goes_on_after_standing_still(stalls, Message::is_text).await);
        assert!(goes_on_after_standing_still(pinging(), Message::is_ping).await);
    }
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

/// Long enough for a busy machine to answer a ping.
const PING_EVERY: Duration = Duration::from_millis(500);

fn pinging() -> SocketPlan {
    let keep_alive = KeepAlive { after_idle: PING_EVERY, message: KeepAliveMessage::Ping };
    SocketPlan { keep_alive: Some(keep_alive), ..plan() }
}

#[tokio::test]
async fn pings_are_answered_or_the_connection_is_dead() {
    let (mut server, writer, mut told) = running(pinging()).await;
    for _ in 0..4 {
        assert!(matches!(server.next().await, Some(Ok(Message::Ping(_)))));
    }
    assert!(writer.is_open());
    assert_eq!(told.failure().await, vendor().stalled(PING_EVERY));
}

#[tokio::test]
async fn a_ping_of_the_vendors_is_answered() {
    let (mut server, _writer, _told) = running(plan()).await;
    server.send(Message::Ping(Bytes::from_static(b"7"))).await.unwrap();
    assert_eq!(server.next().await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"7")));
}

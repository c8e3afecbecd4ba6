//! Clients that send faster than anybody needs to.

use super::*;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Sends `count` of `text`, as fast as they are read.
#[expect(clippy::disallowed_methods, reason = "ends with the test")]
fn flood(mut client: mpsc::Sender<Result<WireMessage, String>>, text: &'static str, count: usize) {
    tokio::spawn(async move {
        for _ in 0..count {
            client.send(Ok(WireMessage::Text(text.into()))).await.unwrap();
        }
        client.send(Ok(WireMessage::Close)).await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_texts_is_read_a_hundred_a_second_and_none_is_lost() {
    let mut line = Opened::pcm();
    #[expect(clippy::disallowed_methods, reason = "simulated time")]
    let start = Instant::now();
    flood(line.client.send.clone(), r#"{"type":"interrupt"}"#, 2_536);
    let mut read_ms = Vec::new();
    while let Some(Ok(LineInput::Command(LineCommand::Interrupt))) = line.source.next().await {
        read_ms.push(start.elapsed().as_millis());
    }
    assert_eq!((read_ms.len(), read_ms[1_535]), (2_536, 0), "the first of them at once");
    assert!((9_900..=10_100).contains(&read_ms[2_535]), "{} ms", read_ms[2_535]);
}

#[tokio::test(start_paused = true)]
async fn what_an_honest_client_sends_is_read_when_it_comes() {
    let mut line = Opened::pcm();
    for n in 0..3_000_u64 {
        line.client.send_text(&format!(r#"{{"type":"played","reply":1,"samples":{}}}"#, n * 320));
        line.client.send_pcm(n * 320, &[0; 640]);
        for _ in 0..2 {
            let read = timeout(Duration::ZERO, line.source.next()).await;
            assert!(matches!(read, Ok(Some(Ok(LineInput::Played { .. } | LineInput::Audio(_))))), "{n}: {read:?}");
        }
        tokio::time::advance(Duration::from_millis(20)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_mean_nothing_to_the_session_give_the_others_a_turn() {
    let mut line = Opened::pcm();
    (0..200).for_each(|_| line.client.send_text(r#"{"type":"ping","n":1}"#));
    line.client.send_text(r#"{"type":"bye"}"#);
    let mut turns = 0;
    while line.next().is_none() {
        turns += 1;
    }
    assert_eq!(turns, 200 / 32);
}

use super::door::Door;
use super::outbox::Outbox;
use super::pulse::{Finding, Pulse};
use super::*;
use std::future::poll_fn;
use std::task::Poll;
use voice_core::transport::WireMessage;

fn message(n: u64) -> WireMessage {
    WireMessage::Text(n.to_string())
}

fn drained(outbox: &mut Outbox) -> Vec<WireMessage> {
    let mut all = Vec::new();
    while let Some(next) = outbox.next().cloned() {
        all.push(next);
        outbox.mark_written();
    }
    all
}

#[test]
fn what_the_client_has_not_got_is_written_again_and_nothing_else() {
    let span = Span::default();
    let mut outbox = Outbox::new(span.clone());
    (0..5).for_each(|n| outbox.push(message(n)));
    assert_eq!(drained(&mut outbox), (0..5).map(message).collect::<Vec<_>>());
    assert!(outbox.rewind(3));
    assert_eq!(drained(&mut outbox), [message(3), message(4)]);
    outbox.push(message(5));
    assert!(outbox.rewind(5));
    assert_eq!(drained(&mut outbox), [message(5)]);
    assert!(!span.has(4), "it said that it has it");
    assert!(!outbox.rewind(4) && !outbox.rewind(7), "before the first, after the last");
    assert!(outbox.rewind(6));
    assert!(drained(&mut outbox).is_empty());
}

#[test]
fn what_is_kept_is_bounded_and_what_is_gone_is_known() {
    let span = Span::default();
    let mut outbox = Outbox::new(span.clone());
    let frame = WireMessage::Binary(vec![0; 1_936].into());
    for _ in 0..1_000 {
        outbox.push(frame.clone());
        outbox.mark_written();
    }
    let oldest = (0..=1_000).find(|received| span.has(*received)).unwrap();
    assert!((700..760).contains(&oldest), "262 messages of 2,000 bytes fit: {oldest}");
    assert!(!outbox.rewind(oldest - 1) && outbox.rewind(oldest));
    // Nothing that is still to be written is dropped for what comes after it.
    outbox.push(frame);
    assert!(span.has(oldest));
}

async fn looks(pulse: &mut Pulse, heard: u64) -> Finding {
    poll_fn(|cx| pulse.poll_look(cx).map(|look| look.of(heard))).await
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_no_sign_of_life_is_asked_and_then_away() {
    let mut pulse = Pulse::new();
    for heard in 1..5 {
        assert_eq!(looks(&mut pulse, heard).await, Finding::Well);
    }
    let found = [looks(&mut pulse, 4).await, looks(&mut pulse, 4).await, looks(&mut pulse, 4).await];
    assert_eq!(found, [Finding::Well, Finding::Quiet, Finding::Quiet]);
    assert_eq!(looks(&mut pulse, 4).await, Finding::Silent);
    assert!(pulse.beats(5) && !pulse.beats(5));
    assert_eq!(looks(&mut pulse, 5).await, Finding::Well);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_has_lost_its_socket_and_a_slow_one_has_not() {
    let mut pulse = Pulse::new();
    for heard in 1..10 {
        // It takes something between two looks.
        assert!(pulse.writing(Poll::<()>::Pending).is_pending());
        assert_eq!(looks(&mut pulse, heard).await, Finding::Well);
        assert!(pulse.writing(Poll::Ready(())).is_ready());
        assert_eq!(looks(&mut pulse, heard).await, Finding::Well);
    }
    assert!(pulse.writing(Poll::<()>::Pending).is_pending());
    let found = [looks(&mut pulse, 11).await, looks(&mut pulse, 12).await, looks(&mut pulse, 13).await];
    assert_eq!(found, [Finding::Well, Finding::Well, Finding::Stalled]);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_taken_up_by_few_at_a_time_and_not_all_the_time() {
    let (door, mut now) = (Arc::new(Door::default()), start());
    let two = (door.enter(now).unwrap(), door.enter(now).unwrap());
    assert!(door.enter(now).is_none(), "a third at a time");
    drop(two);
    let taken = (0..100).filter(|_| door.enter(now).is_some()).count();
    assert_eq!(taken, 6, "eight at once");
    for _ in 0..100 {
        now += Duration::from_secs(1);
        assert!(door.enter(now).is_some());
        assert!(door.enter(now).is_none(), "more than one a second");
    }
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn start() -> Instant {
    Instant::now()
}

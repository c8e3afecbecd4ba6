use super::outbox::Outbox;
use super::*;
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

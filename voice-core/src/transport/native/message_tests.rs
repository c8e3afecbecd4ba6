use super::super::report::{EngineCost, Usage};
use super::*;

#[test]
fn a_cost_is_one_line() {
    let used = Usage { generations: 3, input_tokens: 812, cached_tokens: 600, output_tokens: 95, ..Usage::default() };
    let cost = EngineCost { stage: "llm".into(), engine: "x".into(), used, ..EngineCost::default() };
    assert_eq!(cost.to_string(), "llm x: 3 generations, 812 tokens in (600 cached), 95 tokens out");
    let discarded = Usage { generations: 1, ..Usage::default() };
    let amounts = (Some("0.20".to_owned()), Some("0.01".to_owned()));
    let (amount, discarded_amount) = amounts;
    let guess = EngineCost { discarded, discarded_deltas: 7, amount, discarded_amount, ..cost };
    let said = guess.to_string();
    assert!(
        said.ends_with("95 tokens out, amount 0.20; of it discarded: 1 generations, 7 pieces of text, amount 0.01"),
        "{said}"
    );
    assert_eq!(Usage::default().to_string(), "nothing");
}

#[test]
fn messages_look_as_the_protocol_says() {
    let hello: ClientMessage = serde_json::from_str(r#"{"type":"hello","protocol":1}"#).unwrap();
    assert_eq!(hello, ClientMessage::Hello(Hello::default()));
    let pause = serde_json::to_string(&ServerMessage::Pause { reply: 3, sent_samples: 320 }).unwrap();
    assert_eq!(pause, r#"{"type":"pause","reply":3,"sent_samples":320}"#);
}

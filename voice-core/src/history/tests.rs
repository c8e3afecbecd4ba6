use super::*;

fn history() -> History {
    History::new("Be kind.", HistoryConfig::default())
}

fn call(id: &str) -> ToolCallEntry {
    ToolCallEntry { call: id.into(), name: "find_slot".into(), arguments_json: "{}".into() }
}

/// A view on one line a message.
fn lines(view: &[ModelMessage]) -> Vec<String> {
    let line = |message: &ModelMessage| match message {
        ModelMessage::System(text) => format!("system: {text}"),
        ModelMessage::Caller(text) => format!("caller: {text}"),
        ModelMessage::Agent { heard_text, delivery: Delivery::Whole } => format!("agent: {heard_text}"),
        ModelMessage::Agent { heard_text, delivery: Delivery::Interrupted } => format!("agent, cut: {heard_text}"),
        ModelMessage::ToolCalls(calls) => {
            format!("calls: {}", calls.iter().map(|call| call.call.as_str()).collect::<Vec<_>>().join(" "))
        }
        ModelMessage::ToolResult { call, result } => format!("{call}: {result}"),
    };
    view.iter().map(line).collect()
}

#[test]
fn only_what_was_heard_is_in_it() {
    let mut history = history();
    history.caller_turn(TurnId(1), "Hello.");
    history.agent_turn(TurnId(1), "Hi, how", Delivery::Interrupted);
    history.caller_turn(TurnId(2), "Stop.");
    history.agent_turn(TurnId(2), " ", Delivery::Interrupted);
    history.caller_turn(TurnId(3), "");
    history.caller_turn(TurnId(4), "Book it.");
    assert_eq!(history.entries().count(), 6);
    assert_eq!(
        lines(&history.model_view(None)),
        ["system: Be kind.", "caller: Hello.", "agent, cut: Hi, how", "caller: Stop. Book it."]
    );
}

#[test]
fn a_turn_that_is_committed_again_is_there_once() {
    let mut history = history();
    history.caller_turn(TurnId(1), "I would like");
    history.caller_turn(TurnId(1), "I would like to book.");
    assert_eq!(lines(&history.model_view(None)), ["system: Be kind.", "caller: I would like to book."]);
    assert_eq!(lines(&history.model_view(Some(TurnId(1)))), ["system: Be kind."]);
    assert_eq!(lines(&history.model_view(Some(TurnId(2)))).len(), 2);
}

#[test]
fn a_late_result_stands_with_its_call_for_the_model_and_late_in_the_transcript() {
    let mut history = history();
    history.caller_turn(TurnId(1), "When?");
    history.tool_call(call("a"));
    history.tool_call(call("b"));
    history.tool_result("b", "ten", Arrival::InTime);
    history.caller_turn(TurnId(2), "Wait.");
    assert_eq!(
        lines(&history.model_view(None)),
        ["system: Be kind.", "caller: When?", "calls: a b", "a: still running", "b: ten", "caller: Wait."]
    );
    history.tool_result("a", "nine", Arrival::Late);
    assert_eq!(lines(&history.model_view(None)).get(3).map(String::as_str), Some("a: nine"));
    let last = history.entries().last();
    let late = Entry::ToolResult { call: "a".into(), result: "nine".into(), arrival: Arrival::Late };
    assert_eq!(last, Some(&late));
}

#[test]
fn ids_that_come_again_and_results_without_a_call_are_told_apart() {
    let mut history = history();
    history.tool_call(call("0"));
    history.tool_result("0", "first", Arrival::InTime);
    history.tool_call(call("0"));
    history.tool_result("0", "second", Arrival::InTime);
    history.tool_result("0", "third", Arrival::Late);
    history.tool_result("x", "nobody asked", Arrival::Late);
    assert_eq!(lines(&history.model_view(None)), ["system: Be kind.", "calls: 0", "0: first", "calls: 0", "0: second"]);
    assert_eq!(history.entries().count(), 7);
}

#[test]
fn the_view_is_bounded_and_never_splits_a_call_from_its_result() {
    let mut history = History::new("Be kind.", HistoryConfig { max_messages: 3, max_chars: 1_000 });
    history.caller_turn(TurnId(1), "One.");
    history.tool_call(call("a"));
    history.tool_result("a", "ten", Arrival::InTime);
    history.agent_turn(TurnId(1), "At ten.", Delivery::Whole);
    assert_eq!(lines(&history.model_view(None)), ["system: Be kind.", "calls: a", "a: ten", "agent: At ten."]);
    history.caller_turn(TurnId(2), "Two.");
    assert_eq!(lines(&history.model_view(None)), ["system: Be kind.", "agent: At ten.", "caller: Two."]);
    assert_eq!(history.entries().count(), 6);
}

#[test]
fn the_newest_message_is_there_whatever_its_size() {
    let mut history = History::new("Be kind.", HistoryConfig { max_messages: 0, max_chars: 5 });
    assert_eq!(lines(&history.model_view(None)), ["system: Be kind."]);
    history.agent_turn(TurnId(1), "Hello and welcome.", Delivery::Whole);
    history.caller_turn(TurnId(1), "Thank you.");
    assert_eq!(lines(&history.model_view(None)), ["system: Be kind.", "caller: Thank you."]);
    assert!(History::new("", HistoryConfig::default()).model_view(None).is_empty());
}

#[test]
fn the_conversation_is_whole_and_without_the_instructions() {
    let mut history = History::new("Be kind.", HistoryConfig { max_messages: 1, max_chars: 5 });
    history.caller_turn(TurnId(1), "When?");
    history.tool_call(call("a"));
    history.tool_result("a", "ten", Arrival::InTime);
    history.agent_turn(TurnId(1), "At ten.", Delivery::Interrupted);
    assert_eq!(lines(&history.conversation()), ["caller: When?", "calls: a", "a: ten", "agent, cut: At ten."]);
}

//! The appointment dialogue, turn by turn, and what may be wrong with a script.

use super::{BookAppointment, DialogueError, DialogueLlm, DialogueScript};
use crate::provider::scripted::LlmConfig;
use crate::stage::{FinishReason, Llm, LlmEvent, LlmRequest, Message, Role, Tool, ToolCall};
use futures::{FutureExt, StreamExt};
use std::time::Duration;

/// A conversation with the appointment desk that runs the tool and keeps the history as a session does.
struct Desk {
    llm: DialogueLlm,
    messages: Vec<Message>,
    calls: Vec<ToolCall>,
}

impl Desk {
    fn new() -> Self {
        let llm = DialogueLlm::new(DialogueScript::appointment().unwrap(), LlmConfig::default());
        let messages =
            vec![Message::text(Role::System, "Be kind."), Message::text(Role::Agent, llm.script().greeting())];
        Self { llm, messages, calls: Vec::new() }
    }

    fn generate(&self) -> (String, Vec<ToolCall>) {
        let request = LlmRequest { messages: self.messages.clone(), tools: vec![BookAppointment::default().spec()] };
        let events: Vec<_> = self.llm.generate(request).map(|item| item.unwrap()).collect().now_or_never().unwrap();
        let (mut text, mut calls) = (String::new(), Vec::new());
        for event in &events {
            match event {
                LlmEvent::Delta(token) => text.push_str(token),
                LlmEvent::ToolCall(call) => calls.push(call.clone()),
                _ => {}
            }
        }
        let reason = if calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
        assert_eq!(events.last(), Some(&LlmEvent::Done(reason)));
        (text, calls)
    }

    /// The agent's answer to a turn, with that after the tool's result, of which `heard` characters were heard.
    fn say_hearing(&mut self, caller: &str, heard: usize) -> String {
        self.messages.push(Message::text(Role::Caller, caller));
        let mut said = String::new();
        loop {
            let (text, tool_calls) = self.generate();
            said.push_str(&text);
            let text = text.chars().take(heard).collect();
            self.messages.push(Message { role: Role::Agent, text, tool_calls: tool_calls.clone(), answers_call: None });
            let Some(call) = tool_calls.first() else { return said };
            self.calls.push(call.clone());
            let run = BookAppointment::default().call(call.arguments_json.clone());
            let text = run.now_or_never().unwrap().unwrap();
            let answers_call = Some(call.call.clone());
            self.messages.push(Message { role: Role::Tool, text, tool_calls: Vec::new(), answers_call });
            said.push_str(" | ");
        }
    }

    fn say(&mut self, caller: &str) -> String {
        self.say_hearing(caller, usize::MAX)
    }

    fn expect(&mut self, turns: &[(&str, &str)]) {
        for (caller, expected) in turns {
            let said = self.say(caller);
            assert!(said.contains(expected), "to \"{caller}\" the agent said \"{said}\", expected \"{expected}\"");
        }
    }

    fn arguments(&self) -> Vec<serde_json::Value> {
        self.calls.iter().map(|call| serde_json::from_str(&call.arguments_json).unwrap()).collect()
    }
}

#[test]
fn an_appointment_is_booked() {
    let mut desk = Desk::new();
    desk.expect(&[
        ("Hello, I'd like to make an appointment.", "Which day"),
        ("How are you today?", "Good, today. And at what time"),
        ("No, I said Tuesday.", "All right, Tuesday instead. And at what time"),
        ("What's the weather like?", "no window here, but"),
        ("Half past three.", "three thirty in the afternoon. And what name"),
        ("It's Anna Miller.", "So that is Tuesday, at three thirty in the afternoon, under the name of Anna Miller."),
        ("No, Mueller.", "Sorry about that, Mueller it is. So that is Tuesday"),
        ("Yes please.", "One moment please, I am putting that into the calendar for you. | It is booked: Tuesday"),
        ("No thanks, goodbye.", "Goodbye, and thank you"),
    ]);
    assert_eq!(desk.arguments(), [serde_json::json!({ "day": "Tuesday", "time": "15:30", "name": "Mueller" })]);
}

#[test]
fn everything_can_be_said_at_once_and_changed_later() {
    let mut desk = Desk::new();
    desk.expect(&[
        (
            "My name is Jo Stone and I need to come in next Friday at 10 a.m.",
            "So that is next Friday, at ten o'clock in the morning, under the name of Jo Stone.",
        ),
        ("No.", "What would you like to change"),
        ("The time.", "at what time"),
        ("Eleven.", "eleven o'clock in the morning"),
        ("Mm-hmm.", "It is booked: next Friday"),
        ("Actually, make it Monday.", "Monday instead. So that is Monday"),
        ("Yes.", "It is booked: Monday"),
        ("No.", "Have a lovely day"),
    ]);
    let days: Vec<_> = desk.arguments().iter().map(|arguments| arguments["day"].clone()).collect();
    assert_eq!(days, ["next Friday", "Monday"]);
    assert_ne!(desk.calls[0].call, desk.calls[1].call);
}

#[test]
fn misunderstandings_escalate_and_never_get_stuck() {
    let mut desk = Desk::new();
    desk.say("I want an appointment.");
    let again: Vec<String> = (0..8).map(|_| desk.say("The old ship sailed slowly across the bay.")).collect();
    assert!(again[0].contains("I did not hear a day") && again[1].contains("Please tell me just the day"));
    assert!(again[2].contains("I am afraid I did not quite follow"));
    assert!(again[2..].windows(2).all(|pair| pair[0] != pair[1]));
    desk.expect(&[
        ("Say that again.", again[7].as_str()),
        ("Wednesday", "Good, Wednesday."),
        ("forget it", "forgotten everything"),
    ]);
}

#[test]
fn an_interrupted_agent_goes_on_from_what_the_caller_said() {
    let mut desk = Desk::new();
    desk.say_hearing("On Tuesday, please.", 4);
    let said = desk.say("Sorry, Wednesday at nine.");
    assert!(said.starts_with("All right, nine o'clock in the morning, Wednesday instead. And what name"), "{said}");
    let speculative = [desk.generate(), desk.generate()];
    assert_eq!(speculative[0], speculative[1]);
}

#[test]
fn a_tool_that_fails_or_is_cancelled_can_be_tried_again() {
    let mut desk = Desk::new();
    desk.expect(&[("Tuesday at two, my name is Ann.", "So that is Tuesday")]);
    desk.messages.push(Message::text(Role::Caller, "Yes."));
    let (_, calls) = desk.generate();
    for result in ["cancelled: the caller took the turn", "{\"error\": \"full\"}"] {
        let mut cut = Desk { llm: Desk::new().llm, messages: desk.messages.clone(), calls: Vec::new() };
        let answers_call = Some(calls[0].call.clone());
        cut.messages.push(Message { role: Role::Tool, text: result.into(), tool_calls: Vec::new(), answers_call });
        assert!(cut.generate().0.contains("did not take that"));
        cut.expect(&[("Yes, try it again.", "It is booked")]);
    }
    let request = LlmRequest { messages: desk.messages.clone(), tools: Vec::new() };
    let without_tool: Vec<_> = desk.llm.generate(request).collect().now_or_never().unwrap();
    assert!(without_tool.iter().all(|item| !matches!(item, Ok(LlmEvent::ToolCall(_)))));
}

#[test]
fn any_caller_gets_an_answer_long_enough_to_interrupt() {
    let mut desk = Desk::new();
    let turns = [
        "",
        "uh",
        "(speech, 2.1 s)",
        "Your call may be recorded.",
        "Please enter the extension, then press pound.",
        "\u{4f60}\u{597d}",
        "Yes.",
        "No.",
        "thanks",
        "tell me a joke",
        "(speech, 1.0 s) (speech, 2.5 s)",
        "{day} {nonsense}",
        "bye",
    ];
    for turn in turns {
        let said = desk.say(turn);
        // About 16 characters are spoken in a second.
        assert!(said.chars().count() >= 48 && !said.contains('{'), "to \"{turn}\": {said}");
    }
    assert!(desk.say("(speech, 1.0 s) (speech, 2.5 s)").contains("3.5 seconds"));
}

#[tokio::test(start_paused = true)]
async fn tokens_have_the_set_rhythm() {
    let rhythm = LlmConfig { first_token_ms: 150, token_ms: 15, ..LlmConfig::default() };
    let llm = DialogueLlm::new(DialogueScript::appointment().unwrap(), rhythm);
    let request = LlmRequest { messages: vec![Message::text(Role::Caller, "Yes.")], tools: Vec::new() };
    let mut stream = llm.generate(request);
    let early = tokio::time::timeout(Duration::from_millis(149), stream.next()).await;
    assert!(early.is_err());
    let items: Vec<_> = tokio::time::timeout(Duration::from_millis(1_000), stream.collect()).await.unwrap();
    assert!(items.len() > 15);
}

#[tokio::test(start_paused = true)]
async fn the_stand_in_tool_is_steady_and_checks_its_arguments() {
    let tool = BookAppointment::new(Duration::from_secs(2));
    let arguments = r#"{"day":"Tuesday","time":"15:30","name":"Ann"}"#;
    let first = tool.call(arguments.into()).await.unwrap();
    assert_eq!(tool.call(arguments.into()).await.unwrap(), first);
    assert!(tool.call("{\"day\": 1}".into()).await.is_err_and(|error| error.to_string().contains("not a booking")));
}

#[test]
fn a_wrong_script_is_named_by_place_and_reason() {
    let sound = include_str!("../appointment.toml");
    let cases = [
        ("greeting = \"", "greeting = ", "line 4, column"),
        ("kind = \"day\"", "kind = \"colour\"", "unknown variant `colour`"),
        ("tool = \"book_appointment\"", "tools = 1", "unknown field `tools`"),
        ("{reference}", "{number}", "task, done: {number} is not known here"),
        ("under the name of {name}", "under the name of {name", "task, confirm: a { has no }"),
        ("name = \"weather\"", "name = \"joke\"", "intent \"joke\": the name is there twice"),
        ("name = \"time\"", "name = \"the time\"", "slot \"the time\": the name must be one word"),
        ("phrases = [\"joke\"", "phrases = [\"?!\"", "the phrase \"?!\" has no word"),
    ];
    for (from, to, expected) in cases {
        let error = DialogueScript::parse(&sound.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(DialogueScript::parse(&"#".repeat(300_000)).unwrap_err(), DialogueError::TooLarge);
}

#[test]
fn a_script_can_be_read_from_a_file() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/provider/scripted/appointment.toml");
    assert_eq!(DialogueScript::load(&path).unwrap().tool(), "book_appointment");
    let missing = DialogueScript::load(&path.with_extension("none")).unwrap_err().to_string();
    assert!(missing.contains("appointment.none cannot be read"), "{missing}");
}

/// Words that the recognisers look for, and some that they do not.
const VOCABULARY: [&str; 40] = [
    "yes",
    "no",
    "not",
    "tuesday",
    "next",
    "monday",
    "may",
    "the",
    "fifth",
    "of",
    "twenty",
    "first",
    "three",
    "thirty",
    "half",
    "past",
    "quarter",
    "to",
    "at",
    "o'clock",
    "pm",
    "a",
    "m",
    "10:30",
    "99",
    "noon",
    "my",
    "name",
    "is",
    "ann",
    "said",
    "repeat",
    "goodbye",
    "cancel",
    "book",
    "hundred",
    "(speech,",
    "{name}",
    "time",
    "\u{df}\u{1f600}",
];

proptest::proptest! {
    #[test]
    fn any_turns_get_an_answer_and_calls_are_complete(
        turns in proptest::collection::vec(proptest::collection::vec(0usize..VOCABULARY.len(), 0..9), 1..12)
    ) {
        let mut desk = Desk::new();
        for turn in turns {
            let words: Vec<&str> = turn.iter().map(|word| VOCABULARY[*word]).collect();
            let said = desk.say(&words.join(" "));
            assert!(!said.trim().is_empty() && said.len() < 2_000);
        }
        for arguments in desk.arguments() {
            let is_given = |slot: &str| arguments[slot].as_str().is_some_and(|value| !value.is_empty());
            assert!(["day", "time", "name"].iter().all(|slot| is_given(slot)), "{arguments}");
        }
    }
}

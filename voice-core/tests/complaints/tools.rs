//! 10. A tool that runs on after the reply was cut.

use crate::hears;
use crate::support::{Call, agent};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use voice_core::provider::scripted::{LlmConfig, LlmLog, LlmReply, ScriptedLlm, ScriptedTts, TtsConfig, Utterance};
use voice_core::session::{Agent, SessionEvent, ToolState};
use voice_core::stage::{
    BargeInBehaviour, FinishReason, Llm, LlmEvent, LlmRequest, LlmStream, Role, Tool, ToolCall, ToolError, ToolPolicy,
    ToolSpec,
};
use voice_core::turn::ReplyOutcome;

/// A tool that takes its time, and counts how its runs went.
struct Booking {
    takes_ms: u64,
    on_barge_in: BargeInBehaviour,
    started: Arc<AtomicU32>,
    finished: Arc<AtomicU32>,
}

impl Booking {
    fn new(takes_ms: u64, on_barge_in: BargeInBehaviour) -> Self {
        Self { takes_ms, on_barge_in, started: Arc::default(), finished: Arc::default() }
    }
}

impl Tool for Booking {
    fn spec(&self) -> ToolSpec {
        ToolSpec { name: "book".into(), description: "Books a table.".into(), parameters_json: "{}".into() }
    }
    fn policy(&self) -> ToolPolicy {
        ToolPolicy { on_barge_in: self.on_barge_in, ..ToolPolicy::default() }
    }
    fn call(&self, _: String) -> BoxFuture<'static, Result<String, ToolError>> {
        let (takes, started, finished) = (self.takes_ms, Arc::clone(&self.started), Arc::clone(&self.finished));
        async move {
            started.fetch_add(1, Ordering::SeqCst);
            if takes > 0 {
                tokio::time::sleep(Duration::from_millis(takes)).await;
            }
            finished.fetch_add(1, Ordering::SeqCst);
            Ok("booked".into())
        }
        .boxed()
    }
}

fn booker(tool: Booking, utterances: Vec<Utterance>) -> (Agent, LlmLog) {
    let llm = ScriptedLlm::with(LlmConfig::default(), |request: &LlmRequest, index| {
        let asks = request.messages.last().is_some_and(|message| message.role == Role::Caller) && index == 0;
        let first = "Let me see whether there is a table left for two people on that evening, one moment please. ";
        if asks { LlmReply::text(first).call("c1", "book", "{}") } else { LlmReply::text("It is done.") }
    });
    let log = llm.log();
    let mut agent = agent(hears(utterances), llm, ScriptedTts::new(TtsConfig::default()));
    agent.tools.push(Arc::new(tool));
    (agent, log)
}

async fn interrupted(on_barge_in: BargeInBehaviour) -> (u32, Vec<ToolState>, LlmLog) {
    let tool = Booking::new(3_000, on_barge_in);
    let (started, finished) = (Arc::clone(&tool.started), Arc::clone(&tool.finished));
    let (agent, log) = booker(
        tool,
        vec![
            Utterance::say("Book a table."),
            Utterance::say("No wait, not on Tuesday."),
            Utterance::say("Is it done now?"),
        ],
    );
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(900).await;
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    assert_eq!(started.load(Ordering::SeqCst), 1);
    call.speak(1_500).await;
    call.until_turns_end(2).await;
    call.silent(4_000).await;
    call.speak(1_200).await;
    call.until_turns_end(3).await;
    let (record, call) = call.hang_up().await;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::BargedIn);
    let states = call.events.iter().filter_map(|(_, event)| match event {
        SessionEvent::Tool { state, .. } => Some(state.clone()),
        _ => None,
    });
    (finished.load(Ordering::SeqCst), states.collect(), log)
}

/// Every call of the last request is answered by the message right after it, once.
fn check_calls_are_answered(log: &LlmLog) -> String {
    let messages = log.generations().last().unwrap().request.messages.clone();
    let asked = messages.iter().position(|message| !message.tool_calls.is_empty()).expect("the call is remembered");
    let answers: Vec<_> = messages.iter().filter(|message| message.role == Role::Tool).collect();
    assert_eq!(answers.len(), 1, "{messages:#?}");
    assert_eq!(messages[asked + 1].answers_call.as_deref(), Some("c1"), "{messages:#?}");
    answers[0].text.clone()
}

#[tokio::test(start_paused = true)]
async fn a_barge_in_cancels_the_tool_and_the_model_learns_it() {
    let (finished, states, log) = interrupted(BargeInBehaviour::Cancel).await;
    assert_eq!((finished, &states[..]), (0, &[ToolState::Started, ToolState::Cancelled][..]));
    assert!(check_calls_are_answered(&log).contains("cancelled"));
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_must_finish_does_and_the_model_learns_it() {
    let (finished, states, log) = interrupted(BargeInBehaviour::Finish).await;
    assert_eq!((finished, &states[..]), (1, &[ToolState::Started, ToolState::Done][..]));
    assert_eq!(check_calls_are_answered(&log), "booked");
}

#[tokio::test(start_paused = true)]
async fn no_tool_runs_for_a_guess_that_is_discarded() {
    let tool = Booking::new(0, BargeInBehaviour::Cancel);
    let started = Arc::clone(&tool.started);
    let (agent, log) = booker(tool, vec![Utterance::say("Book a table"), Utterance::say("and a taxi to go there.")]);
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(900).await;
    call.silent(300).await;
    assert_eq!((log.count(), started.load(Ordering::SeqCst)), (1, 0), "the guess has asked for the tool");
    call.speak(1_800).await;
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;
    assert_eq!((record.caller_turns.len(), started.load(Ordering::SeqCst)), (1, 0));
    assert!(record.cost.discarded_llm_deltas() > 0);
}

/// Asks for a tool and says only later that it has finished asking.
struct SlowToFinish;

impl Llm for SlowToFinish {
    fn generate(&self, request: LlmRequest) -> LlmStream {
        let answered = request.messages.last().is_some_and(|message| message.role == Role::Tool);
        if answered {
            let said = [Ok(LlmEvent::Delta("It is done.".into())), Ok(LlmEvent::Done(FinishReason::Stop))];
            return Box::pin(futures::stream::iter(said));
        }
        let call = ToolCall { call: "c1".into(), name: "book".into(), arguments_json: "{}".into() };
        let done = async {
            tokio::time::sleep(Duration::from_millis(80)).await;
            Ok(LlmEvent::Done(FinishReason::ToolCalls))
        };
        Box::pin(futures::StreamExt::chain(
            futures::stream::iter([Ok(LlmEvent::ToolCall(call))]),
            futures::stream::once(done),
        ))
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_quicker_than_the_models_last_word_is_answered_too() {
    let mut agent = agent(hears(vec![Utterance::say("Book a table.")]), SlowToFinish, crate::voice());
    agent.tools.push(Arc::new(Booking::new(0, BargeInBehaviour::Cancel)));
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(900).await;
    let asked = call.now_ms();
    call.until_turns_end(1).await;
    let (record, call) = call.hang_up().await;
    assert_eq!((record.turns[0].outcome, record.turns[0].heard_text()), (ReplyOutcome::Completed, "It is done."));
    assert!(call.first_audio_ms(record.turns[0].reply).unwrap() - asked < 700);
}

/// Asks for a thousand tools before it says that it waits for them; tells of every request after the first.
struct Insatiable(UnboundedSender<LlmRequest>);

impl Llm for Insatiable {
    fn generate(&self, request: LlmRequest) -> LlmStream {
        let answered = request.messages.iter().any(|message| message.role == Role::Tool);
        if answered {
            self.0.send(request).unwrap();
            let said = [Ok(LlmEvent::Delta("It is done.".into())), Ok(LlmEvent::Done(FinishReason::Stop))];
            return Box::pin(futures::stream::iter(said));
        }
        let call = |n| ToolCall { call: format!("c{n}"), name: "book".into(), arguments_json: "{}".into() };
        let calls = (0..1_000).map(move |n| Ok(LlmEvent::ToolCall(call(n))));
        Box::pin(futures::stream::iter(calls.chain([Ok(LlmEvent::Done(FinishReason::ToolCalls))])))
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_asks_for_tools_without_end_is_cut_off_and_what_it_asked_is_answered() {
    let (asked, mut requests) = unbounded_channel();
    let mut agent = agent(hears(vec![Utterance::say("Book a table.")]), Insatiable(asked), crate::voice());
    agent.tools.push(Arc::new(Booking::new(0, BargeInBehaviour::Cancel)));
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(900).await;
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;
    assert_eq!((record.turns[0].outcome, record.turns[0].heard_text()), (ReplyOutcome::Completed, "It is done."));
    let messages = requests.recv().await.unwrap().messages;
    let calls: usize = messages.iter().map(|message| message.tool_calls.len()).sum();
    let answers = messages.iter().filter(|message| message.role == Role::Tool).count();
    assert_eq!((calls, answers), (128, 128));
}

/// Panics before there is anything to await.
struct Rash;

impl Tool for Rash {
    fn spec(&self) -> ToolSpec {
        ToolSpec { name: "book".into(), description: "Panics.".into(), parameters_json: "{}".into() }
    }
    fn call(&self, _: String) -> BoxFuture<'static, Result<String, ToolError>> {
        panic!("the tool is broken by design")
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_panics_is_an_answer_for_the_model_and_the_call_goes_on() {
    let (mut agent, log) = booker(Booking::new(0, BargeInBehaviour::Cancel), vec![Utterance::say("Book a table.")]);
    agent.tools = vec![Arc::new(Rash)];
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(900).await;
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::Completed);
    assert!(record.turns[0].heard_text().ends_with("It is done."));
    assert!(log.generations()[1].request.messages.last().unwrap().text.contains("broke off"));
}

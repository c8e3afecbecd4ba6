use super::*;
use crate::provider::scripted::{LlmConfig, LlmFault, LlmReply, ScriptedLlm};
use crate::stage::{Fault, Serving};

struct Named(&'static str, ScriptedLlm);

impl Llm for Named {
    fn generate(&self, request: LlmRequest) -> LlmStream {
        self.1.generate(request)
    }
    fn name(&self) -> &str {
        self.0
    }
}

/// A model whose key is refused.
struct Refused;

impl Llm for Refused {
    fn generate(&self, _: LlmRequest) -> LlmStream {
        let reason = "the key was refused (401)".to_owned();
        let error = StageError::Open { engine: "refused", reason, fault: Fault::Configuration };
        stream::iter([Err(error)]).boxed()
    }
    fn name(&self) -> &str {
        "refused"
    }
}

fn says(name: &'static str, replies: Vec<LlmReply>) -> Arc<dyn Llm> {
    Arc::new(Named(name, ScriptedLlm::new(LlmConfig::default(), replies)))
}

fn slow(name: &'static str, first_token_ms: u64) -> Arc<dyn Llm> {
    let config = LlmConfig { first_token_ms, ..LlmConfig::default() };
    Arc::new(Named(name, ScriptedLlm::new(config, vec![LlmReply::text(name)])))
}

fn of(engines: Vec<Arc<dyn Llm>>) -> FallbackLlm {
    FallbackLlm::new(engines, FallbackConfig::default()).unwrap()
}

/// One generation in a line: who was asked, what came.
async fn told(llm: &FallbackLlm) -> String {
    let mut told = Vec::new();
    let mut stream = llm.generate(LlmRequest::default());
    while let Some(item) = stream.next().await {
        told.push(match item {
            Ok(LlmEvent::Serving(Serving { engine, passed_over })) => {
                let instead: Vec<_> = passed_over.iter().map(|passed| passed.engine.as_str()).collect();
                if instead.is_empty() { format!("[{engine}]") } else { format!("[{engine} for {}]", instead.join(" ")) }
            }
            Ok(LlmEvent::Delta(text)) => text,
            Ok(LlmEvent::Done(reason)) => format!("<{reason:?}>"),
            Ok(other) => format!("<{other:?}>"),
            Err(error) => format!("<{:?}>", error.fault()),
        });
    }
    told.concat()
}

#[tokio::test(start_paused = true)]
async fn one_that_refuses_is_stood_in_for_within_the_generation_and_asked_again_later() {
    let llm = of(vec![Arc::new(Refused), says("B", vec![LlmReply::text("Good day.")])]);
    assert_eq!(told(&llm).await, "[refused][B for refused]Good day.<Stop>");
    assert_eq!(told(&llm).await, "[B for refused]Good day.<Stop>");
    tokio::time::advance(Duration::from_secs(301)).await;
    assert_eq!(told(&llm).await, "[refused][B for refused]Good day.<Stop>");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_late_is_stood_in_for_but_the_last_may_take_its_time() {
    let start = clock::now();
    let llm = of(vec![slow("A", 60_000), slow("B", 7_000)]);
    assert_eq!(told(&llm).await, "[A][B for A]B<Stop>");
    assert_eq!(clock::now() - start, Duration::from_millis(2_500 + 7_000));
    let start = clock::now();
    assert_eq!(told(&llm).await, "[B for A]B<Stop>", "one that rests is no reason to hurry the other");
    assert_eq!(clock::now() - start, Duration::from_millis(7_000));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_ends_with_its_sentence_or_with_the_error() {
    for (text, fault, expected) in [
        ("Yes. We are open.", LlmFault::ErrorAfter(1), "[A]Yes. <Stop>"),
        ("Yes. We are open.", LlmFault::BreakAfter(2), "[A]Yes. We <Engine>"),
        ("\"Yes.\" We are open.", LlmFault::BreakAfter(1), "[A]\"Yes.\" <Stop>"),
        ("", LlmFault::BreakAfter(0), "[A][B for A]Well.<Stop>"),
    ] {
        let llm =
            of(vec![says("A", vec![LlmReply::text(text).fault(fault)]), says("B", vec![LlmReply::text("Well.")])]);
        assert_eq!(told(&llm).await, expected, "{text} {fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_was_called_is_no_reason_to_ask_another() {
    // The fault strikes after the text; the broken stream never says that it is done.
    let called = stream::iter([Ok(LlmEvent::ToolCall(crate::stage::ToolCall {
        call: "c1".into(),
        name: "book".into(),
        arguments_json: "{}".into(),
    }))]);
    let items = Arc::new(std::sync::Mutex::new(Some(called.boxed())));
    struct Once(Arc<std::sync::Mutex<Option<LlmStream>>>);
    impl Llm for Once {
        fn generate(&self, _: LlmRequest) -> LlmStream {
            self.0.lock().unwrap().take().unwrap()
        }
    }
    let llm = of(vec![Arc::new(Once(items)), says("B", vec![LlmReply::text("Well.")])]);
    let told = told(&llm).await;
    assert!(told.starts_with("[the model]<ToolCall(") && told.ends_with("<Engine>"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn where_all_fail_the_error_is_one_that_is_worth_another_try() {
    let fails = says("B", vec![LlmReply::text("").fault(LlmFault::ErrorAfter(0))]);
    assert_eq!(told(&of(vec![fails, Arc::new(Refused)])).await, "[B][refused for B]<Engine>");
    assert_eq!(told(&of(vec![Arc::new(Refused)])).await, "[refused]<Configuration>");
}

//! Chat: every server's manner is understood, refusals are classed, what breaks is told.

use super::{PATIENCE, SECRET, rule, start};
use futures::StreamExt;
use std::sync::Arc;
use voice_core::provider::ApiKey;
use voice_core::provider::fakes::{
    ChatFake, ChatStyle, Fakes, FakesConfig, Fault, FaultScript, FinishManner, FirstContent, LineEnd, MidStreamError,
    Reasoning, Service, SseManner, SseOption, StreamEnd, ToolCallManner, ToolIdManner, UsageManner,
};
use voice_core::provider::openai::{ChatConfig, ChatLlm, ChatPreset};
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm};
use voice_core::stage::{self, FinishReason, Llm, LlmEvent, LlmRequest, Message, Role, StageError, ToolSpec};

fn brain(reply: LlmReply) -> ChatFake {
    ChatFake { brain: Arc::new(ScriptedLlm::new(LlmConfig::default(), vec![reply])), ..ChatFake::default() }
}

fn greeting() -> LlmReply {
    LlmReply::text("Grüß Gott 🙂, how can I help?")
}

fn booking() -> LlmReply {
    LlmReply::text("One moment. ")
        .call("call_a1", "book_table", r#"{"people":4,"name":"Müller"}"#)
        .call("call_b2", "get_weather", r#"{"city":"Köln"}"#)
        .usage(stage::TokenUsage { input_tokens: 212, cached_tokens: 0, output_tokens: 31 })
}

async fn chat_fakes(chat: ChatFake, faults: FaultScript) -> Fakes {
    start(FakesConfig { chat, faults, ..FakesConfig::default() }).await
}

fn config(fakes: &Fakes) -> ChatConfig {
    let key = ApiKey::new(SECRET, "GROQ_API_KEY");
    ChatConfig { url: format!("{}/v1", fakes.http_url()), ..ChatConfig::groq(key, "openai/gpt-oss-20b") }
}

fn llm(fakes: &Fakes) -> ChatLlm {
    ChatLlm::new(config(fakes)).unwrap()
}

fn request() -> LlmRequest {
    let tool = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: "Does it.".to_owned(),
        parameters_json: r#"{"type":"object","properties":{}}"#.to_owned(),
    };
    let messages = vec![Message::text(Role::System, "Be brief."), Message::text(Role::Caller, "A table for four.")];
    LlmRequest { messages, tools: vec![tool("book_table"), tool("get_weather")] }
}

type Heard = Vec<Result<LlmEvent, StageError>>;

async fn ask(llm: &ChatLlm) -> Heard {
    tokio::time::timeout(PATIENCE, llm.generate(request()).collect()).await.expect("the answer hangs")
}

fn text(heard: &Heard) -> String {
    let delta = |event: &Result<LlmEvent, StageError>| match event {
        Ok(LlmEvent::Delta(text)) => Some(text.clone()),
        _ => None,
    };
    heard.iter().filter_map(delta).collect()
}

fn calls(heard: &Heard) -> Vec<(String, String)> {
    let call = |event: &Result<LlmEvent, StageError>| match event {
        Ok(LlmEvent::ToolCall(call)) => Some((call.name.clone(), call.arguments_json.clone())),
        _ => None,
    };
    heard.iter().filter_map(call).collect()
}

fn done(heard: &Heard) -> Option<FinishReason> {
    match heard.last() {
        Some(Ok(LlmEvent::Done(reason))) => Some(*reason),
        _ => None,
    }
}

fn fails_with(heard: &Heard) -> &StageError {
    heard.last().unwrap().as_ref().expect_err("it succeeded")
}

const STYLES: [ChatStyle; 5] =
    [ChatStyle::Groq, ChatStyle::OpenAi, ChatStyle::Vllm, ChatStyle::Ollama, ChatStyle::LlamaCpp];

/// The same answer comes out of `fake`, whatever its manner.
async fn understands(what: &str, fake: ChatFake, faults: FaultScript) {
    let fakes = chat_fakes(fake, faults).await;
    let heard = ask(&llm(&fakes)).await;
    assert_eq!(text(&heard).trim_end(), "One moment.", "{what}: {heard:?}");
    let expected = [("book_table", r#"{"people":4,"name":"Müller"}"#), ("get_weather", r#"{"city":"Köln"}"#)];
    let calls = calls(&heard);
    let calls: Vec<(&str, &str)> = calls.iter().map(|(name, arguments)| (name.as_str(), arguments.as_str())).collect();
    assert_eq!(calls, expected, "{what}: {heard:?}");
    assert_eq!(done(&heard), Some(FinishReason::ToolCalls), "{what}: {heard:?}");
}

#[tokio::test]
async fn every_server_is_understood_in_every_framing() {
    for style in STYLES {
        for line_end in [LineEnd::Lf, LineEnd::CrLf, LineEnd::Cr] {
            for option in [
                SseOption::Plain,
                SseOption::NoSpace,
                SseOption::SeveralLines,
                SseOption::MoreFields,
                SseOption::Comments,
            ] {
                let sse = SseManner { line_end, option, ..SseManner::default() };
                let fake = ChatFake { style, sse, ..brain(booking()) };
                understands(&format!("{style:?} {sse:?}"), fake, FaultScript::default()).await;
            }
        }
    }
}

#[tokio::test]
async fn every_way_to_call_tools_is_understood() {
    for style in STYLES {
        for tool_calls in [ToolCallManner::Whole, ToolCallManner::Fragments(1), ToolCallManner::Interleaved(3)] {
            for tool_ids in [ToolIdManner::Given, ToolIdManner::Missing, ToolIdManner::Empty] {
                let fake = ChatFake { style, tool_calls, tool_ids, ..brain(booking()) };
                understands(&format!("{style:?} {tool_calls:?} {tool_ids:?}"), fake, FaultScript::default()).await;
            }
        }
        for (tool_calls, tool_ids, finish) in [
            (ToolCallManner::Whole, ToolIdManner::MissingAndIndexZero, FinishManner::Given),
            (ToolCallManner::Fragments(4), ToolIdManner::MissingAndIndexZero, FinishManner::AlwaysStop),
            (ToolCallManner::OfStyle, ToolIdManner::Given, FinishManner::AlwaysStop),
            (ToolCallManner::OfStyle, ToolIdManner::Given, FinishManner::Legacy),
        ] {
            let fake = ChatFake { style, tool_calls, tool_ids, finish, ..brain(booking()) };
            understands(&format!("{style:?} {tool_calls:?} {tool_ids:?} {finish:?}"), fake, FaultScript::default())
                .await;
        }
    }
}

#[tokio::test]
async fn every_beginning_end_and_count_is_understood() {
    for style in STYLES {
        for first_content in [FirstContent::Empty, FirstContent::Null, FirstContent::Absent] {
            let fake = ChatFake { style, first_content, ..brain(booking()) };
            understands(&format!("{style:?} {first_content:?}"), fake, FaultScript::default()).await;
        }
        for end in [StreamEnd::Done, StreamEnd::NoDone, StreamEnd::NoBlankLine, StreamEnd::DataAfterDone] {
            let fake = ChatFake { style, sse: SseManner { end, ..SseManner::default() }, ..brain(booking()) };
            understands(&format!("{style:?} {end:?}"), fake, FaultScript::default()).await;
        }
        for usage in [UsageManner::OfStyle, UsageManner::EveryChunk, UsageManner::Never] {
            let fakes = chat_fakes(ChatFake { style, usage, ..brain(booking()) }, FaultScript::default()).await;
            let heard = ask(&llm(&fakes)).await;
            let told = heard.iter().filter(|event| matches!(event, Ok(LlmEvent::Usage(_)))).count();
            assert_eq!(told, usize::from(usage != UsageManner::Never), "{style:?} {usage:?}: {heard:?}");
        }
    }
}

#[tokio::test]
async fn thoughts_are_not_spoken() {
    for style in STYLES {
        let thought = "They want a <table>.\n";
        for reasoning in [Reasoning::Field(thought.to_owned()), Reasoning::Inline(thought.to_owned())] {
            let what = format!("{style:?} {reasoning:?}");
            understands(&what, ChatFake { style, reasoning, ..brain(booking()) }, FaultScript::default()).await;
        }
    }
}

#[tokio::test]
async fn writes_may_be_cut_anywhere() {
    for fault in [
        Fault::SplitWrites { bytes: 1 },
        Fault::SplitWrites { bytes: 7 },
        Fault::CutUtf8,
        Fault::Fragment,
        Fault::UnknownType,
    ] {
        let what = format!("{fault:?}");
        understands(&what, brain(booking()), rule(Service::Chat, 0, fault)).await;
    }
}

#[tokio::test]
async fn every_error_half_way_is_told_and_before_the_first_token_tried_again() {
    for error in [
        MidStreamError::Event,
        MidStreamError::Data,
        MidStreamError::DataThenDone,
        MidStreamError::XGroq,
        MidStreamError::Eof,
    ] {
        let fake = ChatFake { error, ..brain(greeting()) };
        let fakes = chat_fakes(fake.clone(), rule(Service::Chat, 3, Fault::ErrorMessage)).await;
        let heard = ask(&llm(&fakes)).await;
        assert!(!text(&heard).is_empty() && fails_with(&heard).is_retryable(), "{error:?}: {heard:?}");

        let fakes = chat_fakes(fake, rule(Service::Chat, 1, Fault::ErrorMessage)).await;
        let heard = ask(&llm(&fakes)).await;
        assert_eq!(done(&heard), Some(FinishReason::Stop), "{error:?}: {heard:?}");
        assert_eq!(fakes.log().counts().chat.requests, 2, "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_half_way_is_an_error() {
    for fault in [Fault::Reset, Fault::Close { code: None, reason: String::new() }, Fault::Malformed, Fault::Stall] {
        let what = format!("{fault:?}");
        let fakes = chat_fakes(brain(greeting()), rule(Service::Chat, 3, fault)).await;
        let llm = ChatLlm::new(ChatConfig { token_ms: 100, retries: 0, ..config(&fakes) }).unwrap();
        let heard = ask(&llm).await;
        assert_eq!(fails_with(&heard).fault(), stage::Fault::Engine, "{what}: {heard:?}");
    }
}

#[tokio::test]
async fn refusals_are_classed_and_tried_again_where_that_helps() {
    let refused = |status, retry_after_ms| Fault::Refuse { status, retry_after_ms, body: None };
    for (fault, expected) in [
        (refused(401, None), Some(stage::Fault::Configuration)),
        (refused(403, None), Some(stage::Fault::Configuration)),
        (refused(404, None), Some(stage::Fault::Configuration)),
        (refused(413, None), Some(stage::Fault::Configuration)),
        (refused(429, Some(60_000)), Some(stage::Fault::Overload)),
        (refused(429, Some(20)), None),
        (refused(498, None), None),
        (refused(500, None), None),
        (refused(503, Some(20)), None),
        (Fault::Refuse { status: 502, retry_after_ms: None, body: Some("<html>Bad Gateway</html>".to_owned()) }, None),
    ] {
        let fakes = chat_fakes(brain(greeting()), rule(Service::Chat, 0, fault.clone())).await;
        let heard = ask(&llm(&fakes)).await;
        match expected {
            Some(class) => assert_eq!(fails_with(&heard).fault(), class, "{fault:?}: {heard:?}"),
            None => assert_eq!(done(&heard), Some(FinishReason::Stop), "{fault:?}: {heard:?}"),
        }
    }
}

#[tokio::test]
async fn a_wrong_key_is_not_shown() {
    let fakes = chat_fakes(brain(greeting()), FaultScript::default()).await;
    let key = Some(ApiKey::new("sk-quite-wrong", "GROQ_API_KEY"));
    let heard = ask(&ChatLlm::new(ChatConfig { key, ..config(&fakes) }).unwrap()).await;
    let said = fails_with(&heard).to_string();
    assert!(said.contains("GROQ_API_KEY") && !said.contains("quite-wrong"), "{said}");
}

#[tokio::test]
async fn a_server_that_does_not_begin_is_not_waited_for() {
    let fakes = chat_fakes(brain(greeting()), rule(Service::Chat, 0, Fault::NeverGreet)).await;
    let llm = ChatLlm::new(ChatConfig { first_token_ms: 100, ..config(&fakes) }).unwrap();
    let heard = ask(&llm).await;
    assert!(matches!(fails_with(&heard), StageError::Stalled { .. }), "{heard:?}");
}

#[tokio::test]
async fn a_cancelled_generation_stops_at_the_server() {
    let fakes = chat_fakes(ChatFake { token_ms: 20, ..brain(greeting()) }, FaultScript::default()).await;
    let mut stream = llm(&fakes).generate(request());
    assert!(tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().is_ok());
    drop(stream);
    let counts = tokio::time::timeout(PATIENCE, fakes.log().until(|counts| counts.chat.cancelled == 1)).await.unwrap();
    assert_eq!(counts.chat.finished, 0);
}

#[tokio::test]
async fn warming_opens_the_connection_that_answers() {
    let fakes = chat_fakes(brain(greeting()), FaultScript::default()).await;
    let llm = llm(&fakes);
    llm.warm().await;
    llm.warm().await;
    for _ in 0..3 {
        assert_eq!(done(&ask(&llm).await), Some(FinishReason::Stop));
    }
    let counts = fakes.log().counts();
    assert_eq!((counts.connections, counts.chat.model_lists, counts.chat.requests), (1, 1, 3));
}

#[tokio::test]
async fn a_check_asks_for_the_model() {
    let fake = ChatFake { models: Some(vec!["openai/gpt-oss-20b".to_owned()]), ..brain(greeting()) };
    let fakes = chat_fakes(fake, FaultScript::default()).await;
    assert!(llm(&fakes).check().await.unwrap().detail.contains("openai/gpt-oss-20b"));
    let retired = ChatLlm::new(ChatConfig { model: "gemma2-9b-it".to_owned(), ..config(&fakes) }).unwrap();
    assert_eq!(retired.check().await.unwrap_err().fault(), stage::Fault::Configuration);
    let llama_cpp = ChatConfig { preset: ChatPreset::LlamaCpp, model: "mine".to_owned(), ..config(&fakes) };
    assert!(ChatLlm::new(llama_cpp).unwrap().check().await.is_ok());
}

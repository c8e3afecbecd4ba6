use super::*;
use crate::provider::net::ApiKey;
use crate::provider::openai::ChatPreset;
use crate::stage::{Message, Role};

fn tool(name: &str, parameters: &str) -> ToolSpec {
    ToolSpec { name: name.to_owned(), description: "Books.".to_owned(), parameters_json: parameters.to_owned() }
}

fn asking(tools: Vec<ToolSpec>) -> LlmRequest {
    LlmRequest { messages: vec![Message::text(Role::Caller, "Hello.")], tools }
}

fn sent(config: &ChatConfig, request: &LlmRequest) -> Result<Value, StageError> {
    let body = body(config, &settings(config)?, request)?;
    Ok(serde_json::from_slice(&body).unwrap())
}

fn groq() -> ChatConfig {
    ChatConfig::groq(ApiKey::new("gsk-1", "GROQ_API_KEY"), "openai/gpt-oss-20b")
}

fn refusal(outcome: Result<Value, StageError>) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.fault(), Fault::Configuration);
    error.to_string()
}

#[test]
fn only_what_is_configured_is_sent() {
    assert_eq!(
        sent(&groq(), &asking(vec![])).unwrap(),
        json!({
            "model": "openai/gpt-oss-20b",
            "messages": [{"role": "user", "content": "Hello."}],
            "stream": true,
            "stream_options": {"include_usage": true},
        })
    );
}

#[test]
fn everything_that_is_configured_is_sent() {
    let config = ChatConfig {
        max_tokens: Some(200),
        temperature: Some(0.7),
        top_p: Some(0.9),
        reasoning_effort: Some("low".to_owned()),
        reasoning_format: Some("hidden".to_owned()),
        seed: Some(-7),
        service_tier: Some("flex".to_owned()),
        parallel_tool_calls: Some(false),
        extra: [("user".to_owned(), "\"desk\"".to_owned()), ("stop".to_owned(), "[\"END\"]".to_owned())].into(),
        ..groq()
    };
    let sent = sent(&config, &asking(vec![tool("book", r#"{"type":"object"}"#)])).unwrap();
    for (field, value) in [
        ("max_completion_tokens", json!(200)),
        ("temperature", json!(0.7)),
        ("top_p", json!(0.9)),
        ("reasoning_effort", json!("low")),
        ("reasoning_format", json!("hidden")),
        ("seed", json!(-7)),
        ("service_tier", json!("flex")),
        ("parallel_tool_calls", json!(false)),
        ("user", json!("desk")),
        ("stop", json!(["END"])),
        (
            "tools",
            json!([{"type": "function", "function":
                {"name": "book", "description": "Books.", "parameters": {"type": "object"}}}]),
        ),
    ] {
        assert_eq!(sent[field], value, "{field}");
    }
    assert!(sent.get("n").is_none() && sent.get("max_tokens").is_none());
}

#[test]
fn every_server_gets_the_fields_it_knows() {
    for (preset, max_tokens, has_parallel, has_format) in [
        (ChatPreset::Groq, "max_completion_tokens", true, true),
        (ChatPreset::OpenAi, "max_completion_tokens", true, false),
        (ChatPreset::Vllm, "max_tokens", true, false),
        (ChatPreset::Ollama, "max_tokens", false, false),
        (ChatPreset::LlamaCpp, "max_tokens", true, false),
    ] {
        let config = ChatConfig {
            preset,
            max_tokens: Some(9),
            parallel_tool_calls: Some(true),
            reasoning_format: Some("hidden".to_owned()),
            ..groq()
        };
        let with_tool = sent(&config, &asking(vec![tool("book", "{}")])).unwrap();
        assert_eq!(with_tool[max_tokens], 9, "{preset:?}");
        assert_eq!(with_tool.get("parallel_tool_calls").is_some(), has_parallel, "{preset:?}");
        assert_eq!(with_tool.get("reasoning_format").is_some(), has_format, "{preset:?}");
        let without = sent(&config, &asking(vec![])).unwrap();
        assert!(without.get("parallel_tool_calls").is_none() && without.get("tools").is_none(), "{preset:?}");
    }
}

#[test]
fn a_tool_that_servers_refuse_is_named() {
    for (name, parameters) in [("book", "{\"type\":"), ("book", "[]"), ("book", ""), ("book a table", "{}"), ("", "{}")]
    {
        let said = refusal(sent(&groq(), &asking(vec![tool("fine", "{}"), tool(name, parameters)])));
        assert!(said.contains(name) && said.contains("tool"), "{said}");
    }
}

#[test]
fn an_extra_field_that_cannot_be_sent_is_named() {
    for (field, text) in [("user", "desk"), ("stream", "false"), ("n", "2"), ("messages", "[]")] {
        let config = ChatConfig { extra: [(field.to_owned(), text.to_owned())].into(), ..groq() };
        let said = refusal(sent(&config, &asking(vec![])));
        assert!(said.contains(&format!("extra.{field}")), "{said}");
    }
}

#[test]
fn there_must_be_something_to_answer() {
    assert!(refusal(sent(&groq(), &LlmRequest::default())).contains("no message"));
}

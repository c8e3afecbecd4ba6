//! What a request is taken for, and what the brain's events look like in each manner.

use super::chunks::ChunkWriter;
use super::config::*;
use super::request::parse;
use crate::stage::{FinishReason, LlmEvent, Role, TokenUsage, ToolCall};
use serde_json::{Value, json};

fn request() -> Value {
    json!({
        "model": "openai/gpt-oss-20b", "stream": true, "stream_options": {"include_usage": true},
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "A table for "}, {"type": "text", "text": "four."}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "book", "arguments": "{\"people\":4}"}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "booked"},
        ],
        "tools": [{"type": "function", "function": {"name": "book", "description": "Books.", "parameters": {"type": "object"}}}],
    })
}

/// The text of an answer with two words, two calls and usage.
fn answer(fake: ChatFake) -> String {
    let parsed = parse(&fake, request().to_string().as_bytes()).expect("a good request");
    let mut writer = ChunkWriter::new(fake, &parsed, 7);
    let call = |n: u32| ToolCall {
        call: format!("call_{n}"),
        name: "book".into(),
        arguments_json: format!("{{\"people\":{n},\"name\":\"Zoë\"}}"),
    };
    let usage = TokenUsage { input_tokens: 20, cached_tokens: 5, output_tokens: 2 };
    let events = [
        LlmEvent::Delta("One ".into()),
        LlmEvent::Delta("moment.".into()),
        LlmEvent::ToolCall(call(1)),
        LlmEvent::ToolCall(call(2)),
        LlmEvent::Usage(usage),
        LlmEvent::Done(FinishReason::ToolCalls),
    ];
    let mut bytes: Vec<u8> = writer.opening().concat();
    events.into_iter().for_each(|event| bytes.extend(writer.event(event).concat()));
    String::from_utf8(bytes).expect("UTF-8")
}

/// The chunks of a plain stream.
fn chunks(text: &str) -> Vec<Value> {
    let data = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

fn styled(style: ChatStyle) -> ChatFake {
    ChatFake { style, ..ChatFake::default() }
}

/// The arguments of each call, put together by index.
fn arguments(chunks: &[Value]) -> Vec<String> {
    let mut calls: Vec<String> = Vec::new();
    let deltas = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array()).flatten();
    for delta in deltas {
        let index = delta["index"].as_u64().expect("an index") as usize;
        calls.resize(calls.len().max(index + 1), String::new());
        calls[index] += delta["function"]["arguments"].as_str().expect("text");
    }
    calls
}

#[test]
fn a_request_becomes_the_conversation_it_holds() {
    let parsed = parse(&ChatFake::default(), request().to_string().as_bytes()).expect("a good request");
    let messages = &parsed.asked.messages;
    let roles: Vec<Role> = messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::Caller, Role::Agent, Role::Tool]);
    assert_eq!((messages[1].text.as_str(), messages[2].text.as_str()), ("A table for four.", ""));
    assert_eq!(
        (messages[2].tool_calls[0].name.as_str(), messages[3].answers_call.as_deref()),
        ("book", Some("call_1"))
    );
    assert_eq!((parsed.asked.tools[0].name.as_str(), parsed.includes_usage), ("book", true));
}

#[test]
fn a_bad_request_is_refused_as_the_vendor_does() {
    let with = |key: &str, value: Value| {
        let mut request = request();
        request[key] = value;
        request.to_string()
    };
    let fake = ChatFake { models: Some(vec!["openai/gpt-oss-20b".into()]), ..ChatFake::default() };
    for (body, status, mentions) in [
        ("{".to_owned(), 400, "JSON"),
        (with("model", json!("gpt-1")), 404, "`gpt-1`"),
        (with("stream", json!(false)), 400, "stream"),
        (with("messages", json!([])), 400, "messages"),
        (with("messages", json!([{"role": "tool", "tool_call_id": "call_9", "content": ""}])), 400, "'tool'"),
        (with("temperature", json!(3)), 400, "temperature"),
        (with("n", json!(2)), 400, "'n'"),
        (with("stop", json!(["a", "b", "c", "d", "e"])), 400, "stop"),
    ] {
        let (told, said) = parse(&fake, body.as_bytes()).expect_err("refused");
        assert!(told == status && said.contains(mentions), "{told} {said}");
    }
    assert_eq!(parse(&styled(ChatStyle::LlamaCpp), b"{").expect_err("refused").0, 500);
}

#[test]
fn each_style_says_the_same_in_its_own_manner() {
    for style in [ChatStyle::Groq, ChatStyle::OpenAi, ChatStyle::Vllm, ChatStyle::Ollama, ChatStyle::LlamaCpp] {
        let text = answer(styled(style));
        let chunks = chunks(&text);
        let content: String =
            chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(
            (content.as_str(), chunks[0]["choices"][0]["delta"]["role"].as_str()),
            ("One moment.", Some("assistant"))
        );
        assert_eq!(arguments(&chunks)[1], "{\"people\":2,\"name\":\"Zoë\"}", "{style:?}");
        let calls = chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["tool_calls"].is_array()).count();
        assert_eq!(calls == 2, matches!(style, ChatStyle::Groq | ChatStyle::Ollama), "{style:?}");
        assert_eq!(text.contains("x_groq"), style == ChatStyle::Groq);
        let last = chunks.last().expect("a chunk");
        assert_eq!((&last["choices"], &last["usage"]["prompt_tokens"]), (&json!([]), &json!(20)), "{style:?}");
        assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
        assert!(text.ends_with("data: [DONE]\n\n"));
    }
    let first = |style| chunks(&answer(styled(style)))[0].clone();
    assert_eq!(first(ChatStyle::Groq)["x_groq"]["id"], "req_chatcmpl-7");
    assert_eq!(first(ChatStyle::LlamaCpp)["choices"][0]["delta"].get("content"), Some(&Value::Null));
    assert_eq!(first(ChatStyle::Ollama)["system_fingerprint"], "fp_ollama");
    assert_eq!(first(ChatStyle::Vllm).get("system_fingerprint"), None);
    assert_eq!(first(ChatStyle::OpenAi).get("usage"), Some(&Value::Null));
}

#[test]
fn calls_can_be_cut_interleaved_nameless_and_broken() {
    let fake = ChatFake { tool_calls: ToolCallManner::Interleaved(1), ..ChatFake::default() };
    let interleaved = chunks(&answer(fake));
    assert_eq!(arguments(&interleaved)[0], "{\"people\":1,\"name\":\"Zoë\"}");
    let in_one = |chunk: &Value| chunk["choices"][0]["delta"]["tool_calls"].as_array().map_or(0, Vec::len);
    assert!(interleaved.iter().filter(|chunk| in_one(chunk) == 2).count() > 10);

    let tool_ids = ToolIdManner::MissingAndIndexZero;
    let fake = ChatFake { tool_ids, arguments: ArgumentManner::Invalid, ..ChatFake::default() };
    let text = answer(fake);
    assert!(!text.contains("call_2") && !text.contains("\"index\":1"), "{text}");
    assert!(serde_json::from_str::<Value>(&arguments(&chunks(&text))[0]).is_err());
}

#[test]
fn thoughts_are_in_their_field_or_inline_with_cut_tags() {
    let reasoning = Reasoning::Inline("Hm, four.".into());
    let inline = chunks(&answer(ChatFake { reasoning, ..ChatFake::default() }));
    let pieces: Vec<&str> = inline.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(pieces.concat().starts_with("<think>Hm, four.</think>One "), "{pieces:?}");
    assert!(!pieces.iter().any(|piece| piece.contains("<think>")), "{pieces:?}");
    let reasoning = Reasoning::Field("Hm.".into());
    let text = answer(ChatFake { reasoning, style: ChatStyle::Vllm, ..ChatFake::default() });
    assert!(text.contains("\"reasoning_content\":\"Hm.\""), "{text}");
}

#[test]
fn framing_usage_and_the_end_are_as_set() {
    let framed = |sse| answer(ChatFake { sse, ..ChatFake::default() });
    let of = |option| framed(SseManner { option, ..SseManner::default() });
    assert!(of(SseOption::NoSpace).starts_with("data:{"));
    assert!(of(SseOption::Comments).starts_with(": "));
    assert!(of(SseOption::MoreFields).starts_with("id: 7\nretry: 3000\n"));
    let several = of(SseOption::SeveralLines);
    let joined: Vec<&str> = several.lines().take(2).map(|line| &line["data: ".len()..]).collect();
    assert!(serde_json::from_str::<Value>(&joined.join("\n")).is_ok(), "{joined:?}");
    assert!(framed(SseManner { line_end: LineEnd::CrLf, ..SseManner::default() }).ends_with("data: [DONE]\r\n\r\n"));
    let ended = |end| framed(SseManner { end, ..SseManner::default() });
    assert!(!ended(StreamEnd::NoDone).contains("[DONE]"));
    assert!(ended(StreamEnd::NoBlankLine).ends_with("[DONE]\n"));
    assert!(ended(StreamEnd::DataAfterDone).contains("[DONE]\n\ndata: {"));
    let usage = answer(ChatFake { usage: UsageManner::EveryChunk, ..ChatFake::default() });
    assert!(chunks(&usage).iter().all(|chunk| chunk["usage"].is_object()));
    assert!(!answer(ChatFake { usage: UsageManner::Never, ..ChatFake::default() }).contains("usage"));
    let finished = |finish| answer(ChatFake { finish, ..ChatFake::default() });
    assert!(finished(FinishManner::AlwaysStop).contains("\"finish_reason\":\"stop\""));
    assert!(!finished(FinishManner::Missing).contains("\"finish_reason\":\"tool_calls\""));
}

#[test]
fn an_error_in_mid_stream_has_the_form_of_its_vendor() {
    let parsed = parse(&ChatFake::default(), request().to_string().as_bytes()).expect("a good request");
    let error = |fake: ChatFake| {
        String::from_utf8(ChunkWriter::new(fake, &parsed, 7).error("it broke").to_vec()).expect("UTF-8")
    };
    assert!(error(styled(ChatStyle::Groq)).starts_with("event: error\ndata: {\"error\":"));
    assert!(error(styled(ChatStyle::OpenAi)).starts_with("data: {\"error\":"));
    assert!(error(styled(ChatStyle::Vllm)).ends_with("data: [DONE]\n\n"));
    assert_eq!(error(styled(ChatStyle::Ollama)), "");
    assert!(error(ChatFake { error: MidStreamError::XGroq, ..ChatFake::default() }).contains("\"error\":\"it broke\""));
}

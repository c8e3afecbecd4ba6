//! Whole answers of every server, and every way in which one goes wrong.

use super::*;
use crate::stage::{Fault, ToolCall};
use proptest::prelude::*;

const GROQ: &str = include_str!("fixtures/groq.sse");
const OPENAI: &str = include_str!("fixtures/openai.sse");
const VLLM: &str = include_str!("fixtures/vllm.sse");
const OLLAMA: &str = include_str!("fixtures/ollama.sse");
const LLAMA_CPP: &str = include_str!("fixtures/llamacpp.sse");

type Heard = Result<LlmEvent, AnswerFault>;

/// What is heard of bytes that come in these pieces and then end.
fn heard<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Heard> {
    let mut answer = AnswerDecoder::new("abcdef".to_owned());
    let mut heard = Vec::new();
    for piece in pieces {
        answer.push(piece);
        heard.extend(std::iter::from_fn(|| answer.next()));
    }
    answer.end();
    heard.extend(std::iter::from_fn(|| answer.next()));
    if answer.is_over() {
        heard.extend(answer.farewell().into_iter().map(Ok));
    }
    heard
}

fn heard_of(text: &str) -> Vec<Heard> {
    heard([text.as_bytes()])
}

fn data(chunks: &[&str]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

fn says(text: &str) -> Heard {
    Ok(LlmEvent::Delta(text.to_owned()))
}

fn calls(call: &str, name: &str, arguments: &str) -> Heard {
    let (call, name) = (call.to_owned(), name.to_owned());
    Ok(LlmEvent::ToolCall(ToolCall { call, name, arguments_json: arguments.to_owned() }))
}

fn used(input_tokens: u64, cached_tokens: u64, output_tokens: u64) -> Heard {
    Ok(LlmEvent::Usage(TokenUsage { input_tokens, cached_tokens, output_tokens }))
}

fn done(reason: FinishReason) -> Heard {
    Ok(LlmEvent::Done(reason))
}

fn said(fault: Fault, said: &str) -> Heard {
    Err(AnswerFault::Said { fault, said: said.to_owned() })
}

const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"Hello."},"finish_reason":null}]}"#;
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const DONE: &str = "[DONE]";

#[test]
fn groq_sends_its_calls_whole_and_its_own_usage() {
    let expected = vec![
        says("Sure,"),
        says(" one moment… 🙂"),
        calls("fc_71", "book_table", r#"{"people":4,"at":"19:30"}"#),
        used(212, 0, 31),
        done(FinishReason::ToolCalls),
    ];
    assert_eq!(heard_of(GROQ), expected);
}

#[test]
fn openai_sends_fragments_and_a_last_chunk_of_usage() {
    let expected = vec![
        says("Let me look."),
        calls("call_a1", "book_table", r#"{"people":4}"#),
        calls("call_b2", "get_weather", r#"{"city":"Köln"}"#),
        used(90, 64, 40),
        done(FinishReason::ToolCalls),
    ];
    assert_eq!(heard_of(OPENAI), expected);
}

#[test]
fn vllm_counts_in_every_chunk_and_the_last_count_holds() {
    let expected = vec![says("At seven"), says(" o'clock."), used(17, 0, 7), done(FinishReason::Stop)];
    assert_eq!(heard_of(VLLM), expected);
}

#[test]
fn ollama_leaves_out_ids_and_says_stop_after_calls() {
    let expected = vec![
        calls("abcdef000", "get_weather", r#"{"city":"Bonn"}"#),
        calls("abcdef001", "get_time", "{}"),
        used(120, 0, 18),
        done(FinishReason::ToolCalls),
    ];
    assert_eq!(heard_of(OLLAMA), expected);
}

#[test]
fn llama_cpp_sends_comments_and_crlf_and_thinks_aloud() {
    let expected = vec![says("Seven"), says(" minutes."), done(FinishReason::Length)];
    assert_eq!(heard_of(LLAMA_CPP), expected);
}

#[test]
fn content_may_be_empty_null_absent_or_of_another_choice() {
    let chunks = [
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":null}}]}"#,
        r#"{"choices":[{"index":0,"delta":{}}]}"#,
        r#"{"choices":[{"index":0}]}"#,
        r#"{"choices":[]}"#,
        r#"{"choices":null,"error":null}"#,
        r#"{"id":"x","novel":{"field":[1,2]},"error":{}}"#,
        r#"{"choices":[{"index":1,"delta":{"content":"another"},"finish_reason":"length"}]}"#,
        r#"{"choices":[{"delta":{"content":"Hello."}}]}"#,
        STOP,
        DONE,
    ];
    assert_eq!(heard_of(&data(&chunks)), vec![says("Hello."), done(FinishReason::Stop)]);
}

#[test]
fn every_reason_to_finish_has_its_word() {
    for (reason, expected) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::Filtered),
        ("tool_calls", FinishReason::Stop),
        ("function_call", FinishReason::Stop),
        ("eos", FinishReason::Stop),
    ] {
        let finish = STOP.replace("stop", reason);
        assert_eq!(heard_of(&data(&[HELLO, &finish, DONE])), vec![says("Hello."), done(expected)], "{reason}");
    }
}

#[test]
fn an_answer_may_be_empty() {
    assert_eq!(heard_of(&data(&[STOP, DONE])), vec![done(FinishReason::Stop)]);
    assert_eq!(heard_of(&data(&[DONE])), vec![done(FinishReason::Stop)]);
}

#[test]
fn a_refusal_is_spoken() {
    let refusal = r#"{"choices":[{"index":0,"delta":{"refusal":"I cannot."}}]}"#;
    assert_eq!(heard_of(&data(&[refusal, STOP, DONE])), vec![says("I cannot."), done(FinishReason::Stop)]);
}

#[test]
fn what_follows_the_end_is_ignored() {
    let after = data(&[HELLO, STOP, "[DONE] ", HELLO, "{broken"]);
    assert_eq!(heard_of(&after), vec![says("Hello."), done(FinishReason::Stop)]);
}

#[test]
fn an_end_without_done_is_one_if_there_was_a_reason() {
    assert_eq!(heard_of(&data(&[HELLO, STOP])), vec![says("Hello."), done(FinishReason::Stop)]);
    assert_eq!(heard_of(&data(&[HELLO])), vec![says("Hello."), Err(AnswerFault::Truncated)]);
    assert_eq!(heard_of(""), vec![Err(AnswerFault::Truncated)]);
}

#[test]
fn an_event_whose_blank_line_is_missing_is_no_event() {
    let cut = format!("data: {HELLO}\n\ndata: {STOP}\n");
    assert_eq!(heard_of(&cut), vec![says("Hello."), Err(AnswerFault::Truncated)]);
}

#[test]
fn errors_on_the_way_end_the_answer() {
    let groq = r#"{"error":{"message":"Bad call","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"{"}}"#;
    let named = format!("data: {HELLO}\n\nevent: error\ndata: {groq}\n\n");
    assert_eq!(heard_of(&named), vec![says("Hello."), said(Fault::Engine, "Bad call")]);
    assert_eq!(heard_of("event: error\ndata: out of memory\n\n"), vec![said(Fault::Engine, "out of memory")]);

    let openai = r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#;
    assert_eq!(heard_of(&data(&[HELLO, openai])), vec![says("Hello."), said(Fault::Engine, "The server had an error")]);

    let vllm = r#"{"error":{"message":"Engine died","type":"InternalServerError","param":null,"code":500}}"#;
    assert_eq!(heard_of(&data(&[vllm, DONE])), vec![said(Fault::Engine, "Engine died")]);

    let x_groq = r#"{"choices":[{"index":0,"delta":{"content":"!"}}],"x_groq":{"id":"req","error":"over capacity"}}"#;
    assert_eq!(heard_of(&data(&[HELLO, x_groq, DONE])), vec![says("Hello."), said(Fault::Engine, "over capacity")]);

    let text = r#"{"error":"gone"}"#;
    assert_eq!(heard_of(&data(&[text])), vec![said(Fault::Engine, "gone")]);
}

#[test]
fn errors_on_the_way_are_classed() {
    for (error, fault) in [
        (r#"{"message":"m","type":"tokens","code":"rate_limit_exceeded"}"#, Fault::Overload),
        (r#"{"message":"m","code":429}"#, Fault::Overload),
        (r#"{"message":"m","code":"model_not_found"}"#, Fault::Configuration),
        (r#"{"message":"m","code":401}"#, Fault::Configuration),
        (r#"{"message":"m","type":"invalid_request_error","code":"tool_use_failed"}"#, Fault::Engine),
        (r#"{"message":"m"}"#, Fault::Engine),
    ] {
        assert_eq!(heard_of(&data(&[&format!(r#"{{"error":{error}}}"#)])), vec![said(fault, "m")], "{error}");
    }
}

#[test]
fn a_chunk_that_is_no_json_is_an_error_and_an_event_of_another_name_is_not() {
    let heard = heard_of(&data(&[HELLO, "{\"choices\":[", HELLO]));
    assert_eq!(heard.len(), 2);
    assert!(matches!(&heard[1], Err(AnswerFault::Garbled(_))), "{heard:?}");
    let ping = format!("event: ping\ndata: now\n\ndata:\n\n{}", data(&[STOP, DONE]));
    assert_eq!(heard_of(&ping), vec![done(FinishReason::Stop)]);
}

#[test]
fn json_over_several_data_lines_is_one_chunk() {
    let split = HELLO.replace("\"delta\"", "\ndata: \"delta\"");
    assert_eq!(heard_of(&data(&[&split, STOP, DONE])), vec![says("Hello."), done(FinishReason::Stop)]);
}

#[test]
fn a_call_without_a_name_and_a_call_too_long_are_errors() {
    let nameless = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}"#;
    assert!(matches!(heard_of(&data(&[nameless, STOP]))[..], [Err(AnswerFault::Garbled(_))]));
    let long = nameless.replace("{}", &"x".repeat(70_000));
    assert!(matches!(heard_of(&data(&[&long]))[..], [Err(AnswerFault::Garbled(_))]));
    let line = format!("data: {}", "x".repeat(MAX_LINE_BYTES + 1));
    assert!(matches!(heard_of(&line)[..], [Err(AnswerFault::Garbled(_))]));
}

#[test]
fn calls_come_with_the_reason_and_what_comes_later_for_them_is_ignored() {
    let call =
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{bad"}}]}}]}"#;
    let late = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}"#;
    let expected = vec![calls("a", "f", "{bad"), done(FinishReason::ToolCalls)];
    assert_eq!(heard_of(&data(&[call, STOP, late, DONE])), expected);
    assert_eq!(heard_of(&data(&[call, DONE])), expected);
}

#[test]
fn what_was_held_back_comes_before_the_end() {
    let half = HELLO.replace("Hello.", "1 <");
    assert_eq!(heard_of(&data(&[&half, STOP, DONE])), vec![says("1 "), says("<"), done(FinishReason::Stop)]);
}

#[test]
fn signs_of_life_are_text_calls_and_thinking() {
    let mut answer = AnswerDecoder::new(String::new());
    assert_eq!(answer.push(b": keep-alive\n\n:\n\ndata: {\"choices\":[]}\n\n"), Sign::Nothing);
    assert_eq!(
        answer.push(data(&[r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#]).as_bytes()),
        Sign::Nothing
    );
    assert_eq!(answer.push(data(&[r#"{"choices":[{"delta":{"reasoning":"Hm"}}]}"#]).as_bytes()), Sign::Life);
    assert_eq!(answer.push(data(&[r#"{"choices":[{"delta":{"content":"<think>Hm"}}]}"#]).as_bytes()), Sign::Life);
    assert!(!answer.has_begun());
    assert_eq!(answer.push(data(&[r#"{"choices":[{"delta":{"content":"</think>So"}}]}"#]).as_bytes()), Sign::Life);
    assert!(answer.has_begun());
}

/// Fixtures and damaged ones.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::sample::select(vec![GROQ, OPENAI, VLLM, OLLAMA, LLAMA_CPP]);
    (whole, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)).prop_map(|(whole, damage)| {
        let mut bytes = whole.as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn cuts_change_nothing(bytes in answers(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        prop_assert_eq!(heard(pieces), heard([&bytes[..]]));
    }

    #[test]
    fn byte_by_byte_is_the_same(bytes in answers()) {
        prop_assert_eq!(heard(bytes.chunks(1)), heard([&bytes[..]]));
    }

    #[test]
    fn junk_is_survived_and_ends_once(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let heard = heard([&bytes[..]]);
        prop_assert_eq!(heard.iter().filter(|event| matches!(event, Err(_) | Ok(LlmEvent::Done(_)))).count(), 1);
    }

    #[test]
    fn junk_in_chunks_is_survived(parts in prop::collection::vec("data: |event: error|\\{|\\}|\"choices\"|\\[|\\]|:|\"delta\"|\"tool_calls\"|null|-1|1e99|\n|\n\n|\\[DONE\\]|[ -~]{0,5}", 0..60)) {
        let text = parts.concat();
        let heard = heard_of(&text);
        let ends = heard.iter().filter(|event| matches!(event, Err(_) | Ok(LlmEvent::Done(_)))).count();
        prop_assert_eq!(ends, 1);
        prop_assert!(!heard.contains(&says("")));
    }
}

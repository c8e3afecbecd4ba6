use super::super::{GenerationEnd, LlmConfig, LlmFault, LlmReply, ScriptedLlm};
use super::{Since, is_stuck};
use crate::stage::{FinishReason, Llm, LlmEvent, LlmRequest, Message, Role, TokenUsage};
use futures::{FutureExt, StreamExt};

fn delta(text: &str) -> LlmEvent {
    LlmEvent::Delta(text.into())
}

async fn events_of(llm: &ScriptedLlm) -> Vec<LlmEvent> {
    llm.generate(LlmRequest::default()).map(|item| item.unwrap()).collect().await
}

#[test]
fn without_delays_everything_is_there_at_once_and_needs_no_runtime() {
    let usage = TokenUsage { input_tokens: 7, cached_tokens: 0, output_tokens: 2 };
    let reply = LlmReply::text("Hello there.").call("c1", "book", "{}").usage(usage);
    let call = reply.tool_calls[0].clone();
    let llm = ScriptedLlm::new(LlmConfig::default(), vec![reply]);
    let events = events_of(&llm).now_or_never().unwrap();
    let tail = [LlmEvent::ToolCall(call), LlmEvent::Usage(usage), LlmEvent::Done(FinishReason::ToolCalls)];
    assert_eq!(events[..2], [delta("Hello "), delta("there.")]);
    assert_eq!(events[2..], tail);
}

#[tokio::test(start_paused = true)]
async fn tokens_come_at_their_times() {
    let config = LlmConfig { first_token_ms: 200, token_ms: 20, ..LlmConfig::default() };
    let llm = ScriptedLlm::new(config, vec![LlmReply::text("one two three")]);
    let since = Since::now();
    let mut stream = llm.generate(LlmRequest::default());
    let mut times = Vec::new();
    while stream.next().await.is_some() {
        times.push(since.ms());
    }
    assert_eq!(times, [200, 220, 240, 240]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_a_call_alone_waits_for_its_first_token_once() {
    let config = LlmConfig { first_token_ms: 200, token_ms: 20, ..LlmConfig::default() };
    let llm = ScriptedLlm::new(config, vec![LlmReply::default().call("c1", "book", "{}")]);
    let since = Since::now();
    assert_eq!(events_of(&llm).await.len(), 2);
    assert_eq!(since.ms(), 200);
}

#[tokio::test(start_paused = true)]
async fn jitter_is_the_same_under_the_same_seed() {
    let mut runs = Vec::new();
    for seed in [5, 5, 6] {
        let config = LlmConfig { first_token_ms: 100, jitter_ms: 1_000, seed, ..LlmConfig::default() };
        let llm = ScriptedLlm::new(config, vec![LlmReply::text("hm")]);
        let since = Since::now();
        events_of(&llm).await;
        events_of(&llm).await;
        runs.push(since.ms());
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test(start_paused = true)]
async fn replies_come_in_order_and_start_over() {
    let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("a"), LlmReply::text("b")]);
    for expected in ["a", "b", "a"] {
        assert_eq!(events_of(&llm).await[0], delta(expected));
    }
    assert_eq!(llm.log().count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_is_a_cancellation_with_its_tokens_counted() {
    let llm = ScriptedLlm::with(LlmConfig::default(), |request, _| LlmReply::text(&request.messages[0].text));
    let messages = vec![Message::text(Role::Caller, "one two three")];
    let mut stream = llm.generate(LlmRequest { messages, tools: Vec::new() });
    assert_eq!(stream.next().await.unwrap().unwrap(), delta("one "));
    assert_eq!(llm.log().generations()[0].end, GenerationEnd::Running);
    drop(stream);
    let generation = llm.log().generations().remove(0);
    assert_eq!((generation.end, generation.tokens), (GenerationEnd::Dropped, 1));
    assert_eq!(generation.request.messages[0].text, "one two three");
    assert_eq!(llm.log().discarded_tokens(), 1);
}

#[tokio::test(start_paused = true)]
async fn faults_happen_where_the_script_says() {
    let reply = |fault| LlmReply::text("one two three").fault(fault);
    let faults = [LlmFault::ErrorAfter(0), LlmFault::ErrorAfter(2), LlmFault::BreakAfter(1), LlmFault::StallAfter(2)];
    let llm = ScriptedLlm::new(LlmConfig::default(), faults.map(reply).to_vec());
    for (tokens, fails) in [(0, true), (2, true), (1, false)] {
        let items: Vec<_> = llm.generate(LlmRequest::default()).collect().await;
        assert_eq!(items.iter().filter(|item| item.is_ok()).count(), tokens);
        assert_eq!(items.last().is_some_and(Result::is_err), fails);
    }
    let mut stream = llm.generate(LlmRequest::default());
    assert!(stream.next().await.is_some() && stream.next().await.is_some());
    assert!(is_stuck(stream.next()).await);
    let ends: Vec<_> = llm.log().generations().iter().map(|generation| generation.end).collect();
    assert_eq!(ends[..3], [GenerationEnd::Failed; 3]);
}

#[tokio::test(start_paused = true)]
async fn an_endless_reply_takes_time_even_without_delays() {
    let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("so on ").fault(LlmFault::Endless)]);
    let since = Since::now();
    let tokens = llm.generate(LlmRequest::default()).take(5_000).count().await;
    assert_eq!(tokens, 5_000);
    assert!(since.ms() >= 4_999);
}

#[tokio::test(start_paused = true)]
async fn the_longest_delay_is_never_and_no_overflow() {
    let config = LlmConfig { first_token_ms: u64::MAX, jitter_ms: 5, ..LlmConfig::default() };
    let llm = ScriptedLlm::new(config, vec![LlmReply::text("unheard")]);
    assert!(is_stuck(llm.generate(LlmRequest::default()).next()).await);
}

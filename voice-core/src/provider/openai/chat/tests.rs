//! The engine against a server of raw TCP: what a real connection does to an answer.

use super::*;
use crate::provider::net::ApiKey;
use crate::provider::openai::test_server::{Peer, TestServer, both};
use crate::stage::{Fault, FinishReason, Llm, LlmEvent, LlmRequest, LlmStream, Message, Role, StageError};
use futures::StreamExt;

const SECRET: &str = "gsk-very-secret";
const GROQ: &str = include_str!("fixtures/groq.sse");
const SSE: &str = "text/event-stream";
const HELLO: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello.\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn config(server: &TestServer) -> ChatConfig {
    let key = ApiKey::new(SECRET, "GROQ_API_KEY");
    ChatConfig { url: server.url(), ..ChatConfig::groq(key, "openai/gpt-oss-20b") }
}

fn llm(server: &TestServer) -> ChatLlm {
    ChatLlm::new(config(server)).unwrap()
}

fn ask(llm: &ChatLlm) -> LlmStream {
    llm.generate(LlmRequest { messages: vec![Message::text(Role::Caller, "Grüße?")], tools: vec![] })
}

async fn all(stream: LlmStream) -> Vec<Result<LlmEvent, StageError>> {
    stream.collect().await
}

fn hello() -> Vec<Result<LlmEvent, StageError>> {
    vec![Ok(LlmEvent::Delta("Hello.".to_owned())), Ok(LlmEvent::Done(FinishReason::Stop))]
}

async fn say_hello(peer: &mut Peer) {
    peer.begin(SSE).await;
    peer.chunk(HELLO).await;
    peer.chunk(STOP).await;
    peer.end().await;
}

/// The only item, an error.
fn refusal(heard: Vec<Result<LlmEvent, StageError>>) -> StageError {
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard.into_iter().next().unwrap().unwrap_err()
}

#[tokio::test]
async fn an_answer_in_small_pieces_is_heard_whole() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    let serve = async {
        let mut peer = server.accept().await;
        let request = peer.request().await;
        peer.begin(SSE).await;
        for piece in GROQ.as_bytes().chunks(3) {
            peer.chunk(piece).await;
        }
        peer.end().await;
        request
    };
    let (request, heard) = both(serve, all(ask(&llm))).await;
    let text: String = heard
        .iter()
        .filter_map(|event| match event {
            Ok(LlmEvent::Delta(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(text, "Sure, one moment… 🙂");
    assert_eq!(heard.last(), Some(&Ok(LlmEvent::Done(FinishReason::ToolCalls))));
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
    let head = request.to_lowercase();
    assert!(head.contains("accept: text/event-stream\r\n"), "{request}");
    assert!(head.contains(&format!("authorization: bearer {SECRET}\r\n")), "{request}");
    assert!(request.contains("\"content\":\"Grüße?\"") && request.contains("\"stream\":true"), "{request}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let server = TestServer::listen().await;
    let llm = ChatLlm::new(ChatConfig { first_token_ms: 50, ..config(&server) }).unwrap();
    let (_peer, heard) = both(server.asked(), all(ask(&llm))).await;
    assert!(matches!(refusal(heard), StageError::Stalled { waited, .. } if waited.as_millis() == 50));
}

#[tokio::test]
async fn keep_alives_and_thinking_are_no_first_token() {
    for noise in [":\n\n", "data: {\"choices\":[{\"delta\":{\"reasoning\":\"Hm\"}}]}\n\n"] {
        let server = TestServer::listen().await;
        let llm = ChatLlm::new(ChatConfig { first_token_ms: 50, ..config(&server) }).unwrap();
        let serve = async {
            let mut peer = server.asked().await;
            peer.begin(SSE).await;
            while peer.try_chunk(noise).await {
                tokio::task::yield_now().await;
            }
        };
        let (_, error) = both(serve, async { refusal(all(ask(&llm)).await) }).await;
        assert!(matches!(error, StageError::Stalled { waited, .. } if waited.as_millis() == 50), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_stops_half_way_is_not_waited_for() {
    let server = TestServer::listen().await;
    let llm = ChatLlm::new(ChatConfig { token_ms: 50, ..config(&server) }).unwrap();
    let serve = async {
        let mut peer = server.asked().await;
        peer.begin(SSE).await;
        peer.chunk(HELLO).await;
        while peer.try_chunk(":\n\n").await {
            tokio::task::yield_now().await;
        }
    };
    let (_, heard) = both(serve, all(ask(&llm))).await;
    assert_eq!(heard.len(), 2);
    assert!(matches!(heard[1], Err(StageError::Stalled { waited, .. }) if waited.as_millis() == 50), "{heard:?}");
}

#[tokio::test]
async fn thinking_half_way_is_waited_for_and_an_answer_without_end_is_not() {
    let server = TestServer::listen().await;
    let llm = ChatLlm::new(ChatConfig { total_ms: 200, ..config(&server) }).unwrap();
    let serve = async {
        let mut peer = server.asked().await;
        peer.begin(SSE).await;
        peer.chunk(HELLO).await;
        while peer.try_chunk("data: {\"choices\":[{\"delta\":{\"reasoning\":\"Hm\"}}]}\n\n").await {
            tokio::task::yield_now().await;
        }
    };
    let (_, heard) = both(serve, all(ask(&llm))).await;
    assert!(matches!(heard.last(), Some(Err(StageError::Stalled { waited, .. })) if waited.as_millis() == 200));
}

#[tokio::test]
async fn a_refused_key_names_its_setting_and_is_not_shown() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    let body = format!("{{\"error\":{{\"message\":\"Incorrect key {SECRET}\",\"code\":\"invalid_api_key\"}}}}");
    let serve = async { server.asked().await.answer("401 Unauthorized", "", &body).await };
    let (_, heard) = both(serve, all(ask(&llm))).await;
    let error = refusal(heard);
    assert_eq!(error.fault(), Fault::Configuration);
    let said = format!("{error} {error:?} {llm:?}");
    assert!(said.contains("GROQ_API_KEY") && said.contains("Incorrect key [key]"), "{said}");
    assert!(!said.contains("very-secret"), "{said}");
}

#[tokio::test]
async fn too_many_requests_are_waited_for_only_if_that_is_in_time() {
    for (headers, heard_it) in [("retry-after: 0.05\r\n", true), ("retry-after: 3\r\n", false), ("", false)] {
        let server = TestServer::listen().await;
        let llm = llm(&server);
        let serve = async {
            let mut peer = server.asked().await;
            peer.answer("429 Too Many Requests", headers, "{\"error\":{\"message\":\"Slow down\"}}").await;
            if heard_it {
                peer.request().await;
                say_hello(&mut peer).await;
            }
        };
        let (_, heard) = both(serve, all(ask(&llm))).await;
        if heard_it {
            assert_eq!(heard, hello());
        } else {
            let error = refusal(heard);
            assert!(error.fault() == Fault::Overload && error.to_string().contains("Slow down"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_failure_before_the_first_token_is_tried_again() {
    let tool_use = "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"code\":\"tool_use_failed\"}}";
    for failure in 0..6 {
        let server = TestServer::listen().await;
        let llm = llm(&server);
        let serve = async {
            let mut peer = server.asked().await;
            match failure {
                0 => peer.answer("500 Internal Server Error", "connection: close\r\n", "").await,
                1 => peer.answer("400 Bad Request", "connection: close\r\n", tool_use).await,
                2 => {
                    peer.answer("200 OK", "connection: close\r\n", &format!("event: error\ndata: {tool_use}\n\n")).await
                }
                3 => peer.answer("200 OK", "connection: close\r\n", ": nothing\n\n").await,
                4 => peer.begin(SSE).await,
                _ => {}
            }
            if failure >= 4 {
                peer.reset();
            }
            say_hello(&mut server.asked().await).await;
        };
        let (_, heard) = both(serve, all(ask(&llm))).await;
        assert_eq!(heard, hello(), "failure {failure}");
    }
}

#[tokio::test]
async fn tries_run_out() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    let serve = async {
        let mut peer = server.asked().await;
        peer.answer("502 Bad Gateway", "", "<html><h1>502</h1></html>").await;
        peer.request().await;
        peer.answer("502 Bad Gateway", "", "<html><h1>502</h1></html>").await;
    };
    let (_, heard) = both(serve, all(ask(&llm))).await;
    let error = refusal(heard);
    assert!(error.fault() == Fault::Engine && !error.to_string().contains("html"), "{error}");
}

#[tokio::test]
async fn a_failure_after_the_first_token_is_told_and_not_tried_again() {
    for failure in 0..4 {
        let server = TestServer::listen().await;
        let llm = llm(&server);
        // What was sent must be read before a reset throws it away.
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let serve = async {
            let mut peer = server.asked().await;
            peer.begin(SSE).await;
            peer.chunk(HELLO).await;
            has_begun.await.unwrap();
            match failure {
                0 => peer.reset(),
                1 => drop(peer),
                2 => peer.end().await,
                _ => {
                    peer.chunk("data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\ndata: [DONE]\n\n")
                        .await
                }
            }
        };
        let listen = async {
            let mut stream = ask(&llm);
            assert_eq!(stream.next().await, Some(hello().remove(0)));
            begun.send(()).unwrap();
            refusal(all(stream).await)
        };
        let (_, error) = both(serve, listen).await;
        assert_eq!(error.fault(), Fault::Engine, "failure {failure}");
        assert!(server.is_quiet().await);
    }
}

#[tokio::test]
async fn an_answer_with_its_reason_to_finish_is_whole_whatever_becomes_of_the_connection() {
    let finish = STOP.split_inclusive("\n\n").next().unwrap();
    for (ending, deadlines) in [("reset", 9_000), ("silence", 50), ("noise", 50), ("total", 200)] {
        let server = TestServer::listen().await;
        let (token_ms, total_ms) = if ending == "total" { (9_000, deadlines) } else { (deadlines, 9_000) };
        let llm = ChatLlm::new(ChatConfig { token_ms, total_ms, ..config(&server) }).unwrap();
        // What was sent must be read before a reset throws it away.
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let serve = async {
            let mut peer = server.asked().await;
            peer.begin(SSE).await;
            peer.chunk(format!("{HELLO}{finish}")).await;
            has_begun.await.unwrap();
            match ending {
                "reset" => peer.reset(),
                "noise" => {
                    while peer.try_chunk(":\n\n").await {
                        tokio::task::yield_now().await;
                    }
                }
                _ => peer.hung_up().await,
            }
        };
        let listen = async {
            let mut stream = ask(&llm);
            let first = stream.next().await.unwrap();
            begun.send(()).unwrap();
            [vec![first], all(stream).await].concat()
        };
        let (_, heard) = both(serve, listen).await;
        assert_eq!(heard, hello(), "{ending}");
    }
}

#[tokio::test]
async fn dropping_the_stream_hangs_up() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    let serve = async {
        let mut peer = server.asked().await;
        peer.begin(SSE).await;
        peer.chunk(HELLO).await;
        peer.hung_up().await;
    };
    let cancel = async {
        let mut stream = ask(&llm);
        assert!(stream.next().await.unwrap().is_ok());
    };
    both(serve, cancel).await;
}

#[tokio::test]
async fn dropping_the_stream_before_an_answer_hangs_up() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    let (asked, heard) = tokio::sync::oneshot::channel();
    let serve = async {
        let peer = server.asked().await;
        asked.send(()).unwrap();
        peer.hung_up().await;
    };
    let cancel = async {
        let mut stream = ask(&llm);
        tokio::select! {
            _ = stream.next() => panic!("nothing was answered"),
            asked = heard => asked.unwrap(),
        }
    };
    both(serve, cancel).await;
}

#[tokio::test]
async fn one_connection_serves_warming_and_two_answers() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    let serve = async {
        let mut peer = server.accept().await;
        let warming = peer.request().await;
        peer.answer("200 OK", "", "{\"data\":[]}").await;
        for _ in 0..2 {
            assert!(peer.request().await.starts_with("POST "));
            say_hello(&mut peer).await;
        }
        warming
    };
    let talk = async {
        llm.warm().await;
        llm.warm().await;
        for _ in 0..2 {
            assert_eq!(all(ask(&llm)).await, hello());
            llm.warm().await;
        }
    };
    let (warming, ()) = both(serve, talk).await;
    assert!(warming.starts_with("GET /v1/models HTTP/1.1\r\n"), "{warming}");
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn warming_in_vain_is_no_error() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    let serve = async { server.accept().await.reset() };
    both(serve, llm.warm()).await;
}

#[tokio::test]
async fn a_body_that_stays_open_after_the_end_does_not_hold_up_the_answer() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    let serve = async {
        let mut peer = server.asked().await;
        peer.begin(SSE).await;
        peer.chunk(HELLO).await;
        peer.chunk(STOP).await;
        peer.hung_up().await;
    };
    let (_, heard) = both(serve, all(ask(&llm))).await;
    assert_eq!(heard, hello());
}

#[tokio::test]
async fn a_wrong_tool_is_told_before_anything_is_sent() {
    let server = TestServer::listen().await;
    let tool =
        crate::stage::ToolSpec { name: "book".to_owned(), description: String::new(), parameters_json: "{".to_owned() };
    let request = LlmRequest { messages: vec![Message::text(Role::Caller, "Hi")], tools: vec![tool] };
    let error = refusal(all(llm(&server).generate(request)).await);
    assert!(error.fault() == Fault::Configuration && error.to_string().contains("book"), "{error}");
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn a_check_tells_whether_the_model_is_listed() {
    let listed = "{\"data\":[{\"id\":\"llama3.2:latest\"},{\"id\":\"openai/gpt-oss-20b\"},{\"object\":\"model\"}]}";
    for (model, preset, is_fine) in [
        ("openai/gpt-oss-20b", ChatPreset::Groq, true),
        ("llama3.2", ChatPreset::Ollama, true),
        ("gemma2-9b-it", ChatPreset::Groq, false),
        ("anything", ChatPreset::LlamaCpp, true),
    ] {
        let server = TestServer::listen().await;
        let llm = ChatLlm::new(ChatConfig { model: model.to_owned(), preset, ..config(&server) }).unwrap();
        let serve = async { server.asked().await.answer("200 OK", "", listed).await };
        let (_, outcome) = both(serve, llm.check()).await;
        match outcome {
            Ok(report) => assert!(is_fine, "{report:?}"),
            Err(error) => {
                assert!(!is_fine && error.fault() == Fault::Configuration, "{error}");
                assert!(error.to_string().contains("openai/gpt-oss-20b"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_by_its_setting() {
    let server = TestServer::listen().await;
    let llm = llm(&server);
    drop(server);
    let error = refusal(all(ask(&llm)).await);
    assert!(error.fault() == Fault::Engine && error.to_string().contains("GROQ_URL"), "{error}");
}

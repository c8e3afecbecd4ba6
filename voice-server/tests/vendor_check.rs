//! `voice-server check` against vendors' fakes: what works, what does not and which variable mends it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod vendor_support;

use socket2::{Domain, Socket, Type};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use vendor_support::{KEY, command, fakes, variables};

struct Said {
    code: Option<i32>,
    table: String,
    all: String,
}

/// Blocks: the fakes run on the other thread.
fn check(variables: &BTreeMap<&'static str, String>) -> Said {
    let output = command(variables, &["check"]).env("VOICE_LOG", "trace").output().expect("the command runs");
    let (table, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Said { code: output.status.code(), all: format!("{table}\n{log}"), table: table.into_owned() }
}

fn line<'a>(said: &'a Said, engine: &str) -> &'a str {
    said.table.lines().find(|line| line.contains(engine)).unwrap_or_else(|| panic!("{engine}: {}", said.table))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_vendor_that_works_is_told_with_its_time() {
    let fakes = fakes().await;
    let said = check(&variables(&fakes));
    assert_eq!(said.code, Some(0), "{}", said.table);
    for engine in ["Deepgram Flux", "Deepgram nova", "Groq openai/gpt-oss-20b", "Cartesia"] {
        assert!(line(&said, engine).contains("  yes  "), "{}", said.table);
    }
    assert!(!said.all.contains(KEY), "the key is in the output");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_one_sentence_that_names_its_variable_and_is_never_shown() {
    let fakes = fakes().await;
    for (variable, engine) in [
        ("DEEPGRAM_API_KEY", "Deepgram Flux"),
        ("GROQ_API_KEY", "Groq openai/gpt-oss-20b"),
        ("CARTESIA_API_KEY", "Cartesia"),
    ] {
        let mut variables = variables(&fakes);
        variables.insert(variable, "wr0ng-K3y-8d1c".into());
        let said = check(&variables);
        let line = line(&said, engine);
        assert!(said.code == Some(1) && line.contains("  NO  ") && line.contains(variable), "{}", said.table);
        assert!(!said.all.contains(KEY) && !said.all.contains("wr0ng-K3y-8d1c"), "a key is in the output");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_where_nobody_listens_is_told_with_its_variable() {
    let fakes = fakes().await;
    // Bound, so that it is nobody else's, and not listening.
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    bound.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let free = bound.local_addr().unwrap().as_socket().unwrap();
    let mut variables = variables(&fakes);
    for (variable, engine) in
        [("DEEPGRAM_URL", "Deepgram Flux"), ("GROQ_URL", "Groq openai/gpt-oss-20b"), ("CARTESIA_URL", "Cartesia")]
    {
        variables.insert(variable, format!("http://{free}/v1"));
        let said = check(&variables);
        let line = line(&said, engine);
        assert!(said.code == Some(1) && line.contains("  NO  ") && line.contains(variable), "{}", said.table);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_vendor_the_variables_that_add_one_are_named() {
    let said = check(&BTreeMap::new());
    assert_eq!(said.code, Some(0), "{}", said.all);
    for variable in ["DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY", "ELEVENLABS_API_KEY", "OLLAMA_URL"] {
        assert!(said.table.contains(variable), "{}", said.table);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_that_is_no_use_stops_the_start_and_is_not_shown() {
    for (variable, value) in [("GROQ_API_KEY", "sp4ce d-key"), ("CARTESIA_URL", "n0-address")] {
        let said = check(&BTreeMap::from([(variable, value.to_owned())]));
        assert!(said.code == Some(78) && said.all.contains(variable) && !said.all.contains(value), "{}", said.all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_is_insisted_on_needs_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("server.toml");
    std::fs::write(&config, "[agent]\nstt = [\"flux\", \"moonshine\"]\n").unwrap();
    let config = config.display().to_string();
    let output = command(&BTreeMap::new(), &["check", "--config", &config]).output().expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78));
    assert!(said.contains("agent.stt insists on flux: set DEEPGRAM_API_KEY"), "{said}");
}

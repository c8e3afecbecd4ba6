//! The command line: exit codes, and errors that say what is wrong.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::process::{Command, Output};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

fn voice_server(args: &[&str]) -> Output {
    voice_server_in(&[], args)
}

/// With these variables and no others that it reads, and with a data folder of its own: commands run side by side.
fn voice_server_in(variables: &[(&str, &str)], args: &[&str]) -> Output {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_voice-server"));
    command.env_clear().env("VOICE_DATA_DIR", data.path());
    command.envs(variables.iter().copied()).args(args);
    command.output().unwrap_or_else(|error| panic!("the command does not run: {error}"))
}

fn failure(args: &[&str]) -> (Option<i32>, String) {
    failure_in(&[], args)
}

fn failure_in(variables: &[(&str, &str)], args: &[&str]) -> (Option<i32>, String) {
    let output = voice_server_in(variables, args);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A file of its own with this text.
fn file(name: &str, text: &str) -> String {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/serve-cli");
    std::fs::create_dir_all(folder).unwrap();
    let path = format!("{folder}/{name}");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_wrong_flag_is_2_and_a_failure_is_1() {
    let (code, said) = failure(&["--bogus"]);
    assert!(code == Some(2) && said.contains("--bogus"), "{said}");
    let (code, said) = failure(&["serve", "--config", "/nowhere/at/all.toml"]);
    assert!(code == Some(1) && said.contains("/nowhere/at/all.toml cannot be read"), "{said}");
}

#[test]
fn a_configuration_that_cannot_work_is_78() {
    let no_toml = file("no.toml", "listen = [");
    let unknown = file("unknown.toml", "[limits]\nmax_kalls = 1\n");
    let insists = file("insists.toml", "[agent]\nllm = \"groq\"\n");
    let script = file("script.toml", "[agent]\ndialogue = \"dialogue.toml\"\n");
    file("dialogue.toml", "no dialogue at all");
    let bucket = file("bucket.toml", "[recordings]\nbucket = \"calls\"\nendpoint = \"http://objects.example\"\n");
    for (variables, args, named) in [
        (&[][..], &["--max-calls", "0"][..], "limits.max_calls is 0"),
        (&[], &["serve", "--config", &no_toml], "no.toml is wrong"),
        (&[], &["serve", "--config", &unknown], "max_kalls"),
        (&[], &["serve", "--config", &insists], "set GROQ_API_KEY"),
        (&[], &["serve", "--config", &script], "the dialogue script is wrong"),
        (&[], &["serve", "--config", &bucket], "recordings.endpoint is http://"),
        (&[("GROQ_API_KEY", "two words")], &["serve"], "GROQ_API_KEY"),
        (&[("OLLAMA_URL", "nowhere")], &["serve"], "OLLAMA_URL"),
        (&[("VOICE_LOG", "voice=aloud")], &["serve"], "VOICE_LOG"),
        (&[("OLLAMA_URL", "nowhere")], &["token"], "OLLAMA_URL"),
        (&[], &["token", "--config", &no_toml], "no.toml is wrong"),
        (&[("ENVIRONMENT", "prod")], &["db", "admin", "--user", NOBODY, "--tenant", "Acme"], "ENVIRONMENT is neither"),
        (&[], &["check", "--config", &insists], "set GROQ_API_KEY"),
    ] {
        let (code, said) = failure_in(variables, args);
        assert!(code == Some(78) && said.contains(named), "{variables:?} {args:?}: {code:?} {said}");
    }
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = failure(&["--listen", &address, "--models", "/nowhere/at/all"]);
    assert!(code == Some(1) && said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn the_version_is_told() {
    let output = voice_server(&["--version"]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), concat!("voice-server ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_turn_log_is_run_again_and_the_first_difference_named() {
    let log = "{\"turn_log\":1,\"rate\":8000,\"config\":{}}\n\
        {\"at_ns\":1500000000,\"in\":{\"command\":{\"hang_up\":\"caller_hung_up\"}}}\n\
        {\"out\":{\"end_call\":\"caller_hung_up\"}}\n";
    let same = voice_server(&["replay", &file("same.jsonl", log)]);
    let said = String::from_utf8_lossy(&same.stdout).into_owned();
    assert_eq!(same.status.code(), Some(0));
    assert_eq!(said, "identical: 1 inputs in 1.5 s of call gave 1 outputs\n");

    let other = log.replace("\"out\":{\"end_call\":\"caller_hung_up\"}", "\"out\":{\"pause\":1}");
    let (code, said) = failure(&["replay", &file("other.jsonl", &other)]);
    assert!(code == Some(1) && said.contains("line 3, 1.500 s") && said.contains("{\"pause\":1}"), "{said}");
    let (code, said) = failure(&["replay", &file("none.jsonl", "hello\n")]);
    assert!(code == Some(1) && said.contains("no turn log"), "{said}");
    let (code, said) = failure(&["replay", "/nowhere/at/all.jsonl"]);
    assert!(code == Some(1) && said.contains("/nowhere/at/all.jsonl cannot be opened"), "{said}");
}

//! The command line: exit codes, and errors that say what is wrong.

#![allow(clippy::panic, reason = "a panic is how a test fails")]

use std::process::{Command, Output};

fn voice_server(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_voice-server"));
    for variable in ["VOICE_CONFIG", "VOICE_LISTEN", "VOICE_MODELS_DIR", "VOICE_MAX_CALLS", "VOICE_LOG", "ENVIRONMENT"]
    {
        command.env_remove(variable);
    }
    command.env("VOICE_DATA_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/data"));
    command.args(args).output().unwrap_or_else(|error| panic!("the command does not run: {error}"))
}

fn failure(args: &[&str]) -> (Option<i32>, String) {
    let output = voice_server(args);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_wrong_flag_is_2_and_a_failure_is_1() {
    let (code, said) = failure(&["--bogus"]);
    assert!(code == Some(2) && said.contains("--bogus"), "{said}");
    let (code, said) = failure(&["serve", "--config", "/nowhere/at/all.toml"]);
    assert!(code == Some(1) && said.contains("/nowhere/at/all.toml cannot be read"), "{said}");
    let (code, said) = failure(&["--max-calls", "0"]);
    assert!(code == Some(1) && said.contains("limits.max_calls is 0"), "{said}");
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
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/turn-logs");
    std::fs::create_dir_all(folder).unwrap();
    let write = |name: &str, log: &str| {
        let file = format!("{folder}/{name}");
        std::fs::write(&file, log).unwrap();
        file
    };
    let log = "{\"turn_log\":1,\"rate\":8000,\"config\":{}}\n\
        {\"at_ns\":1500000000,\"in\":{\"command\":{\"hang_up\":\"caller_hung_up\"}}}\n\
        {\"out\":{\"end_call\":\"caller_hung_up\"}}\n";
    let same = voice_server(&["replay", &write("same.jsonl", log)]);
    let said = String::from_utf8_lossy(&same.stdout).into_owned();
    assert_eq!(same.status.code(), Some(0));
    assert_eq!(said, "identical: 1 inputs in 1.5 s of call gave 1 outputs\n");

    let other = log.replace("\"out\":{\"end_call\":\"caller_hung_up\"}", "\"out\":{\"pause\":1}");
    let (code, said) = failure(&["replay", &write("other.jsonl", &other)]);
    assert!(code == Some(1) && said.contains("line 3, 1.500 s") && said.contains("{\"pause\":1}"), "{said}");
    let (code, said) = failure(&["replay", &write("none.jsonl", "hello\n")]);
    assert!(code == Some(1) && said.contains("no turn log"), "{said}");
    let (code, said) = failure(&["replay", "/nowhere/at/all.jsonl"]);
    assert!(code == Some(1) && said.contains("/nowhere/at/all.jsonl cannot be opened"), "{said}");
}

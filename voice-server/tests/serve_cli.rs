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

//! The command: what it does not start with, the tokens it signs, and that none of them is in its log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const SECRET: &str = "a-secret-of-a-project-that-is-long-enough";

fn command(data: &Path, variables: &[(&str, &str)], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_voice-server"));
    command.env_clear().envs(variables.iter().copied()).env("VOICE_DATA_DIR", data);
    command.env("VOICE_MODELS_DIR", "/nowhere/at/all").args(args);
    command
}

fn run(data: &Path, variables: &[(&str, &str)], args: &[&str]) -> Output {
    command(data, variables, args).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn production_does_not_start_without_somebody_to_trust() {
    let folder = tempfile::tempdir().unwrap();
    let production = ("ENVIRONMENT", "production");
    let supabase = ("SUPABASE_URL", "https://project.supabase.co");
    for (variables, named) in [
        (&[production][..], "SUPABASE_URL"),
        (&[production, ("SUPABASE_JWT_SECRET", SECRET)], "SUPABASE_JWT_ISSUER"),
        (&[production, ("SUPABASE_JWT_SECRET", "short-secret"), supabase], "SUPABASE_JWT_SECRET has 12 bytes"),
        (&[("SUPABASE_JWT_SECRET", "short-secret"), supabase], "SUPABASE_JWT_SECRET has 12 bytes"),
        (&[production, ("SUPABASE_URL", "http://project.supabase.co")], "SUPABASE_URL is http"),
        (&[("SUPABASE_URL", "http://project.supabase.co")], "SUPABASE_URL is http"),
        (&[production, ("SUPABASE_URL", "project.supabase.co")], "SUPABASE_URL is no address"),
        (&[("ENVIRONMENT", "prod")], "ENVIRONMENT is neither"),
        (&[("ENVIRONMENT", "Production")], "ENVIRONMENT is neither"),
    ] {
        let output = run(folder.path(), variables, &["serve", "--listen", "127.0.0.1:0"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{variables:?}: {said}");
        assert!(said.contains(named) && !said.contains("short-secret") && !said.contains(SECRET), "{said}");
        assert!(output.stdout.is_empty(), "it listened");
    }
}

#[test]
fn production_signs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &[("ENVIRONMENT", "production")], &["token"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(78), 0));
    assert!(text(&output.stderr).contains("in development only"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no key was made");
}

#[test]
fn a_token_is_printed_alone_and_its_key_is_for_the_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = run(&data, &[], &["token", "--tenant", "acme", "--user", "ann", "--role", "admin", "--ttl", "5m"]);
    let (token, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(token.ends_with('\n') && token.trim().split('.').count() == 3 && token.lines().count() == 1, "{token}");
    let mode = fs::metadata(data.join("local-issuer.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = run(&data, &[], &["token", "--tenant", "acme", "--user", "ann", "--role", "member"]);
    assert!(!again.status.success() && text(&again.stderr).contains("another --user"), "{}", text(&again.stderr));
    let wrong = run(&data, &[], &["token", "--ttl", "1y"]);
    assert!(wrong.status.code() == Some(2) && text(&wrong.stderr).contains("15m"), "{}", text(&wrong.stderr));
}

/// The command as a process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server in development, and where it listens.
fn serve(data: &Path, variables: &[(&str, &str)], log: Stdio) -> (Running, BufReader<ChildStdout>, String) {
    let mut server = command(data, variables, &["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Running(server.stdout(Stdio::piped()).stderr(log).spawn().unwrap());
    let mut stdout = BufReader::new(server.0.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").expect("where it listens").to_owned();
    (server, stdout, address)
}

fn tone(folder: &Path) -> PathBuf {
    let path = folder.join("tone.wav");
    let sample_format = hound::SampleFormat::Int;
    let spec = hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    (0..16_000).for_each(|n| writer.write_sample((9_000.0 * (n as f32 * 0.17).cos()) as i16).unwrap());
    writer.finalize().unwrap();
    path
}

#[test]
fn a_call_needs_no_set_up_in_development() {
    let folder = tempfile::tempdir().unwrap();
    let (data, tone) = (folder.path().join("data"), tone(folder.path()));
    let tone = tone.to_str().unwrap();
    let (_server, _stdout, address) = serve(&data, &[], Stdio::null());
    let url = format!("ws://{address}");
    let there = run(&data, &[], &["call", tone, "--server", &url]);
    assert!(there.status.success(), "{}{}", text(&there.stdout), text(&there.stderr));
    let token = text(&run(&data, &[], &["token"]).stdout);
    let elsewhere = folder.path().join("elsewhere");
    let without = run(&elsewhere, &[], &["call", tone, "--server", &url]);
    assert!(!without.status.success() && text(&without.stderr).contains("--token"), "{}", text(&without.stderr));
    let with = run(&elsewhere, &[("VOICE_TOKEN", token.trim())], &["call", tone, "--server", &url]);
    assert!(with.status.success(), "{}", text(&with.stderr));
    let wrong = run(&elsewhere, &[("VOICE_TOKEN", "a.b.c")], &["call", tone, "--server", &url]);
    assert!(text(&wrong.stderr).contains("HTTP 401"), "{}", text(&wrong.stderr));
    let own = run(&folder.path().join("own"), &[], &["call", tone]);
    assert!(own.status.success(), "{}{}", text(&own.stdout), text(&own.stderr));
}

/// The status of an answer to `request`, which is sent as it is.
fn status(address: &str, request: &str) -> u16 {
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

/// A call whose token comes in its first message; gives what the server says to it.
fn call_with_message(address: &str, token: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET /v1/call HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n").as_bytes()).unwrap();
    let message = format!(r#"{{"type":"auth","token":"{token}"}}"#);
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    // A text, masked with zeros; then a close.
    let frame = [&[0x81, 0xfe][..], &length, &[0; 4], message.as_bytes(), &[0x88, 0x80, 0, 0, 0, 0]].concat();
    stream.write_all(&frame).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    said
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn call(address: &str, path: &str, headers: &str) -> u16 {
    status(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n{UPGRADE}{headers}\r\n"))
}

#[test]
fn no_token_and_no_key_is_in_the_log_however_much_it_logs() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let token = text(&run(&data, &[], &["token"]).stdout).trim().to_owned();
    let project = ("SUPABASE_JWT_ISSUER", "https://project.supabase.co/auth/v1");
    let variables = [("VOICE_LOG", "trace,[call]=trace"), ("SUPABASE_JWT_SECRET", SECRET), project];
    let (mut server, mut stdout, address) = serve(&data, &variables, fs::File::create(&log).unwrap().into());

    let (forged, ticket) = (format!("{token}x"), "dGlja2V0LXRpY2tldC1ubw");
    for (path, headers, expected) in [
        ("/v1/call", format!("Authorization: Bearer {token}\r\n"), 101),
        ("/v1/call", format!("Sec-WebSocket-Protocol: voice.v1, bearer.{token}\r\n"), 101),
        ("/v1/call", format!("Authorization: Bearer {forged}\r\n"), 401),
        (&format!("/v1/call?token={token}"), String::new(), 400),
        (&format!("/v1/call?ticket={ticket}"), String::new(), 401),
    ] {
        assert_eq!(call(&address, path, &headers), expected, "{path}");
    }
    let said = call_with_message(&address, &token);
    assert!(said.starts_with(b"HTTP/1.1 101"), "{}", text(&said));
    let post =
        format!("POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer {token}\r\n\r\n");
    assert_eq!(status(&address, &post), 201);

    let told = Command::new("kill").args(["-TERM", &server.0.id().to_string()]).status().unwrap();
    assert!(told.success() && server.0.wait().unwrap().success());
    let mut written = String::new();
    stdout.read_to_string(&mut written).unwrap();
    written += &fs::read_to_string(&log).unwrap();
    for expected in ["TRACE", "not let in", "signature"] {
        assert!(written.contains(expected), "{expected} is not logged, so this test shows nothing");
    }
    let key = fs::read_to_string(data.join("local-issuer.key")).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    for secret in [&token, signature, key.trim(), SECRET, ticket] {
        let line = written.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{}", line.unwrap_or_default());
    }
}

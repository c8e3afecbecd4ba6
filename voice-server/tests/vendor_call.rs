//! A whole call through the fakes of Flux, a chat server and Cartesia, over real sockets: the same conversation as with
//! engines of this machine, billed by engine, and no key anywhere.
//!
//! It takes as long as it sounds. What is asserted does not depend on how fast the machine is.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod access_support;
mod vendor_support;

use access_support::Access;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::io::duplex;
use tokio::net::TcpStream;
use vendor_support::{KEY, REPLIES, TURNS, caller, command, fakes, variables};
use voice_core::provider::scripted::LoudVad;
use voice_core::session::Agent;
use voice_server::caller::{BargeInLine, CallArgs, CallReport, place};
use voice_server::{Environment, Prices, ServerConfig, ServerLimits, Settings, build_agent, serve_connection};

const PRICES: &str = "
[\"Deepgram Flux flux-general-en\"]
audio_minute = 0.01
[\"Groq openai/gpt-oss-20b\"]
input_mtok = 1.0
cached_mtok = 0.5
output_mtok = 4.0
[\"Cartesia sonic-3.5\"]
characters_k = 0.05
";

/// The conversation that every chain of engines shall hold: a question, its answer talked over, an answer to that.
fn the_conversation_is_held(report: &CallReport) -> &BargeInLine {
    let words: Vec<_> = report.turns.iter().map(|turn| turn.caller_text.as_str()).collect();
    assert_eq!(words, TURNS, "{report}");
    let outcomes: Vec<_> = report.turns.iter().map(|turn| turn.outcome.as_str()).collect();
    assert_eq!(outcomes, ["barged_in", "completed"], "{report}");
    assert_eq!(report.turns[0].reply_text, REPLIES[0]);
    assert_eq!(report.turns[1].heard_text, REPLIES[1], "{report}");
    let cut = &report.turns[0];
    assert!(cut.reply_text.starts_with(&cut.heard_text) && cut.heard_text.len() < cut.reply_text.len(), "{report}");
    let committed = report.barge_ins.iter().find(|overlap| overlap.decision == "committed").expect("an interruption");
    assert_eq!((committed.samples_after_signal, &committed.heard_text), (0, &cut.heard_text), "{report}");
    committed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_through_the_fakes_is_held_and_billed_by_engine() {
    let fakes = fakes().await;
    let folder = tempfile::tempdir().unwrap();
    let variables = variables(&fakes);
    let environment = Environment::read(|name| variables.get(name).cloned()).expect("an environment");
    let settings = Settings { environment, models: "/nowhere/at/all".into(), ..Settings::default() };
    let built = build_agent(&settings).expect("an agent");
    assert!(
        built.notes.iter().any(|note| note == "stt: Deepgram Flux flux-general-en, then Deepgram nova-3"),
        "{:?}",
        built.notes
    );
    assert!(built.notes.iter().any(|note| note.starts_with("tts: Cartesia sonic-3.5")), "{:?}", built.notes);
    let mut agent = Agent { vad: Arc::new(LoudVad), ..built.agent };
    // The end of a turn is Flux's, however late a busy machine hears of it.
    agent.config.turn.eot_backstop_ms = 10_000;
    let prices: Prices = toml::from_str(PRICES).unwrap();
    let access = Access::new().await;
    let config = ServerConfig { prices, ..access.config(agent, ServerLimits::default()) };
    let (near, far) = duplex(1 << 20);
    let args = CallArgs { token: Some(access.token()), ..caller(folder.path()) };
    let ((report, end), ()) = tokio::join!(place(near, &args), serve_connection(far, config));
    end.expect("the call ends in order");
    let report = report.expect("the call began");
    let committed = the_conversation_is_held(&report);
    assert!(["start_of_turn", "words"].contains(&committed.cause.as_str()), "{report}");
    assert!(report.turns.iter().all(|turn| turn.eot_source.as_deref() == Some("stt")), "{report}");
    the_bill_is_right(&report);
}

fn the_bill_is_right(report: &CallReport) {
    let bill = report.cost.as_ref().expect("a bill");
    assert_eq!(bill.currency.as_deref(), Some("USD"));
    let engine = |name: &str| bill.engines.iter().find(|engine| engine.engine == name).expect(name);
    let (ears, brain, voice) =
        (engine("Deepgram Flux flux-general-en"), engine("Groq openai/gpt-oss-20b"), engine("Cartesia sonic-3.5"));
    assert_eq!([&ears.stage, &brain.stage, &voice.stage], ["stt", "llm", "tts"]);
    assert!(ears.used.audio_ms as f64 >= report.audio.sent_ms - 2_000.0, "{report}");
    assert!(brain.used.generations >= 2 && brain.used.output_tokens >= 25, "{report}");
    assert!(voice.used.characters as usize >= REPLIES[1].len(), "{report}");
    let amounts = bill.engines.iter().map(|engine| nanos(engine.amount.as_deref().expect("a price")));
    // Each shown amount and the shown total are rounded to a billionth.
    assert!(amounts.sum::<u64>().abs_diff(nanos(bill.total.as_deref().unwrap())) <= 2, "{report}");
    assert!(report.to_string().contains("cost: "), "{report}");
}

fn nanos(amount: &str) -> u64 {
    let (units, decimals) = amount.split_once('.').unwrap();
    units.parse::<u64>().unwrap() * 1_000_000_000 + format!("{decimals:0<9}").parse::<u64>().unwrap()
}

/// The command as a process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Blocks here and there: the fakes and the caller run on the other threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_key_is_nowhere_in_what_a_server_writes_during_a_call_however_much_it_logs() {
    let fakes = fakes().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut server = command(&variables(&fakes), &["serve", "--listen", "127.0.0.1:0"]);
    server.env("VOICE_LOG", "trace,tungstenite=trace,[call]=trace");
    server.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
    let mut server = Running(server.spawn().expect("the command runs"));
    let mut stdout = BufReader::new(server.0.stdout.take().unwrap());
    let mut written = String::new();
    stdout.read_line(&mut written).unwrap();
    let address = written.trim().strip_prefix("listening on ").expect("where it listens").to_owned();

    let token = command(&BTreeMap::new(), &["token"]).output().expect("the command runs").stdout;
    let token = String::from_utf8(token).unwrap().trim().to_owned();
    let line = TcpStream::connect(address).await.unwrap();
    let args = CallArgs { token: Some(token.into()), ..caller(folder.path()) };
    let (report, end) = place(line, &args).await;
    end.expect("the call ends in order");
    assert!(report.expect("the call began").cost.is_some());

    let told = Command::new("kill").args(["-TERM", &server.0.id().to_string()]).status().unwrap();
    assert!(told.success() && server.0.wait().unwrap().success());
    stdout.read_to_string(&mut written).unwrap();
    written += &std::fs::read_to_string(&log).unwrap();
    for expected in ["TRACE", "tungstenite", "hyper", "call used"] {
        assert!(written.contains(expected), "{expected} is not logged, so this test shows nothing");
    }
    assert_eq!(fakes.log().counts().refused, 0, "the key was sent");
    assert!(!written.contains(KEY), "{}", written.lines().find(|line| line.contains(KEY)).unwrap_or_default());
}

//! Starting the fakes and telling the operator how to use them.

use super::{FakesArgs, FakesError};
use crate::agent::Here;
use crate::environment::Account;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tracing::info;
use voice_core::provider::fakes::{Ear, FakeTurn, Fakes, FakesConfig, FaultScript};

/// What is printed for a key where any is accepted.
const ANY_KEY: &str = "any";

/// What ears without a model hear, one for each stretch of speech on a connection.
const TURNS: [&str; 4] =
    ["I would like an appointment please", "on Tuesday at three", "my name is Anna Miller", "thank you, goodbye"];
/// A model that the fakes list.
const MODEL: &str = "openai/gpt-oss-20b";
/// The fakes take any word for a voice.
const ANY_VOICE: &str = "any";

pub(super) async fn serve(args: &FakesArgs, stop: impl Future<Output = ()>) -> Result<(), FakesError> {
    let config = config(args)?;
    let fakes = Fakes::start(config).await.map_err(|reason| FakesError::Listen { port: args.port, reason })?;
    println!("fakes on {}; in another terminal:", fakes.address());
    for line in exports(&fakes.http_url(), args.key.as_deref().unwrap_or(ANY_KEY)) {
        println!("{line}");
    }
    stop.await;
    let counts = fakes.log().counts();
    info!(connections = counts.connections, refused = counts.refused, faults = counts.faults, "the fakes stop");
    Ok(())
}

fn config(args: &FakesArgs) -> Result<FakesConfig, FakesError> {
    let faults = args.faults.as_deref().map(read_faults).transpose()?.unwrap_or_default();
    let here = Here::find(args.models.as_deref().unwrap_or(Path::new(".models")));
    let mut config = FakesConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
        key: args.key.clone(),
        faults,
        ..FakesConfig::default()
    };
    match here.ears() {
        Ok(ears) => {
            config.flux.ear = Ear::Engine(ears.clone());
            config.nova.ear = Ear::Engine(ears);
            info!("ears: Moonshine");
        }
        Err(reason) if args.local => return Err(FakesError::Missing { engine: "Moonshine", reason }),
        Err(reason) => {
            config.flux.ear = Ear::Script(TURNS.map(FakeTurn::new).into());
            config.nova.ear = config.flux.ear.clone();
            info!("ears: a script that notices speech and hears what it says; Moonshine would be better: {reason}");
        }
    }
    match here.voice() {
        Ok(voice) => {
            config.speech.voice = voice.clone();
            config.cartesia.voice = voice.clone();
            config.elevenlabs.voice = voice;
            info!("voice: SVOX Pico");
        }
        Err(reason) if args.local => return Err(FakesError::Missing { engine: "SVOX Pico", reason }),
        Err(reason) => info!("voice: tones in the rhythm of the words; SVOX Pico would be better: {reason}"),
    }
    if let Ok(brain) = here.brain() {
        config.chat.brain = brain;
    }
    Ok(config)
}

fn read_faults(path: &Path) -> Result<FaultScript, FakesError> {
    let refused = |reason: String| FakesError::Faults { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    toml::from_str(&text).map_err(|error| refused(error.to_string()))
}

/// Lines for a shell that make a server use the fakes for everything.
fn exports(base: &str, key: &str) -> Vec<String> {
    let accounts = [Account::Deepgram, Account::Groq, Account::OpenAi, Account::Cartesia, Account::ElevenLabs];
    let mut lines = Vec::new();
    for account in accounts {
        let path = if account.is_openai_compatible() { "/v1" } else { "" };
        lines.push(format!("export {}='{base}{path}'", account.url_variable()));
        lines.push(format!("export {}='{}'", account.key_variable(), key.replace('\'', r"'\''")));
        let choice = if account.is_openai_compatible() { MODEL } else { ANY_VOICE };
        lines.extend(account.choice_variable().map(|variable| format!("export {variable}={choice}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_printed_is_an_environment_with_every_vendor() {
        let lines = exports("http://127.0.0.1:1234", "k");
        let value = |name: &str| {
            let assigned =
                lines.iter().find_map(|line| line.strip_prefix("export ")?.strip_prefix(name)?.strip_prefix('='));
            assigned.map(|value| value.trim_matches('\'').to_owned())
        };
        let environment = Environment::read(value).unwrap();
        assert_eq!(environment.url(Account::Groq), Some("http://127.0.0.1:1234/v1"));
        assert_eq!(environment.url(Account::Cartesia), Some("http://127.0.0.1:1234"));
        for account in [Account::Deepgram, Account::Groq, Account::OpenAi, Account::Cartesia, Account::ElevenLabs] {
            assert!(environment.has(account), "{account:?}");
        }
    }

    #[test]
    fn a_script_of_faults_that_cannot_be_read_is_named() {
        let args = FakesArgs { faults: Some("/nowhere/faults.toml".into()), ..FakesArgs::default() };
        assert!(config(&args).err().unwrap().to_string().contains("/nowhere/faults.toml"));
    }

    #[test]
    fn the_example_of_faults_reads_and_has_each_once() {
        let script: FaultScript = toml::from_str(include_str!("../../faults.example.toml")).unwrap();
        let name = |debug: String| debug.split([' ', '{']).next().unwrap_or_default().to_owned();
        let names: BTreeSet<_> = script.rules.iter().map(|rule| name(format!("{:?}", rule.fault))).collect();
        assert_eq!(names.len(), script.rules.len(), "{names:?}");
        let wrong = r#"rules = [{ service = "flux", fault = "no such fault" }]"#;
        let refused = toml::from_str::<FaultScript>(wrong).unwrap_err().to_string();
        let missing: Vec<_> = refused.split('`').skip(1).step_by(2).filter(|name| is_left_out(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// Whether the example says nothing of the fault of that name.
    fn is_left_out(fault: &str) -> bool {
        let example = include_str!("../../faults.example.toml");
        let [plain, with_fields] = [format!("fault = \"{fault}\""), format!("fault = {{ {fault} = ")];
        fault != "no such fault" && !example.contains(&plain) && !example.contains(&with_fields)
    }
}

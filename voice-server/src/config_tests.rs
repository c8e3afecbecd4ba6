use super::*;
use std::io::Write;
use voice_core::turn::BargeInPolicy;

fn load(toml: &str, mut args: ServeArgs) -> Result<Settings, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(toml.as_bytes()).unwrap();
    args.config = Some(file.path().to_owned());
    Settings::load(&args, Environment::default())
        .map_err(|error| error.to_string().replace(&file.path().display().to_string(), "FILE"))
}

#[test]
fn an_empty_file_and_no_file_are_the_defaults() {
    let defaults = format!("{:?}", Settings::default());
    assert_eq!(format!("{:?}", load("", ServeArgs::default()).unwrap()), defaults);
    let without_file = Settings::load(&ServeArgs::default(), Environment::default()).unwrap();
    assert_eq!(format!("{without_file:?}"), defaults);
}

#[test]
fn the_example_names_every_key_with_its_default() {
    let example = include_str!("../config.example.toml");
    let read = load(example, ServeArgs::default()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", Settings::default()));
    let mut table: toml::Table = example.parse().unwrap();
    let turn = table.remove("turn").unwrap();
    let named: Vec<_> = turn.as_table().unwrap().keys().cloned().collect();
    let all = serde_json::to_value(TurnConfig::default()).unwrap();
    let missing: Vec<_> = all.as_object().unwrap().keys().filter(|key| !named.contains(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Names of the fields of a struct without fields that are structs themselves.
#[cfg(feature = "vendors")]
fn fields_of(config: &dyn std::fmt::Debug) -> Vec<String> {
    let text = format!("{config:#?}");
    let fields = text.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(':'));
    fields.map(|(name, _)| name.to_owned()).filter(|name| !name.starts_with([' ', '}', ')'])).collect()
}

#[cfg(feature = "vendors")]
#[test]
fn the_example_names_every_key_of_the_vendors() {
    let example = include_str!("../config.example.toml");
    let defaults = Settings::default();
    let sections: [(&str, &dyn std::fmt::Debug); 7] = [
        ("flux", &defaults.flux),
        ("nova", &defaults.nova),
        ("groq", &defaults.groq),
        ("openai.speech", &defaults.openai.speech),
        ("cartesia", &defaults.cartesia),
        ("elevenlabs", &defaults.elevenlabs),
        ("fallback", &defaults.fallback),
    ];
    for (section, config) in sections {
        let (_, rest) = example.split_once(&format!("\n[{section}]")).expect("the section");
        let text = rest.split("\n[").next().unwrap_or_default();
        let names = |field: &str| {
            let starts = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{field} = "));
            text.lines().any(starts) || rest.contains(&format!("\n[{section}.{field}]"))
        };
        let elsewhere = ["key", "url", "preset"];
        let fields = fields_of(config);
        assert!(fields.len() >= 5, "{section}: {fields:?}");
        let missing: Vec<_> =
            fields.iter().filter(|field| !elsewhere.contains(&field.as_str()) && !names(field)).collect();
        assert!(missing.is_empty(), "[{section}] does not name {missing:?}");
    }
}

#[cfg(feature = "vendors")]
#[test]
fn a_wrong_key_of_a_vendor_is_named_and_a_key_in_the_file_is_one() {
    for (toml, named) in [
        ("[flux]\nmodle = \"x\"\n", "modle"),
        ("[openai]\nmodle = \"x\"\n", "modle"),
        ("[openai.speech]\nvoise = \"x\"\n", "voise"),
        ("[cartesia]\nkey = \"secret\"\n", "key"),
    ] {
        let said = load(toml, ServeArgs::default()).unwrap_err();
        assert!(said.contains("FILE") && said.contains("line ") && said.contains(named), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn an_empty_prompt_is_none() {
    let turn = load("[turn]\nidle_prompt = \"\"\n", ServeArgs::default()).unwrap().turn;
    assert_eq!((turn.idle_prompt, turn.not_heard_prompt), (None, TurnConfig::default().not_heard_prompt));
}

#[test]
fn a_flag_overrules_the_file() {
    let file = "listen = \"127.0.0.1:1\"\n[limits]\nmax_calls = 7\nidle_ms = 9\n";
    let args = ServeArgs { max_calls: Some(8), ..ServeArgs::default() };
    let settings = load(file, args).unwrap();
    assert_eq!(settings.listen, SocketAddr::from(([127, 0, 0, 1], 1)));
    assert_eq!((settings.limits.max_calls, settings.limits.idle_ms), (8, 9));
}

#[test]
fn the_turn_policy_is_set_by_name() {
    let turn = load("[turn]\nbarge_in = { min_words = 2 }\neot_unclear_ms = 900\n", ServeArgs::default()).unwrap().turn;
    assert_eq!((turn.barge_in, turn.eot_unclear_ms), (BargeInPolicy::MinWords(2), 900));
    assert_eq!(
        load("[turn]\nbarge_in = \"never\"\n", ServeArgs::default()).unwrap().turn.barge_in,
        BargeInPolicy::Never
    );
}

#[test]
fn a_dialogue_is_found_beside_the_file() {
    let settings = load("[agent]\ndialogue = \"booking.toml\"\n", ServeArgs::default()).unwrap();
    let script = settings.agent.dialogue.unwrap();
    assert!(script.is_absolute() && script.ends_with("booking.toml"), "{}", script.display());
}

#[test]
fn an_error_names_the_file_the_line_and_the_key() {
    let unknown = load("\n[limits]\nmax_cals = 3\n", ServeArgs::default()).unwrap_err();
    assert!(unknown.contains("FILE") && unknown.contains("line 3") && unknown.contains("max_cals"), "{unknown}");
    let range = load("[limits]\nidle_ms = 0\n", ServeArgs::default()).unwrap_err();
    assert_eq!(range, "limits.idle_ms is 0; it must be at least 1");
    let long = load("[turn]\nmax_call_ms = 86_400_000\n", ServeArgs::default()).unwrap_err();
    assert!(long.starts_with("turn.max_call_ms is not below 86400000"), "{long}");
    assert!(load("[turn]\nmax_call_ms = 86_399_999\n", ServeArgs::default()).is_ok());
    let logs = "[limits]\nturn_log_bytes = 10\nwaiting_turn_logs_bytes = ";
    let small = load(&format!("{logs}9\n"), ServeArgs::default()).unwrap_err();
    assert!(small.starts_with("limits.waiting_turn_logs_bytes is below limits.turn_log_bytes"), "{small}");
    assert!(load(&format!("{logs}10\n"), ServeArgs::default()).is_ok());
    let args = ServeArgs { config: Some("/nowhere/x.toml".into()), ..ServeArgs::default() };
    assert!(
        Settings::load(&args, Environment::default())
            .unwrap_err()
            .to_string()
            .contains("/nowhere/x.toml cannot be read")
    );
}

use super::super::super::address::listen;
use super::super::super::link::vendor;
use super::*;

fn url(config: &FluxConfig) -> String {
    listen(&vendor("Deepgram Flux", None), &config.url, "v2", &config.query()).unwrap()
}

#[test]
fn the_defaults_are_valid_and_said() {
    let config = FluxConfig::default();
    assert_eq!(config.checked(), Ok(()));
    let settings = "model=flux-general-en&eot_threshold=0.7&eager_eot_threshold=0.5&eot_timeout_ms=5000";
    let audio = "encoding=linear16&sample_rate=16000";
    assert_eq!(url(&config), format!("https://api.deepgram.com/v2/listen?{audio}&{settings}"));
}

#[test]
fn every_setting_is_said() {
    let config = FluxConfig {
        model: "flux-general-multi".to_owned(),
        eager_eot_threshold: None,
        keyterms: vec!["order number".to_owned(), "Wexford".to_owned()],
        language_hints: vec!["en".to_owned(), "de".to_owned()],
        tags: vec!["night".to_owned()],
        numerals: true,
        profanity_filter: true,
        mip_opt_out: true,
        ..FluxConfig::default()
    };
    assert_eq!(config.checked(), Ok(()));
    let lists = "keyterm=order+number&keyterm=Wexford&language_hint=en&language_hint=de&tag=night";
    let switches = "numerals=true&profanity_filter=true&mip_opt_out=true";
    assert!(url(&config).ends_with(&format!("eot_timeout_ms=5000&{lists}&{switches}")), "{}", url(&config));
    assert!(!url(&config).contains("eager"));
}

#[test]
fn what_deepgram_would_refuse_is_refused_here_by_name() {
    let base = FluxConfig::default;
    let hints = vec!["en".to_owned()];
    let table = [
        ("model", FluxConfig { model: String::new(), ..base() }),
        ("eot_threshold", FluxConfig { eot_threshold: 0.49, ..base() }),
        ("eot_threshold", FluxConfig { eot_threshold: f32::NAN, ..base() }),
        ("eager_eot_threshold", FluxConfig { eager_eot_threshold: Some(0.29), ..base() }),
        ("eager_eot_threshold", FluxConfig { eager_eot_threshold: Some(0.71), ..base() }),
        ("eager_eot_threshold", FluxConfig { eot_threshold: 1.0, eager_eot_threshold: Some(0.91), ..base() }),
        ("eot_timeout_ms", FluxConfig { eot_timeout_ms: 499, ..base() }),
        ("eot_timeout_ms", FluxConfig { eot_timeout_ms: 60_001, ..base() }),
        ("keyterms", FluxConfig { keyterms: vec!["x".to_owned(); 101], ..base() }),
        ("keyterms", FluxConfig { keyterms: vec![String::new()], ..base() }),
        ("language_hints", FluxConfig { language_hints: hints, ..base() }),
        ("tags", FluxConfig { tags: vec!["x".repeat(129)], ..base() }),
        ("chunk_ms", FluxConfig { chunk_ms: 0, ..base() }),
        ("catch_up_percent", FluxConfig { catch_up_percent: 100, ..base() }),
        ("backlog_ms", FluxConfig { backlog_ms: 0, ..base() }),
        ("connected_ms", FluxConfig { connected_ms: 0, ..base() }),
    ];
    for (field, config) in table {
        let refusal = config.checked().unwrap_err();
        assert!(refusal.starts_with(&format!("{field} ")), "{field}: {refusal}");
    }
}

#[test]
fn it_is_read_from_a_file_without_key_and_address() {
    let config: FluxConfig = toml::from_str(
        "model = \"flux-general-multi\"\neager_eot_threshold = \"off\"\nforce_end_turn = \"on\"\nkeyterms = [\"Wexford\"]",
    )
    .unwrap();
    assert_eq!((config.eager_eot_threshold, config.force_end_turn), (None, ForceEndTurn::On));
    assert_eq!(config.eot_timeout_ms, 5_000);
    let eager: FluxConfig = toml::from_str("eager_eot_threshold = 0.4").unwrap();
    assert_eq!(eager.eager_eot_threshold, Some(0.4));
    for wrong in ["url = \"https://h\"", "key = \"secret\"", "eager_eot_threshold = \"never\"", "speed = 1"] {
        assert!(toml::from_str::<FluxConfig>(wrong).is_err(), "{wrong}");
    }
}

//! Who may use whom: reads the sources and fails on any arrow that is not allowed.
//!
//! The leaves (`audio`, `text`, `history`, `metrics`, `pace`) use nothing; everyone may use `units`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the crate and what each may use of the others.
const ALLOWED: &[(&str, &[&str])] = &[
    ("session", &["turn", "stage", "transport", "text", "history", "audio", "metrics", "pace"]),
    ("provider", &["stage", "audio"]),
    ("transport", &["audio", "pace"]),
    ("turn", &["text", "history", "metrics"]),
    ("turn_log", &["turn"]),
    ("stage", &[]),
    ("audio", &[]),
    ("text", &[]),
    ("history", &[]),
    ("metrics", &[]),
    ("pace", &[]),
    ("units", &[]),
];

/// What the turn machine must not know: it has no task, no stream and no clock of its own.
const NOT_IN_TURN: &[&str] = &["tokio", "futures", "Instant::now", "SystemTime"];

/// Crates that would make the library a server.
const SERVER_CRATES: &[&str] = &["axum", "sqlx", "tokio-postgres", "jsonwebtoken", "clap"];

/// The modules that a source names after `crate::`, grouped imports and inline paths included.
fn used_modules(source: &str) -> Vec<String> {
    let code = production_code(source);
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = code[at + "crate::".len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => used.extend(heads_of_group(group)),
            None => used.extend(identifier(rest)),
        }
    }
    used
}

/// The first name of each path of a group, whose brace is open.
fn heads_of_group(group: &str) -> Vec<String> {
    let (mut heads, mut depth, mut path) = (Vec::new(), 0, String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(identifier(std::mem::take(&mut path).trim())),
            _ if depth == 0 => path.push(c),
            _ => {}
        }
    }
    heads.extend(identifier(path.trim()));
    heads
}

fn identifier(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The source without comments and without the tests at its end.
fn production_code(source: &str) -> String {
    let tests = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
    let lines = source[..tests].lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// What is wrong with a source of `module`, a sentence each.
fn offences(module: &str, source: &str) -> Vec<String> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{module} is not among the modules: give it its place here")];
    };
    let may_use = |used: &str| used == module || used == "units" || allowed.contains(&used);
    let is_module = |used: &str| ALLOWED.iter().any(|(name, _)| *name == used);
    let arrows = used_modules(source).into_iter().filter(|used| is_module(used) && !may_use(used));
    let mut offences: Vec<String> = arrows.map(|used| format!("{module} uses {used}")).collect();
    if module == "turn" {
        let code = production_code(source);
        let known = NOT_IN_TURN.iter().filter(|name| code.contains(**name));
        offences.extend(known.map(|name| format!("turn knows {name}")));
    }
    offences
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_module_uses_only_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 50, "only {} sources were found", found.len());
    let mut wrong = Vec::new();
    for path in found {
        let inner = path.strip_prefix(&root).unwrap();
        let module = inner.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let is_test = inner.file_stem().is_some_and(|stem| stem.to_str().unwrap().ends_with("tests"));
        if module != "lib" && !is_test {
            let source = fs::read_to_string(&path).unwrap();
            wrong
                .extend(offences(module, &source).into_iter().map(|offence| format!("{}: {offence}", inner.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_library_needs_no_server() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    for line in manifest.lines() {
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        assert!(!SERVER_CRATES.contains(&name) && name != "voice-server", "voice-core depends on {name}");
    }
}

#[test]
fn forbidden_arrows_are_seen_however_they_are_written() {
    let forbidden = [
        ("session", "use crate::provider::scripted::ScriptedStt;"),
        ("session", "use crate::{provider::x, units::ReplyId};"),
        ("session", "use crate::{\n    audio::{Frame, Resampler},\n    provider::{a, b::{c}},\n};"),
        ("session", "fn open() { let _ = crate::provider::scripted::ScriptedStt::manual(); }"),
        ("session", "pub(crate) use crate::provider;"),
        ("provider", "use crate::turn::TurnConfig;"),
        ("provider", "use crate::text::words;"),
        ("transport", "use crate::session::Session;"),
        ("turn", "use crate::audio::Frame;"),
        ("turn", "use tokio::time::sleep;"),
        ("turn", "fn now() -> Instant { Instant::now() }"),
        ("stage", "type A = crate::transport::LineInfo;"),
        ("audio", "use crate::text::ReplyLedger;"),
        ("units", "use crate::audio::Frame;"),
        ("newcomer", ""),
    ];
    for (module, source) in forbidden {
        assert_eq!(offences(module, source).len(), 1, "{module}: {source}");
    }
}

#[test]
fn allowed_arrows_and_words_in_passing_are_no_offence() {
    let allowed = [
        ("session", "use crate::{turn::{Input, Output}, stage::Stt, units::ReplyId};"),
        ("session", "/// As in [`crate::provider`].\nuse crate::session::Session;"),
        ("provider", "use crate::stage::{Stt, SttEvent};\nuse crate::units::Position;"),
        ("turn", "use crate::text::same_words;\n// tokio has no place here\nuse std::time::Instant;"),
        ("text", "#[cfg(test)]\nmod tests {\n    use crate::turn::TurnMachine;\n}"),
        ("transport", "use other_crate::session::Session;"),
    ];
    for (module, source) in allowed {
        assert_eq!(offences(module, source), Vec::<String>::new(), "{source}");
    }
}

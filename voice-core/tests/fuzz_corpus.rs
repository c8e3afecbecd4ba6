//! What fuzzing starts from, and all that it has ever broken, on every run of the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use voice_core::provider::fuzz::TARGETS;

fn corpus() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz", "corpus"].iter().collect()
}

#[test]
fn every_target_takes_its_corpus() {
    for (name, target) in TARGETS {
        let files: Vec<PathBuf> =
            fs::read_dir(corpus().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            println!("{}", file.display());
            target(&fs::read(file).unwrap());
        }
    }
}

#[test]
fn every_corpus_has_its_target() {
    let folders: BTreeSet<String> =
        fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, targets);
}

#[test]
fn short_inputs_break_no_promise() {
    let alphabet = b"\n\r :{}[]\"\\,0-\x00\xff\xc3\xa9data";
    for (_, target) in TARGETS {
        target(b"");
        for a in alphabet {
            target(&[*a]);
            for b in alphabet {
                target(&[*a, *b]);
                target(&[*a, *b, *a]);
            }
        }
    }
}

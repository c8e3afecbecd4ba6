//! Throws bytes at the target that `VOICE_FUZZ_TARGET` names; `scripts/fuzz` builds and runs it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use voice_core::provider::fuzz::{TARGETS, Target};

static TARGET: OnceLock<Target> = OnceLock::new();

fn named() -> Target {
    let name = std::env::var("VOICE_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    let names: Vec<_> = TARGETS.iter().map(|(target, _)| *target).collect();
    found.unwrap_or_else(|| panic!("VOICE_FUZZ_TARGET is {name:?} and must be one of {names:?}")).1
}

fuzz_target!(|bytes: &[u8]| TARGET.get_or_init(named)(bytes));

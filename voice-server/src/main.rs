//! The `voice-server` command.
fn main() {}

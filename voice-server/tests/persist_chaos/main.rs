//! The server is killed with -9 while callers talk, again and again on the same directory, and every other time its
//! database goes away meanwhile: whatever a caller was told as final is in the store, word for word, once.
//!
//! `VOICE_CHAOS_ROUNDS` and `VOICE_CHAOS_CALLS` make it as long as one likes, `VOICE_CHAOS_SEED` repeats its decisions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod chaos;
mod database;
#[path = "../persist_support/mod.rs"]
mod persist_support;
mod plan;
#[path = "../postgres_support/mod.rs"]
mod postgres_support;

use chaos::Chaos;
use database::Database;

#[tokio::test]
async fn what_was_told_as_final_survives_every_kill_and_outage_with_the_embedded_database() {
    let (home, database) = Database::embedded();
    Chaos::new("SQLite", home, database).run().await;
}

#[tokio::test]
async fn what_was_told_as_final_survives_every_kill_and_outage_with_postgres() {
    let (home, database) = Database::postgres().await;
    Chaos::new("Postgres", home, database).run().await;
}

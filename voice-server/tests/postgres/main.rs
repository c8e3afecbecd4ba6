//! The schema and the store on a real PostgreSQL: what they promise besides what every store does alike.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod admin;
mod apply;
mod attack;
mod doctor;
mod fixture;
mod given_up;
mod lint;
#[path = "../postgres_support/mod.rs"]
mod postgres_support;
mod references;
mod shares;
mod swallowed;

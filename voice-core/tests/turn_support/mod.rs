//! What the tests of the turn machine share.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test file uses a part of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "only tests use this: a panic is how they fail")]

mod random;
mod rules;
mod scene;
mod table;

pub use random::{Conversation, Random, Thresholds};
pub use rules::Rules;
pub use scene::{over_agent, over_agent_with, policy};
pub use table::{play, play_with};

/// Any instant: the machine only knows differences.
#[expect(clippy::disallowed_methods, reason = "an instant can only be had from the clock")]
pub fn any_instant() -> std::time::Instant {
    std::time::Instant::now()
}

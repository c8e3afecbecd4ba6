//! The turn-taking of a call as a file: what the turn machine was told and when, and what it said.
//!
//! Invariant: the machine is pure, so a log holds all there is to know of why an agent answered, paused or fell silent when
//! it did: [`replay`] gives the log to a machine again and tells whether that says the same. A log is bounded and says
//! where it was cut. It holds the words of both sides, no audio and no secret.
//!
//! A log is JSON lines. The first is `{"turn_log":1,"rate":16000,"config":{…}}`. Then follow, in the order in which they
//! happened, `{"at_ns":…,"in":{…}}`, an [`Input`](crate::turn::Input) and its nanoseconds since the machine was made, and
//! `{"out":{…}}`, an [`Output`](crate::turn::Output) (a barge-in with `noticed_at_ns` and `committed_at_ns`). A log that
//! was cut ends with `{"cut":"why"}`.

mod entry;
mod recorder;
mod replay;
#[cfg(test)]
mod tests;

pub use recorder::TurnLog;
pub use replay::{Difference, ReplayError, ReplayOutcome, Replayed, replay};

//! The turn machine: who has the floor, when the agent answers and when it falls silent.
//!
//! Invariant: pure, total and replayable. The same inputs at the same instants give the same outputs; no input in any
//! state panics; it always comes to rest. It knows no audio bytes, no clock, no task and no channel: the session calls
//! [`TurnMachine::handle`], performs every [`TurnMachine::poll_output`] in order, and comes back at
//! [`TurnMachine::poll_timeout`].
//!
//! | question | file |
//! |---|---|
//! | who has the floor, and who takes which input? | `machine` |
//! | what does the caller say, since when are they silent? | `floor`, `words`, `keys` |
//! | when is their turn over, and what if it was not? | `end_of_turn`, `late` |
//! | what is prepared before that is certain? | `speculation` |
//! | what stops the agent, and what lets it go on? | `barge_in`, `echo` |
//! | how does a reply live and end? | `reply`, `reply_events` |
//! | what does the agent say of itself? | `agenda` |
//! | which timer runs when? | `schedule`, `timer` |
//! | what if the far end cannot be reached? | `presence` |
//! | who may look on? | `witness`, `observe` |

mod agenda;
mod barge_in;
mod config;
mod echo;
mod end_of_turn;
mod floor;
mod input;
mod keys;
mod late;
mod machine;
mod observe;
mod output;
mod presence;
mod probability;
mod reply;
mod reply_events;
mod schedule;
mod speculation;
mod timer;
mod witness;
mod words;

pub use config::{BargeInPolicy, Protection, Speculation, TurnConfig};
pub use input::{Command, Input, Muted, ReplyInput, SttInput};
pub use machine::TurnMachine;
pub use output::{
    AgentTurn, BargeInCause, BargeInSignal, CallerTurn, EndReason, EotSource, Output, ReplyKind, ReplyOutcome,
    ReplyStart,
};
pub use witness::TurnWitness;

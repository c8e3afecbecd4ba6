//! What an STT fake hears.

use crate::stage::Stt;
use std::sync::Arc;

/// What the caller says.
#[derive(Clone)]
pub enum Ear {
    /// These turns, one for each stretch of speech.
    Script(Vec<FakeTurn>),
    /// Whatever this engine understands.
    Engine(Arc<dyn Stt>),
}

impl Default for Ear {
    fn default() -> Self {
        Self::Script(Vec::new())
    }
}

/// One turn of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeTurn {
    /// What is said.
    pub text: String,
}

impl FakeTurn {
    /// A turn of these words.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

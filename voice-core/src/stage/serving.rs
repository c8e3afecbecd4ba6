//! Which of several engines serves, and why not the one before.

use super::StageError;

/// One engine takes over. The first of a call has nobody before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Its name: vendor and model.
    pub engine: String,
    /// Which one it replaces, and why.
    pub instead: Option<Switch>,
}

/// The engine that is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Its name.
    pub engine: String,
    /// Why it is; none where a better one is there again.
    pub why: Option<StageError>,
}

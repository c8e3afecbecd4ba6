//! Which of several engines serves, and why no better one.

use super::StageError;

/// An engine is asked from here on. One that has several behind it says so before anything else, and again each time it
/// asks another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Its name: vendor and model.
    pub engine: String,
    /// The better ones that are not asked, best first; none where there is no better one.
    pub passed_over: Vec<PassedOver>,
}

/// An engine that is not asked although it would be preferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Its name.
    pub engine: String,
    /// How it failed last.
    pub why: StageError,
}

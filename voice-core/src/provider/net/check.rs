//! What a vendor's self-test found.

/// A vendor answered as it should: what was tried, in words for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// One line, such as the model that is listed or how soon the first audio came.
    pub detail: String,
}

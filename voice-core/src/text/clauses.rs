//! Token stream to speakable clauses.

/// Cuts a stream of tokens into clauses, each as soon as it is speakable.
///
/// The clauses joined are exactly the text that went in.
#[derive(Debug, Default)]
pub struct ClauseSplitter {
    pending: String,
}

impl ClauseSplitter {
    /// Takes the next piece of text.
    pub fn push(&mut self, delta: &str) {
        self.pending.push_str(delta);
    }

    /// The next clause that is certainly speakable. Call until `None` after each `push`.
    pub fn next_clause(&mut self) -> Option<String> {
        None
    }

    /// The text has ended: the rest, if any.
    pub fn finish(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.pending)).filter(|rest| !rest.is_empty())
    }
}

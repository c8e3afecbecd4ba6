//! Words: counting, comparing, and what they say about the turn.

/// How complete a caller's words look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// A finished sentence or answer.
    Complete,
    /// Nothing says either way.
    Unclear,
    /// More is to come: a conjunction, a filler, half a number or an address being spelled.
    Incomplete,
}

/// What words spoken over the agent are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// No words at all.
    Nothing,
    /// "mm-hmm", "yeah", "okay": listening, not bidding.
    Backchannel,
    /// The agent's own words coming back.
    Echo,
    /// A bid for the turn.
    Bid,
}

/// Judges how complete `text` looks. Allocates nothing.
pub fn completeness(_text: &str) -> Completeness {
    Completeness::Unclear
}

/// Judges words spoken over the agent, who has just said `agent_text`. Allocates nothing.
pub fn classify_overlap(_text: &str, _agent_text: &str) -> Overlap {
    Overlap::Nothing
}

/// Whether two texts have the same words, whatever their case, punctuation and spacing. Allocates nothing.
pub fn same_words(a: &str, b: &str) -> bool {
    a == b
}

/// How many words `text` has. Allocates nothing.
pub fn word_count(text: &str) -> usize {
    text.split_whitespace().count()
}

//! Text as speech needs it: clauses, words, and what of a reply was heard.
//!
//! Invariant: pure functions and values on `str`; nothing here knows audio bytes, time or a provider.

mod clauses;
mod ledger;
mod words;

pub use clauses::ClauseSplitter;
pub use ledger::ReplyLedger;
pub use words::{Completeness, Overlap, classify_overlap, completeness, same_words, word_count};

//! Text as speech needs it: clauses, words, and what of a reply was heard.
//!
//! Invariant: pure functions and values on `str`; nothing here knows audio bytes, time or a provider.

mod clauses;
mod completeness;
mod ledger;
mod overlap;
mod words;

pub use clauses::{ClauseConfig, ClauseSplitter, is_speakable};
pub use completeness::{Completeness, completeness};
pub use ledger::ReplyLedger;
pub use overlap::{Overlap, classify_overlap, has_stop_word};
pub use words::{same_words, word_count};

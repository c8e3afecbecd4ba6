//! What all vendors share: keys, connections, streams, and what their refusals mean.
//!
//! Invariant: a key is in no log, no error and no `Debug`; nothing read from a vendor is unbounded. It knows no vendor's
//! messages.

mod key;

pub use key::ApiKey;

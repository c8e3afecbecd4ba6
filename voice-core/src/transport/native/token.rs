//! What says who a client is, as it passes through.
//!
//! Invariant: `Debug` does not show it; whoever wants it asks for it by name.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A token, unread.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthToken(String);

impl AuthToken {
    /// The token itself: for whoever verifies it or sends it on, and for no log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AuthToken {
    fn from(token: &str) -> Self {
        Self(token.to_owned())
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthToken({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", AuthToken::from("secret")), "AuthToken(6 bytes)");
    }
}

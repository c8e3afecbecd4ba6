//! A vendor's key.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A key and the name of the setting it came from, which errors tell. `Debug` shows only the name.
#[derive(Clone)]
pub struct ApiKey {
    secret: SecretString,
    setting: String,
}

impl ApiKey {
    /// A key, without the space around it, and the setting an operator would change it in (`DEEPGRAM_API_KEY`).
    pub fn new(secret: &str, setting: impl Into<String>) -> Self {
        Self { secret: secret.trim().into(), setting: setting.into() }
    }

    /// The name of the setting.
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// The key itself, for the wire only.
    pub(crate) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, redacted)", self.setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_setting_and_never_the_key() {
        let key = ApiKey::new(" sk-very-secret\n", "A_KEY");
        assert_eq!(key.expose(), "sk-very-secret");
        for shown in [format!("{key:?}"), format!("{key:#?}"), format!("{:?}", Some(key.clone()))] {
            assert!(shown.contains("A_KEY") && !shown.contains("secret"), "{shown}");
        }
    }
}

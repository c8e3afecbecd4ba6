//! The local issuer: development's own tokens, signed with a key that never leaves the data directory.
//!
//! Invariant: its tokens are verified like any other; only a server in development has it among its keys. Nobody but the
//! file's owner can read the key.

use super::clock;
use super::error::KeyError;
use super::key::{AUTHENTICATED, VerifyingKey};
use crate::principal::UserId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, process};

/// The `iss` of its tokens.
const ISSUER: &str = "voice-server/local";

/// The `kid` of its tokens: which of the HS256 keys is meant.
pub(super) const KEY_ID: &str = "voice-server-local";

/// The key's file within the data directory: the key in Base64.
const FILE: &str = "local-issuer.key";

const KEY_BYTES: usize = 32;

/// Signs development's own tokens.
pub struct LocalIssuer {
    secret: SecretSlice<u8>,
}

#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    aud: &'static str,
    role: &'static str,
    sub: UserId,
    iat: u64,
    exp: u64,
}

impl LocalIssuer {
    /// The issuer of a data directory; the first to ask makes its key.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot be read or made, is none, or others can read it.
    pub fn open(data: &Path) -> Result<Self, KeyError> {
        if let Some(issuer) = Self::existing(data)? {
            return Ok(issuer);
        }
        let path = data.join(FILE);
        make(data, &path).map_err(|reason| KeyError::LocalFile { path: path.clone(), reason })?;
        Self::read(&path)
    }

    /// The issuer of a data directory, if it has one.
    ///
    /// # Errors
    /// As [`LocalIssuer::open`].
    pub fn existing(data: &Path) -> Result<Option<Self>, KeyError> {
        let path = data.join(FILE);
        match path.try_exists() {
            Ok(true) => Self::read(&path).map(Some),
            Ok(false) => Ok(None),
            Err(reason) => Err(KeyError::LocalFile { path, reason }),
        }
    }

    /// An issuer whose key is forgotten with it.
    ///
    /// # Errors
    /// [`KeyError::Sign`] if there is no randomness.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let key = random_key().map_err(|error| KeyError::Sign(error.to_string()))?;
        Ok(Self { secret: key.to_vec().into() })
    }

    fn read(path: &Path) -> Result<Self, KeyError> {
        let wrong = |problem| KeyError::LocalKey { path: path.to_owned(), problem };
        let unread = |reason| KeyError::LocalFile { path: path.to_owned(), reason };
        let mode = fs::metadata(path).map_err(unread)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(wrong("can be read by others: chmod 600 it, or delete it and all tokens signed with it"));
        }
        let text = SecretString::from(fs::read_to_string(path).map_err(unread)?);
        match STANDARD.decode(text.expose_secret().trim()) {
            Ok(key) if key.len() == KEY_BYTES => Ok(Self { secret: key.into() }),
            _ => Err(wrong("holds no key: delete it, and a new one is made")),
        }
    }

    /// A token of `user` that is valid for `life`.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn sign(&self, user: UserId, life: Duration) -> Result<SecretString, KeyError> {
        let now = clock::wall_s();
        let exp = now.saturating_add(life.as_secs());
        let claims = Claims { iss: ISSUER, aud: AUTHENTICATED, role: AUTHENTICATED, sub: user, iat: now, exp };
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::HS256) };
        let key = EncodingKey::from_secret(self.secret.expose_secret());
        let token = jsonwebtoken::encode(&header, &claims, &key);
        token.map(SecretString::from).map_err(|error| KeyError::Sign(error.to_string()))
    }

    pub(super) fn key(&self) -> VerifyingKey {
        VerifyingKey::new(DecodingKey::from_secret(self.secret.expose_secret()), Algorithm::HS256, ISSUER)
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer").finish_non_exhaustive()
    }
}

fn random_key() -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(key)
}

/// Makes the key's file, unless another process was faster: the file is there whole or not at all.
fn make(data: &Path, path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let draft: PathBuf = data.join(format!("{FILE}.{}", process::id()));
    let written = write(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    written.and(fs::remove_file(&draft))
}

fn write(draft: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    writeln!(file, "{}", STANDARD.encode(random_key()?))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn is_of(issuer: &LocalIssuer, token: &SecretString) -> bool {
        issuer.key().verify(token.expose_secret()).is_ok()
    }

    #[test]
    fn the_key_of_a_directory_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new");
        assert!(LocalIssuer::existing(&data).unwrap().is_none());
        let (first, second) = (LocalIssuer::open(&data).unwrap(), LocalIssuer::open(&data).unwrap());
        let token = first.sign(UserId(Uuid::nil()), Duration::from_secs(60)).unwrap();
        assert!(is_of(&second, &token) && !is_of(&LocalIssuer::ephemeral().unwrap(), &token));
        let modes =
            [data.clone(), data.join(FILE)].map(|path| fs::metadata(path).unwrap().permissions().mode() & 0o777);
        assert_eq!(modes, [0o700, 0o600]);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft is left");
        assert!(LocalIssuer::existing(&data).unwrap().is_some());
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        LocalIssuer::open(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let said = LocalIssuer::open(folder.path()).unwrap_err().to_string();
        assert!(said.contains("chmod 600") && said.contains(FILE), "{said}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "c2hvcnQ=", "no Base64 at all"] {
            fs::write(&path, text).unwrap();
            let said = LocalIssuer::open(folder.path()).unwrap_err().to_string();
            assert!(said.contains("holds no key") && (text.is_empty() || !said.contains(text)), "{said}");
        }
    }

    #[test]
    fn nothing_shows_the_key() {
        assert_eq!(format!("{:?}", LocalIssuer::ephemeral().unwrap()), "LocalIssuer { .. }");
    }
}

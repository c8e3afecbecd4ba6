//! Which server this is: the same as long as it has its data directory.
//!
//! Invariant: two servers are never the same one, as a directory is one server's at a time. A directory that lost its name gets
//! a new one; calls that the old name left running are ended like those of a server that is gone.

use super::journal::SpoolError;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use tracing::warn;
use uuid::Uuid;

/// The server whose journal is in `spool`, which it holds.
///
/// # Errors
/// [`SpoolError::Unusable`] if its name can be neither read nor written.
pub(super) fn of(spool: &Path) -> Result<Uuid, SpoolError> {
    read_or_make(spool).map_err(|reason| SpoolError::Unusable { path: spool.to_owned(), reason })
}

fn read_or_make(spool: &Path) -> io::Result<Uuid> {
    let path = spool.join("server-id");
    match fs::read(&path) {
        Ok(text) => match String::from_utf8_lossy(&text).trim().parse() {
            Ok(id) => return Ok(id),
            Err(_) => warn!(path = %path.display(), "it names no server: this server gets a new name"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let id = Uuid::now_v7();
    let new = spool.join("server-id.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    fs::rename(new, path)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_the_same_server_at_every_start_and_another_one_is_not() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let id = of(one.path()).unwrap();
        assert_eq!(of(one.path()).unwrap(), id);
        assert_ne!(of(other.path()).unwrap(), id);
    }

    #[test]
    fn what_names_no_server_is_replaced() {
        let spool = tempfile::tempdir().unwrap();
        for damaged in [b"\0\0", b"\xff\xfe"] {
            fs::write(spool.path().join("server-id"), damaged).unwrap();
            let id = of(spool.path()).unwrap();
            assert_eq!(of(spool.path()).unwrap(), id);
        }
        assert!(matches!(of(&spool.path().join("missing")), Err(SpoolError::Unusable { .. })));
    }
}

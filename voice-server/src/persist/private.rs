//! Folders that only this server's user may look into: what is said in calls is in them, in clear.
//!
//! Invariant: it is the folder that keeps others out, so that no file in it has to. Whose the folder around it is, nobody here
//! decides.

use std::fs;
use std::io;
use std::path::Path;

/// Makes the folder, and those above it, where they are missing. One that is there and that others may enter is closed to
/// them; where that cannot be done, as on some shares of a network, it is told and stays so.
///
/// # Errors
/// What the system says if there is no folder then.
#[cfg(unix)]
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(OWNER_ALONE).create(path)?;
    if fs::metadata(path)?.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ALONE)) {
        tracing::warn!(path = %path.display(), %error, "other users of this machine may look into a folder with calls");
    }
    Ok(())
}

/// The system has no such modes.
#[cfg(not(unix))]
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
const OWNER_ALONE: u32 = 0o700;

#[cfg(unix)]
const OTHERS: u32 = 0o077;

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_its_owners_alone_also_where_it_was_not() {
        let data = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (inner, open) = (data.path().join("data").join("spool"), data.path().join("open"));
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        make_folder(&inner).unwrap();
        make_folder(&open).unwrap();
        assert_eq!([inner.parent().unwrap(), &inner, &open].map(mode), [0o700; 3]);
    }
}

//! Folders that only this server's user may look into: what is said in calls is in them, in clear.
//!
//! Invariant: it is the folder that keeps others out, so that no file in it has to. Whose the folder around it is, and which
//! group an operator let into one that is there, nobody here decides.

use std::fs;
use std::io;
use std::path::Path;
#[cfg(unix)]
use tracing::warn;

/// Makes the folder, and those above it, for the owner alone where they are missing. One that is there and that everybody may
/// enter is closed to all but its owner and its group, and that is told; so is where it cannot be done, as on some shares of a
/// network. Where a symbolic link leads is left as it is.
///
/// # Errors
/// What the system says if there is no folder then.
#[cfg(unix)]
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(OWNER_ALONE).create(path)?;
    let found = fs::symlink_metadata(path)?;
    let old = found.permissions().mode() & MODE;
    if found.is_symlink() || old & OTHERS == 0 {
        return Ok(());
    }
    let (folder, new) = (path.display(), old & !OTHERS);
    match fs::set_permissions(path, fs::Permissions::from_mode(new)) {
        Ok(()) => {
            warn!(%folder, old = %octal(old), new = %octal(new), "a folder with calls was open to everybody and is closed")
        }
        Err(error) => {
            warn!(%folder, old = %octal(old), %error, "every user of this machine may look into a folder with calls")
        }
    }
    Ok(())
}

#[cfg(unix)]
fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// The system has no such modes.
#[cfg(not(unix))]
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
const OWNER_ALONE: u32 = 0o700;

#[cfg(unix)]
const OTHERS: u32 = 0o007;

#[cfg(unix)]
const MODE: u32 = 0o7777;

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & MODE
    }

    fn make_with(path: &Path, mode: u32) {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_that_is_made_is_its_owners_alone() {
        let data = tempfile::tempdir().unwrap();
        let inner = data.path().join("data").join("spool");
        make_folder(&inner).unwrap();
        assert_eq!([inner.parent().unwrap(), &inner].map(mode), [0o700; 2]);
    }

    #[test]
    fn one_that_is_there_is_closed_to_everybody_but_its_group() {
        let data = tempfile::tempdir().unwrap();
        for (old, new) in [(0o755, 0o750), (0o2775, 0o2770), (0o750, 0o750), (0o700, 0o700)] {
            let folder = data.path().join(format!("{old:o}"));
            make_with(&folder, old);
            make_folder(&folder).unwrap();
            assert_eq!(mode(&folder), new, "{old:o}");
        }
    }

    #[test]
    fn where_a_link_leads_is_left_as_it_is() {
        let data = tempfile::tempdir().unwrap();
        let (elsewhere, link) = (data.path().join("elsewhere"), data.path().join("link"));
        make_with(&elsewhere, 0o755);
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        make_folder(&link).unwrap();
        assert_eq!(mode(&elsewhere), 0o755);
    }
}

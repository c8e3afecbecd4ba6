//! Files of calls on this machine's disk: those that are made, and those that wait to be kept.
//!
//! Invariant: a file's name says whose call it is, so that a file is all that is needed after a restart.

use super::private;
use crate::principal::{CallUuid, TenantId};
use crate::store::Header;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// The two folders of one kind of files.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    running: PathBuf,
    ready: PathBuf,
    suffix: &'static str,
}

impl Folders {
    /// Makes the folders in `folder` where they are missing; what an earlier run left unfinished is ready as far as it got.
    /// `suffix` ends the names of its files.
    pub(super) fn open(folder: &Path, suffix: &'static str) -> io::Result<Self> {
        let folders = Self { running: folder.join("running"), ready: folder.join("ready"), suffix };
        for made in [folder, &folders.running, &folders.ready] {
            private::make_folder(made)?;
        }
        for file in fs::read_dir(&folders.running)? {
            let file = file?;
            fs::rename(file.path(), folders.ready.join(file.file_name()))?;
        }
        Ok(folders)
    }

    /// Where the file of a call is made.
    pub(super) fn running(&self, header: &Header) -> PathBuf {
        self.running.join(name(header, self.suffix))
    }

    /// The file of a call is done.
    pub(super) fn set_ready(&self, header: &Header) -> io::Result<()> {
        fs::rename(self.running(header), self.ready.join(name(header, self.suffix)))
    }

    /// Files that wait to be kept, oldest first.
    pub(super) async fn ready(&self) -> io::Result<Vec<(Header, PathBuf)>> {
        let (mut found, mut files) = (Vec::new(), tokio::fs::read_dir(&self.ready).await?);
        while let Some(file) = files.next_entry().await? {
            let path = file.path();
            let header = path.file_name().and_then(|name| header(name.to_str()?, self.suffix));
            found.extend(header.map(|header| (header, path)));
        }
        found.sort_by_key(|(header, _)| header.call);
        Ok(found)
    }

    /// Removes the oldest of the files that wait until the others have at most `most_bytes`, and says of each whose it was. One
    /// that cannot be removed keeps no other; the last error is given in the end.
    pub(super) async fn drop_oldest(&self, most_bytes: u64, mut dropped: impl FnMut(Header)) -> io::Result<()> {
        let (mut bytes, mut result) = (0, Ok(()));
        for (header, file) in self.ready().await?.into_iter().rev() {
            let Ok(found) = tokio::fs::metadata(&file).await else { continue };
            bytes += found.len();
            if bytes <= most_bytes {
                continue;
            }
            match tokio::fs::remove_file(&file).await {
                Ok(()) => dropped(header),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => result = Err(error),
            }
        }
        result
    }
}

fn name(header: &Header, suffix: &str) -> String {
    let started_us = header.started_at.unix_timestamp_nanos() / 1_000;
    format!("{}_{}_{started_us}{suffix}", header.tenant, header.call)
}

fn header(name: &str, suffix: &str) -> Option<Header> {
    let mut parts = name.strip_suffix(suffix)?.split('_');
    let mut next = || parts.next();
    let (tenant, call) = (TenantId(next()?.parse().ok()?), CallUuid(next()?.parse().ok()?));
    let started_us: i128 = next()?.parse().ok()?;
    let started_at = OffsetDateTime::from_unix_timestamp_nanos(started_us.checked_mul(1_000)?).ok()?;
    Some(Header { tenant, call, started_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::testing;

    #[test]
    fn a_name_says_whose_it_is() {
        let header_of_call = testing::header(77);
        assert_eq!(header(&name(&header_of_call, ".ogg"), ".ogg"), Some(header_of_call));
        for strange in ["", "x.ogg", "a_b_c.ogg", "call.wav"] {
            assert_eq!(header(strange, ".ogg"), None, "{strange}");
        }
    }

    #[tokio::test]
    async fn what_a_dead_run_was_making_is_ready_at_the_next_start() {
        let data = tempfile::tempdir().unwrap();
        let call = testing::header(77);
        fs::write(Folders::open(data.path(), ".ogg").unwrap().running(&call), b"audio").unwrap();
        let ready = Folders::open(data.path(), ".ogg").unwrap().ready().await.unwrap();
        assert_eq!(ready.iter().map(|(header, _)| *header).collect::<Vec<_>>(), [call]);
    }

    #[tokio::test]
    async fn one_that_cannot_be_dropped_keeps_no_other_and_each_that_is_dropped_is_told() {
        let data = tempfile::tempdir().unwrap();
        let folders = Folders::open(data.path(), ".ogg").unwrap();
        for call in [1, 3, 4] {
            fs::write(folders.running(&testing::header(call)), [b'x'; 100]).unwrap();
            folders.set_ready(&testing::header(call)).unwrap();
        }
        // A folder in the place of a file.
        fs::create_dir(folders.running(&testing::header(2))).unwrap();
        folders.set_ready(&testing::header(2)).unwrap();
        let mut dropped = Vec::new();
        folders.drop_oldest(100, |header| dropped.push(header)).await.unwrap_err();
        assert_eq!(dropped, [3, 1].map(testing::header));
    }
}

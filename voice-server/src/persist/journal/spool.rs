//! The journal's directory: its lock, its segments, its checkpoint and what is put aside.
//!
//! Invariant: one process at a time holds it. A segment's number is never used again, so that a checkpoint that outlives
//! its segment points at nothing else.

use super::progress::Position;
use crate::persist::private;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The highest number that a name has room for.
const LAST_SEGMENT: u64 = 999_999_999_999;

/// Damaged stretches that are kept for whoever looks into them.
const MAX_DAMAGED_FILES: usize = 100;

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// Another process uses it.
    #[error("{} is in use by another server: give each its own data directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error("{} cannot be used: {reason}; the server needs a directory it may write to", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        reason: io::Error,
    },
}

/// The directory, locked as long as this lives.
pub(super) struct Spool {
    path: PathBuf,
    _lock: File,
}

impl Spool {
    /// Makes the directory where it is missing and locks it.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        let unusable = |reason| SpoolError::Unusable { path: path.to_owned(), reason };
        for folder in [path, &path.join("damaged")] {
            private::make_folder(folder).map_err(unusable)?;
        }
        let lock = File::create(path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(SpoolError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(reason)) => Err(unusable(reason)),
        }
    }

    /// The numbers of the segments that are there, in order.
    pub(super) fn segments(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            numbers.extend(entry?.file_name().to_str().and_then(number_of));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(super) fn segment_bytes(&self, number: u64) -> io::Result<u64> {
        Ok(fs::metadata(self.segment_path(number))?.len())
    }

    /// Begins a segment that is not there.
    pub(super) fn create_segment(&self, number: u64) -> io::Result<File> {
        let file = OpenOptions::new().append(true).create_new(true).open(self.segment_path(number))?;
        self.sync_names();
        Ok(file)
    }

    pub(super) fn open_segment(&self, number: u64) -> io::Result<File> {
        File::open(self.segment_path(number))
    }

    pub(super) fn delete_segment(&self, number: u64) -> io::Result<()> {
        fs::remove_file(self.segment_path(number))
    }

    fn segment_path(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:012}.journal"))
    }

    /// What was read so far; the beginning if that is not known, or is after all that is there. Then reading begins with the
    /// oldest segment: of what the store has already nothing is written twice, but a call that was deleted since may be there
    /// again until the next look at what is past its retention.
    pub(super) fn checkpoint(&self) -> io::Result<Position> {
        let text = fs::read_to_string(self.path.join("checkpoint")).unwrap_or_default();
        let segments = self.segments()?;
        let read = match parse(&text) {
            Some(read) => segments.last().is_none_or(|last| read.segment <= *last).then_some(read),
            None => parse_without_checksum(&text).filter(|read| self.may_have_read(&segments, *read)),
        };
        Ok(read.unwrap_or_default())
    }

    /// Whether there is so much to be read, or nothing that could be left out.
    fn may_have_read(&self, segments: &[u64], read: Position) -> bool {
        match self.segment_bytes(read.segment) {
            Ok(bytes) => read.offset <= bytes,
            Err(_) => segments.is_empty() && read.segment <= LAST_SEGMENT,
        }
    }

    /// Notes what was read: all of it or nothing, whenever the process dies.
    pub(super) fn set_checkpoint(&self, read: Position) -> io::Result<()> {
        let new = self.path.join("checkpoint.new");
        fs::write(&new, line_of(read))?;
        fs::rename(new, self.path.join("checkpoint"))
    }

    /// Keeps a damaged stretch aside, up to [`MAX_DAMAGED_FILES`] of them, and says where.
    pub(super) fn put_aside(&self, at: Position, bytes: &[u8]) -> io::Result<PathBuf> {
        let folder = self.path.join("damaged");
        if fs::read_dir(&folder)?.count() >= MAX_DAMAGED_FILES {
            return Err(io::Error::other(
                "too many damaged stretches are kept already; look into them and remove them",
            ));
        }
        let path = folder.join(format!("{:012}-{}.bytes", at.segment, at.offset));
        File::create(&path)?.write_all(bytes)?;
        Ok(path)
    }

    /// Makes names survive a power cut, where the system can; a process that dies loses none anyway.
    fn sync_names(&self) {
        let _ = File::open(&self.path).and_then(|folder| folder.sync_all());
    }
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".journal")?.parse().ok()
}

/// With a checksum: a digit that is another would have segments deleted that nobody read.
fn line_of(read: Position) -> String {
    let place = format!("{} {}", read.segment, read.offset);
    let checksum = crc32fast::hash(place.as_bytes());
    format!("{place} {checksum:08x}\n")
}

fn parse(text: &str) -> Option<Position> {
    let read = place(text)?;
    (text == line_of(read)).then_some(read)
}

/// As an earlier format of the journal has it.
fn parse_without_checksum(text: &str) -> Option<Position> {
    let read = place(text)?;
    (text == format!("{} {}\n", read.segment, read.offset)).then_some(read)
}

fn place(text: &str) -> Option<Position> {
    let mut words = text.split_whitespace();
    Some(Position { segment: words.next()?.parse().ok()?, offset: words.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_on_one_directory_are_an_error_that_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let held = Spool::open(folder.path()).unwrap();
        let refused = Spool::open(folder.path()).err().unwrap();
        assert!(refused.to_string().contains("in use by another server"), "{refused}");
        drop(held);
        assert!(Spool::open(folder.path()).is_ok());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_that_names_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = Spool::open(&file.path().join("spool")).err().unwrap();
        assert!(refused.to_string().contains(&file.path().display().to_string()), "{refused}");
    }

    #[test]
    fn a_checkpoint_is_read_back_and_nonsense_is_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        assert_eq!(spool.checkpoint().unwrap(), Position::default());
        let read = Position { segment: 3, offset: 77 };
        spool.set_checkpoint(read).unwrap();
        assert_eq!(spool.checkpoint().unwrap(), read);
        for nonsense in ["", "3", "3 7", "\0\0\0\0", "x y\n", "3 77\n\n", "1000000000000 0\n"] {
            fs::write(folder.path().join("checkpoint"), nonsense).unwrap();
            assert_eq!(spool.checkpoint().unwrap(), Position::default(), "{nonsense:?}");
        }
    }

    #[test]
    fn a_checkpoint_without_a_checksum_holds_where_its_segment_is_there_and_as_long() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let read = |line: &str| {
            fs::write(folder.path().join("checkpoint"), line).unwrap();
            spool.checkpoint().unwrap()
        };
        assert_eq!(read("3 77\n"), Position { segment: 3, offset: 77 }, "all was read and deleted");
        spool.create_segment(3).unwrap().write_all(&[b'x'; 100]).unwrap();
        spool.create_segment(5).unwrap();
        for offset in [77, 100] {
            assert_eq!(read(&format!("3 {offset}\n")), Position { segment: 3, offset });
        }
        for (segment, offset) in [(3, 101), (2, 0), (4, 0), (6, 0)] {
            assert_eq!(read(&format!("{segment} {offset}\n")), Position::default(), "{segment} {offset}");
        }
    }

    #[test]
    fn a_checkpoint_with_a_wrong_byte_or_after_all_that_is_there_is_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let read = Position { segment: 3, offset: 77 };
        let line = line_of(read);
        for at in 0..line.len() {
            let mut flipped = line.clone().into_bytes();
            flipped[at] ^= 1;
            fs::write(folder.path().join("checkpoint"), flipped).unwrap();
            assert_eq!(spool.checkpoint().unwrap(), Position::default(), "byte {at}");
        }
        spool.set_checkpoint(read).unwrap();
        spool.create_segment(2).unwrap();
        assert_eq!(spool.checkpoint().unwrap(), Position::default());
        spool.create_segment(3).unwrap();
        assert_eq!(spool.checkpoint().unwrap(), read);
    }
}

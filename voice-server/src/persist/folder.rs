//! A folder of this machine as an object store.
//!
//! Invariant: an object is there whole, and on the disk, or not at all. No thread that carries calls waits for the disk. Until
//! an object is whole its file has a name that is no object's; what a process that died left under such a name goes at the
//! next start ([`sweep`]).

use super::private;
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectKey;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use std::fmt;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::fs::{self, File};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::Mutex;
use tracing::{info, warn};
use uuid::Uuid;

/// Between an object's name and a number that tells unfinished files apart: no name of an object may end so.
const STAGED: char = '#';

/// Longer than what a file system rounds times by.
const ROUNDING: Duration = Duration::from_secs(10);

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(LocalFileSystem);

impl Folder {
    /// Makes the folder where it is missing.
    ///
    /// # Errors
    /// If there is none then, or it cannot be used.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        private::make_folder(root)?;
        Ok(Self(LocalFileSystem::new_with_prefix(root)?.with_fsync(true)))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Folder {
    async fn put_opts(&self, key: &ObjectKey, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.0.put_opts(key, payload, options).await
    }

    async fn put_multipart_opts(&self, key: &ObjectKey, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let target = self.0.path_to_filesystem(key)?;
        Ok(Box::new(Staged::create(target, key.parts().count()).await.map_err(refused)?))
    }

    async fn get_opts(&self, key: &ObjectKey, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(key, options).await
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<ObjectKey>>) -> BoxStream<'static, Result<ObjectKey>> {
        self.0.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&ObjectKey>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectKey>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// An object that is not whole yet.
#[derive(Debug)]
struct Staged {
    target: PathBuf,
    /// So many folders above it may be new, or have a new name in them.
    folders: usize,
    path: PathBuf,
    file: Arc<Mutex<File>>,
    bytes: u64,
}

impl Staged {
    /// Under a name that no other attempt has: one that was given up may still write.
    async fn create(target: PathBuf, folders: usize) -> io::Result<Self> {
        let mut path = target.clone().into_os_string();
        path.push(format!("{STAGED}{}", Uuid::new_v4().as_u128()));
        let path = PathBuf::from(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).await?;
        }
        let file = Arc::new(Mutex::new(File::create_new(&path).await?));
        Ok(Self { target, folders, path, file, bytes: 0 })
    }

    async fn publish(&self) -> io::Result<()> {
        self.file.lock().await.sync_all().await?;
        fs::rename(&self.path, &self.target).await?;
        for folder in self.target.ancestors().skip(1).take(self.folders) {
            sync_names(folder).await?;
        }
        Ok(())
    }

    async fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl MultipartUpload for Staged {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        let (file, at) = (Arc::clone(&self.file), self.bytes);
        self.bytes += part.content_length() as u64;
        Box::pin(async move { write_at(&file, at, part).await.map_err(refused) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        match self.publish().await {
            Ok(()) => Ok(PutResult { e_tag: None, version: None, extensions: Default::default() }),
            Err(error) => {
                if let Err(error) = self.remove().await {
                    warn!(file = %self.path.display(), %error, "what is not kept of a call stays until the next start");
                }
                Err(refused(error))
            }
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.remove().await.map_err(refused)
    }
}

async fn write_at(file: &Mutex<File>, at: u64, part: PutPayload) -> io::Result<()> {
    let mut file = file.lock().await;
    file.seek(SeekFrom::Start(at)).await?;
    for piece in part {
        file.write_all(&piece).await?;
    }
    file.flush().await
}

/// Puts a folder's names on the disk.
#[cfg(unix)]
async fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder).await?.sync_all().await
}

/// The system does so by itself.
#[cfg(not(unix))]
async fn sync_names(_: &Path) -> io::Result<()> {
    Ok(())
}

fn refused(error: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "folder", source: Box::new(error) }
}

/// Removes from the folder `root`, if there is one, what runs before `started_at` left unfinished. What cannot be removed or
/// looked into is told and keeps nothing else. Cancellation safe: what is left goes the next time.
pub(super) async fn sweep(root: PathBuf, started_at: SystemTime) {
    let before = started_at.checked_sub(ROUNDING).unwrap_or(started_at);
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        match sweep_one(&folder, before, &mut folders).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(folder = %folder.display(), %error, "what was left unfinished in a folder of recordings may stay");
            }
            _ => {}
        }
    }
}

/// Folders within it are `found`; where a link leads nobody looks.
async fn sweep_one(folder: &Path, before: SystemTime, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let path = entry.path();
        let swept = match entry.file_type().await {
            Ok(kind) if kind.is_dir() => {
                found.push(path);
                continue;
            }
            Ok(kind) if kind.is_file() && is_staged(&path) => sweep_file(&path, before).await,
            looked => looked.map(drop),
        };
        match swept {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(file = %path.display(), %error, "what was left unfinished of a recording or turn log stays");
            }
            _ => {}
        }
    }
    Ok(())
}

async fn sweep_file(path: &Path, before: SystemTime) -> io::Result<()> {
    if fs::metadata(path).await?.modified()? < before {
        fs::remove_file(path).await?;
        info!(file = %path.display(), "a recording or turn log that an earlier run gave away in part was removed");
    }
    Ok(())
}

/// Whether a file has the name of one that is not whole, of this store's or of the one within.
fn is_staged(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.rsplit_once(STAGED)
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests;

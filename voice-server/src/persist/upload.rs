//! A file of this machine, given to the object store.
//!
//! Invariant: one part of it is in memory at a time, and each has its own limit, so that how long the file is decides nothing. An
//! object is there whole or not at all. Giving it again gives the same object.

use object_store::path::Path as ObjectKey;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tracing::warn;

/// The smallest that S3 takes for a part that is not the last: at 90 kB/s it is sent within the bucket's limit of silence.
const PART_BYTES: u64 = 5 << 20;

/// Each request is answered within this, with all that the client tries again.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// Why a file is not there yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    #[error("its file cannot be read: {0}")]
    File(#[from] io::Error),
    #[error("the object store does not take it: {0}")]
    Objects(#[from] object_store::Error),
    #[error("the object store took longer than {} s", ANSWER_WITHIN.as_secs())]
    Slow,
}

/// Gives the object store the file and says how long it is. Not cancellation safe: a long one that is given up may leave parts
/// there, which nobody sees, a folder loses at the next start and a bucket can be told to remove.
///
/// # Errors
/// [`UploadError`].
pub(super) async fn upload(objects: &dyn ObjectStore, key: &ObjectKey, file: &Path) -> Result<u64, UploadError> {
    let mut file = File::open(file).await?;
    let first = next_part(&mut file).await?;
    let bytes = first.len() as u64;
    if bytes < PART_BYTES {
        answered(objects.put(key, PutPayload::from(first))).await?;
        return Ok(bytes);
    }
    let mut upload = answered(objects.put_multipart(key)).await?;
    let given = give(&mut *upload, first, file).await;
    if given.is_err()
        && let Err(error) = answered(upload.abort()).await
    {
        warn!(%key, %error, "parts of an object that is not there stay in the object store");
    }
    given
}

async fn give(upload: &mut dyn MultipartUpload, first: Vec<u8>, mut file: File) -> Result<u64, UploadError> {
    let (mut part, mut bytes) = (first, 0);
    while !part.is_empty() {
        bytes += part.len() as u64;
        answered(upload.put_part(PutPayload::from(part))).await?;
        part = next_part(&mut file).await?;
    }
    answered(upload.complete()).await?;
    Ok(bytes)
}

async fn next_part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART_BYTES).read_to_end(&mut part).await?;
    Ok(part)
}

async fn answered<T>(request: impl Future<Output = object_store::Result<T>>) -> Result<T, UploadError> {
    Ok(timeout(ANSWER_WITHIN, request).await.map_err(|_| UploadError::Slow)??)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    #[tokio::test]
    async fn files_of_every_length_arrive_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (path, objects) = (folder.path().join("file"), InMemory::new());
        for length in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 7] {
            let bytes: Vec<_> = (0..length).map(|at| (at % 251) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(upload(&objects, &"key".into(), &path).await.unwrap(), length);
            assert!(objects.get(&"key".into()).await.unwrap().bytes().await.unwrap() == bytes, "{length}");
        }
    }
}

//! Where recordings are kept: a folder of this machine, or a bucket.
//!
//! Invariant: which of the two it is, nobody knows who gives it objects.

use super::bucket::{self, BucketAccess};
use super::folder::Folder;
use object_store::path::Path as ObjectKey;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// An object store deletes an object within this, with all that its client tries again.
const DELETE_WITHIN: Duration = Duration::from_secs(10);

/// Where recordings are kept. Without a bucket, in the folder `recordings` of the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingSettings {
    /// A bucket of S3, or of a service that speaks as it does. Who opens it is in the environment: [`BucketAccess`].
    pub bucket: Option<String>,
    /// The bucket's region, which overrules that of the environment.
    pub region: Option<String>,
    /// The address of the service, where it is not Amazon's: `https://…`, or `http://` on this machine.
    pub endpoint: Option<String>,
}

/// Why recordings have no place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The folder cannot be made or used.
    #[error("recordings cannot be kept in {folder}: {reason}")]
    Folder {
        /// Which.
        folder: String,
        /// What the system says.
        reason: String,
    },
    /// The bucket's settings do not go together.
    #[error("recordings.bucket cannot be used: {0}")]
    Bucket(String),
    /// The address is none.
    #[error("recordings.endpoint is no address: write https://HOST, or http://HOST on this machine")]
    Endpoint,
    /// The address is not encrypted and not of this machine.
    #[error("recordings.endpoint is http:// and not on this machine: recordings would go over the network in clear")]
    Clear,
}

impl RecordingError {
    /// Whether it stays as it is until somebody changes the configuration.
    pub(crate) fn is_configuration(&self) -> bool {
        match self {
            Self::Bucket(_) | Self::Endpoint | Self::Clear => true,
            Self::Folder { .. } => false,
        }
    }
}

/// Opens the place where recordings are kept: the bucket, with `access`, or a folder in `data`. Nothing is asked over a
/// network yet.
///
/// # Errors
/// [`RecordingError`].
pub fn open_recordings(
    settings: &RecordingSettings,
    access: &BucketAccess,
    data: &Path,
) -> Result<Arc<dyn ObjectStore>, RecordingError> {
    match &settings.bucket {
        Some(bucket) => Ok(Arc::new(bucket::open(bucket, settings, access)?)),
        None => folder(&folder_in(data)),
    }
}

/// Why an object is still there.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeleteError {
    #[error("the object store does not delete it: {0}")]
    Objects(#[from] object_store::Error),
    #[error("the object store took longer than {} s to delete it", DELETE_WITHIN.as_secs())]
    Slow,
}

/// Deletes an object; one that is gone is deleted. Cancellation safe: it is there or it is not.
///
/// # Errors
/// [`DeleteError`]; it may be gone all the same.
pub(super) async fn delete_object(objects: &dyn ObjectStore, key: &ObjectKey) -> Result<(), DeleteError> {
    match timeout(DELETE_WITHIN, objects.delete(key)).await.map_err(|_| DeleteError::Slow)? {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Where recordings are without a bucket.
pub(super) fn folder_in(data: &Path) -> PathBuf {
    data.join("recordings")
}

fn folder(path: &Path) -> Result<Arc<dyn ObjectStore>, RecordingError> {
    let refused = |reason: String| RecordingError::Folder { folder: path.display().to_string(), reason };
    Ok(Arc::new(Folder::open(path).map_err(|error| refused(error.to_string()))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(bucket: Option<&str>, endpoint: Option<&str>) -> Result<Arc<dyn ObjectStore>, RecordingError> {
        let data = tempfile::tempdir().unwrap();
        let settings = RecordingSettings {
            bucket: bucket.map(Into::into),
            region: Some("eu-central-1".into()),
            endpoint: endpoint.map(Into::into),
        };
        open_recordings(&settings, &BucketAccess::default(), data.path())
    }

    #[test]
    fn a_folder_is_the_default_and_a_bucket_can_be_named() {
        assert!(open(None, None).is_ok());
        assert!(open(Some("calls"), None).is_ok());
        assert!(open(Some("calls"), Some("https://objects.example")).is_ok());
        assert!(open(Some("calls"), Some("http://127.0.0.1:9000")).is_ok());
    }

    #[test]
    fn a_bucket_at_an_address_in_clear_is_refused() {
        let refused = open(Some("calls"), Some("http://objects.example"));
        assert!(matches!(refused, Err(RecordingError::Clear)));
    }
}

//! Where recordings are kept: a folder of this machine, or a bucket.

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectKey;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// Where recordings are kept. Without a bucket, in the folder `recordings` of the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingSettings {
    /// A bucket of S3, or of a service that speaks as it does. Its keys are in `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`.
    pub bucket: Option<String>,
    /// The bucket's region.
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
    /// The address is not encrypted and not of this machine.
    #[error("recordings.endpoint is http:// and not on this machine: recordings would go over the network in clear")]
    Clear,
}

/// Opens the place where recordings are kept. Nothing is asked over a network yet.
///
/// # Errors
/// [`RecordingError`].
pub fn open_recordings(settings: &RecordingSettings, data: &Path) -> Result<Arc<dyn ObjectStore>, RecordingError> {
    let Some(bucket) = &settings.bucket else { return folder(&data.join("recordings")) };
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &settings.endpoint {
        let is_clear = endpoint.starts_with("http://");
        if is_clear && !is_loopback(endpoint) {
            return Err(RecordingError::Clear);
        }
        builder = builder.with_endpoint(endpoint).with_allow_http(is_clear);
    }
    let bucket = builder.build().map_err(|error| RecordingError::Bucket(error.to_string()))?;
    Ok(Arc::new(bucket))
}

/// Deletes an object; one that is gone is deleted.
///
/// # Errors
/// What the object store says.
pub(super) async fn delete_object(objects: &dyn ObjectStore, key: &ObjectKey) -> Result<(), object_store::Error> {
    match objects.delete(key).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn folder(path: &Path) -> Result<Arc<dyn ObjectStore>, RecordingError> {
    let refused = |reason: String| RecordingError::Folder { folder: path.display().to_string(), reason };
    std::fs::create_dir_all(path).map_err(|error| refused(error.to_string()))?;
    let folder = LocalFileSystem::new_with_prefix(path).map_err(|error| refused(error.to_string()))?;
    Ok(Arc::new(folder))
}

fn is_loopback(endpoint: &str) -> bool {
    let host = url::Url::parse(endpoint).ok().and_then(|url| {
        Some(match url.host()? {
            url::Host::Domain(name) => name == "localhost",
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => address.is_loopback(),
        })
    });
    host.unwrap_or(false)
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
        open_recordings(&settings, data.path())
    }

    #[test]
    fn a_folder_is_the_default_and_a_bucket_can_be_named() {
        assert!(open(None, None).is_ok());
        assert!(open(Some("calls"), None).is_ok());
        assert!(open(Some("calls"), Some("https://objects.example")).is_ok());
        assert!(open(Some("calls"), Some("http://127.0.0.1:9000")).is_ok());
    }

    #[test]
    fn recordings_do_not_go_over_a_network_in_clear() {
        for endpoint in ["http://objects.example", "http://127.0.0.1.example:9000"] {
            assert!(matches!(open(Some("calls"), Some(endpoint)), Err(RecordingError::Clear)), "{endpoint}");
        }
    }
}

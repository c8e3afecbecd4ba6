//! The bucket of recordings: where it is, and who opens it.
//!
//! Invariant: of the environment only [`VARIABLES`] count, which say who asks. Where to ask, and whether unencrypted, the
//! configuration alone says, and no `Debug` shows what a variable holds.

use super::objects::{RecordingError, RecordingSettings};
use crate::this_machine::is_this_machine;
use object_store::ClientOptions;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use url::Url;

/// The variables that are read here: a pair of keys, a session's token, the region; and what EKS and ECS set for the role
/// of a pod or a task. The role of an EC2 instance needs none.
pub(crate) const VARIABLES: [&str; 11] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// A bucket that takes or gives nothing for so long is taken for gone. It is also what one part of an upload may take, of which
/// the bucket says nothing before it has all of it; how long a download lasts is its client's to say.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// What the environment says of who opens the bucket.
#[derive(Clone, Debug, Default)]
pub struct BucketAccess(Vec<(AmazonS3ConfigKey, SecretString)>);

impl BucketAccess {
    /// What `value` says, by the variables' names.
    pub(crate) fn read(value: impl Fn(&'static str) -> Option<String>) -> Self {
        let setting = |variable: &'static str| {
            let key = variable.to_ascii_lowercase().parse().ok()?;
            Some((key, SecretString::from(value(variable)?)))
        };
        Self(VARIABLES.into_iter().filter_map(setting).collect())
    }
}

/// The bucket of these settings. Nothing is asked over a network yet.
pub(super) fn open(
    bucket: &str,
    settings: &RecordingSettings,
    access: &BucketAccess,
) -> Result<AmazonS3, RecordingError> {
    builder(bucket, settings, access)?.build().map_err(|error| RecordingError::Bucket(error.to_string()))
}

fn builder(
    bucket: &str,
    settings: &RecordingSettings,
    access: &BucketAccess,
) -> Result<AmazonS3Builder, RecordingError> {
    let with = |builder: AmazonS3Builder, (key, value): &(AmazonS3ConfigKey, SecretString)| {
        builder.with_config(*key, value.expose_secret())
    };
    let client = ClientOptions::new().with_timeout_disabled().with_read_timeout(SILENCE_LIMIT);
    let mut builder = access.0.iter().fold(AmazonS3Builder::new().with_client_options(client), with);
    builder = builder.with_bucket_name(bucket);
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(is_clear(endpoint)?);
    }
    Ok(builder)
}

/// Whether recordings go to `endpoint` unencrypted, which they may on this machine only.
fn is_clear(endpoint: &str) -> Result<bool, RecordingError> {
    let url = Url::parse(endpoint).map_err(|_| RecordingError::Endpoint)?;
    match url.scheme() {
        "https" => Ok(false),
        "http" if url.host_str().is_some_and(is_this_machine) => Ok(true),
        "http" => Err(RecordingError::Clear),
        _ => Err(RecordingError::Endpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ClientConfigKey;

    fn settings(endpoint: Option<&str>) -> RecordingSettings {
        RecordingSettings { bucket: None, region: None, endpoint: endpoint.map(Into::into) }
    }

    fn access(variables: &[(&str, &str)]) -> BucketAccess {
        let find = |name: &str| variables.iter().find(|(variable, _)| *variable == name);
        BucketAccess::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    fn built(endpoint: Option<&str>, variables: &[(&str, &str)]) -> impl Fn(AmazonS3ConfigKey) -> Option<String> {
        let builder = builder("calls", &settings(endpoint), &access(variables)).unwrap();
        builder.clone().build().unwrap();
        move |key| builder.get_config_value(&key)
    }

    const KEYS: [(&str, &str); 4] = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("AWS_SESSION_TOKEN", "hush too"),
        ("AWS_REGION", "eu-west-3"),
    ];

    #[test]
    fn who_asks_comes_from_the_environment_and_is_not_shown() {
        let value = built(None, &KEYS);
        assert_eq!(value(AmazonS3ConfigKey::AccessKeyId).as_deref(), Some("id"));
        assert_eq!(value(AmazonS3ConfigKey::SecretAccessKey).as_deref(), Some("hush"));
        assert_eq!(value(AmazonS3ConfigKey::Token).as_deref(), Some("hush too"));
        assert_eq!(value(AmazonS3ConfigKey::Region).as_deref(), Some("eu-west-3"));
        assert!(!format!("{:?}", access(&KEYS)).contains("hush"));
        let here = RecordingSettings { region: Some("eu-central-1".into()), ..settings(None) };
        let builder = builder("calls", &here, &access(&KEYS)).unwrap();
        assert_eq!(builder.get_config_value(&AmazonS3ConfigKey::Region).as_deref(), Some("eu-central-1"));
    }

    #[test]
    fn where_recordings_go_does_not_come_from_the_environment() {
        let elsewhere = [
            ("AWS_ENDPOINT", "http://evil.example"),
            ("AWS_ENDPOINT_URL", "http://evil.example"),
            ("AWS_ENDPOINT_URL_S3", "http://evil.example"),
            ("AWS_METADATA_ENDPOINT", "http://evil.example"),
            ("AWS_ENDPOINT_URL_STS", "http://evil.example"),
            ("AWS_BUCKET", "other"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_SKIP_SIGNATURE", "true"),
        ];
        for endpoint in [None, Some("https://objects.example")] {
            let value = built(endpoint, &elsewhere);
            assert_eq!(value(AmazonS3ConfigKey::Endpoint).as_deref(), endpoint);
            assert_eq!(value(AmazonS3ConfigKey::S3Endpoint), None);
            assert_eq!(value(AmazonS3ConfigKey::MetadataEndpoint), None);
            assert_eq!(value(AmazonS3ConfigKey::StsEndpoint), None);
            assert_eq!(value(AmazonS3ConfigKey::Bucket).as_deref(), Some("calls"));
            assert_eq!(value(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp)).as_deref(), Some("false"));
            assert_eq!(value(AmazonS3ConfigKey::SkipSignature).as_deref(), Some("false"));
        }
    }

    #[test]
    fn an_answer_is_given_up_when_nothing_comes_and_not_because_it_is_long() {
        let value = built(None, &KEYS);
        assert_eq!(value(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout)), None);
        assert_eq!(value(AmazonS3ConfigKey::Client(ClientConfigKey::ReadTimeout)).as_deref(), Some("1m"));
    }

    #[test]
    fn every_variable_is_one_that_the_client_knows() {
        let all: Vec<_> = VARIABLES.map(|variable| (variable, "x")).into();
        assert_eq!(access(&all).0.len(), VARIABLES.len());
    }

    #[test]
    fn recordings_do_not_go_over_a_network_in_clear() {
        for endpoint in ["http://objects.example", "HTTP://objects.example", "http://127.0.0.1.example:9000"] {
            assert!(matches!(is_clear(endpoint), Err(RecordingError::Clear)), "{endpoint}");
        }
        for endpoint in ["objects.example", "ftp://objects.example", ""] {
            assert!(matches!(is_clear(endpoint), Err(RecordingError::Endpoint)), "{endpoint}");
        }
        assert!(is_clear("http://127.0.0.1:9000").unwrap() && !is_clear("https://objects.example").unwrap());
    }
}

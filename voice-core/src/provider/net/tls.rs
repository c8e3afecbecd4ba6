//! TLS for every connection: one provider of cryptography, given by name, and the platform's certificates.
//!
//! Invariant: the provider is always given explicitly. rustls finds one by itself only while a single one is compiled in;
//! an embedder's second one would make connections panic.

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::{Arc, OnceLock};

/// The connections' settings, the same for all, so that sessions are resumed across calls. Without ALPN.
///
/// # Errors
/// What is wrong with the platform's certificates and what to do.
pub(super) fn config() -> Result<ClientConfig, String> {
    static SHARED: OnceLock<Result<ClientConfig, String>> = OnceLock::new();
    let trusting_platform = || builder().and_then(|builder| builder.with_platform_verifier());
    let build = || trusting_platform().map(|builder| builder.with_no_client_auth()).map_err(|error| no_roots(&error));
    SHARED.get_or_init(build).clone()
}

/// Settings that trust nobody: for plain connections on a machine without certificates.
///
/// # Errors
/// What is wrong with the cryptography.
pub(super) fn trusting_nobody() -> Result<ClientConfig, String> {
    let builder = builder().map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    builder.with_safe_default_protocol_versions()
}

fn no_roots(error: &rustls::Error) -> String {
    format!("this machine has no certificates to judge a server by ({error}): install the package ca-certificates")
}

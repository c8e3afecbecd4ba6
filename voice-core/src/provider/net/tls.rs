//! TLS for every connection: one provider of cryptography, given by name, and the platform's certificates.
//!
//! Invariant: the provider is always given explicitly. rustls finds one by itself only while a single one is compiled in;
//! an embedder's second one would make connections panic.

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::{Arc, OnceLock};

/// The connections' settings without ALPN, the same for all: sessions are resumed across calls.
///
/// # Errors
/// What is wrong with the platform's certificates and what to do.
pub(super) fn config() -> Result<Arc<ClientConfig>, String> {
    static SHARED: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    SHARED.get_or_init(|| build().map(Arc::new)).clone()
}

fn build() -> Result<ClientConfig, String> {
    let wrong = |error: rustls::Error| {
        format!(
            "this machine's certificates cannot be used ({error}): install ca-certificates, or mount /etc/ssl/certs"
        )
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(wrong)?;
    Ok(builder.with_platform_verifier().map_err(wrong)?.with_no_client_auth())
}

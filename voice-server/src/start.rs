//! What a server of this process is made of besides its agent: whom it trusts and where it keeps what happens.
//!
//! Invariant: nothing is served before both are there.

use crate::agent::AgentError;
use crate::auth::{Deployment, KeyError, LocalIssuer, Verifier};
use crate::check::CheckError;
use crate::config::{ConfigError, Settings};
use crate::db::DbError;
use crate::development::Development;
use crate::environment::EnvironmentError;
use crate::log::LogError;
use crate::persist::RecordingError;
use crate::store::{AnyStore, OpenError, StoreError};
use crate::token::TokenError;
use std::error::Error;
use std::sync::Arc;
use tracing::info;

/// The exit code for a configuration that is not to be started with (`EX_CONFIG` of sysexits.h).
const BAD_CONFIGURATION: u8 = 78;

/// The exit code for everything else.
const FAILURE: u8 = 1;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is nobody whose tokens it could take.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// There is nothing to keep things in.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store does not do what it must at the start.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StartError {
    fn is_configuration(&self) -> bool {
        match self {
            Self::Keys(error) => error.is_configuration(),
            Self::Open(error) => error.is_configuration(),
            Self::Store(_) => false,
        }
    }
}

/// The exit code that tells what is wrong: 78 for a configuration that is not to be started with, else 1.
pub fn exit_code(error: &(dyn Error + 'static)) -> u8 {
    if is_configuration(error) { BAD_CONFIGURATION } else { FAILURE }
}

/// Whether it stays as it is until somebody changes the configuration. What may be otherwise the next time is not the
/// configuration's fault.
fn is_configuration(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref() {
        Some(TokenError::Environment(_) | TokenError::Production) => return true,
        Some(TokenError::Config(error)) => return error.is_configuration(),
        Some(TokenError::Start(error)) => return error.is_configuration(),
        Some(TokenError::Taken) | None => {}
    }
    match error.downcast_ref() {
        Some(CheckError::Environment(_) | CheckError::Log(_)) => return true,
        Some(CheckError::Config(error)) => return error.is_configuration(),
        Some(CheckError::Agent(error)) => return error.is_configuration(),
        Some(CheckError::Failed { .. }) | None => {}
    }
    error.is::<EnvironmentError>()
        || matches!(error.downcast_ref(), Some(DbError::Environment(_)))
        || error.is::<LogError>()
        || error.downcast_ref().is_some_and(StartError::is_configuration)
        || error.downcast_ref().is_some_and(ConfigError::is_configuration)
        || error.downcast_ref().is_some_and(AgentError::is_configuration)
        || error.downcast_ref().is_some_and(RecordingError::is_configuration)
}

/// The verifier and the store of a server with these settings. In development, the tenant and the user that
/// `voice-server call` calls as are there.
///
/// # Errors
/// [`StartError`].
pub(crate) async fn trust_and_store(settings: &Settings) -> Result<(Verifier, Arc<dyn AnyStore>), StartError> {
    let issuers = settings.environment.issuers();
    let verifier = issuers.verifier(&settings.data).await?;
    let store = open_store(settings).await?;
    if issuers.deployment == Deployment::Development {
        Development::default().ensure(&*store).await?;
    }
    Ok((verifier, store))
}

/// Who signs the page's tokens: the local issuer in development, and nobody else anywhere else.
///
/// # Errors
/// [`StartError::Keys`].
pub(crate) fn local_issuer(settings: &Settings) -> Result<Option<Arc<LocalIssuer>>, StartError> {
    match settings.environment.issuers().deployment {
        Deployment::Development => Ok(Some(Arc::new(LocalIssuer::open(&settings.data)?))),
        Deployment::Production => Ok(None),
    }
}

/// The store of these settings.
///
/// # Errors
/// [`OpenError`].
pub(crate) async fn open_store(settings: &Settings) -> Result<Arc<dyn AnyStore>, OpenError> {
    let environment = &settings.environment;
    let choice = environment.store().choose(environment.issuers().deployment, &settings.data)?;
    let opened = choice.open().await?;
    info!("{}", opened.note);
    Ok(opened.store)
}

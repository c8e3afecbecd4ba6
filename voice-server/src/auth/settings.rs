//! What the environment says of who may call, and the verifier that follows from it.
//!
//! Invariant: nothing said leads to a server without verification: in production it does not start, in development it
//! trusts the tokens it signs itself.

use super::error::KeyError;
use super::jwks::{Jwks, issuer_of};
use super::local::LocalIssuer;
use super::secret::SharedSecret;
use super::verifier::Verifier;
use secrecy::SecretString;
use std::path::Path;
use tracing::warn;

const DEPLOYMENT: &str = "ENVIRONMENT";
const PROJECT: &str = "SUPABASE_URL";
const SECRET: &str = "SUPABASE_JWT_SECRET";
const ISSUER: &str = "SUPABASE_JWT_ISSUER";

/// The variables that are read here.
#[cfg(test)]
pub(crate) const VARIABLES: [&str; 4] = [DEPLOYMENT, PROJECT, SECRET, ISSUER];

/// What a server is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deployment {
    /// Trying things out on one's own machine: the server signs tokens itself.
    #[default]
    Development,
    /// Real callers: tokens come from the project's issuer and from nobody else.
    Production,
}

impl Deployment {
    /// What the variable says; `None` for a word that is neither.
    fn parse(word: &str) -> Option<Self> {
        match word {
            "development" => Some(Self::Development),
            "production" => Some(Self::Production),
            _ => None,
        }
    }
}

/// Whose tokens the environment tells to trust.
#[derive(Clone, Debug, Default)]
pub struct TrustedIssuers {
    /// What the server is for.
    pub deployment: Deployment,
    /// `SUPABASE_URL`: its published keys are trusted.
    pub project: Option<String>,
    /// `SUPABASE_JWT_SECRET`.
    pub secret: Option<SecretString>,
    /// `SUPABASE_JWT_ISSUER`: the `iss` of tokens signed with the secret; without it that of the project.
    pub issuer: Option<String>,
}

impl TrustedIssuers {
    /// What `value` says, by the variables' names; `None` if the deployment is neither of the two.
    pub(crate) fn read(value: impl Fn(&'static str) -> Option<String>) -> Option<Self> {
        let deployment = match value(DEPLOYMENT) {
            Some(word) => Deployment::parse(&word)?,
            None => Deployment::default(),
        };
        let secret = value(SECRET).map(SecretString::from);
        Some(Self { deployment, project: value(PROJECT), secret, issuer: value(ISSUER) })
    }

    /// The verifier of a server whose data directory is `data`: published keys are fetched, the local issuer's key is
    /// made if it is missing.
    ///
    /// # Errors
    /// [`KeyError`]: the server is not to start.
    pub async fn verifier(&self, data: &Path) -> Result<Verifier, KeyError> {
        let (secret, published) = (self.shared_secret()?, self.published()?);
        let mut verifier = Verifier::default();
        if self.deployment == Deployment::Development {
            verifier = verifier.with_local(&LocalIssuer::open(data)?);
        } else if secret.is_none() && published.is_none() {
            return Err(KeyError::NoSource);
        }
        if let Some(secret) = secret {
            verifier = verifier.with_secret(secret);
        }
        if let Some(published) = published {
            self.fetch(&published).await?;
            verifier = verifier.with_published(published);
        }
        Ok(verifier)
    }

    /// Without any keys a server is of no use; with others it starts, and these are fetched later.
    async fn fetch(&self, published: &Jwks) -> Result<(), KeyError> {
        let has_others = self.deployment == Deployment::Development || self.secret.is_some();
        match published.fetch().await {
            Err(error) if has_others => warn!(%error, "the keys at SUPABASE_URL cannot be fetched yet"),
            fetched => fetched?,
        }
        Ok(())
    }

    fn shared_secret(&self) -> Result<Option<SharedSecret>, KeyError> {
        let Some(secret) = &self.secret else { return Ok(None) };
        let issuer = match (&self.issuer, &self.project) {
            (Some(issuer), _) => issuer.clone(),
            (None, Some(project)) => issuer_of(project)?,
            (None, None) => return Err(KeyError::NoIssuer),
        };
        SharedSecret::new(secret, &issuer).map(Some)
    }

    fn published(&self) -> Result<Option<Jwks>, KeyError> {
        self.project.as_deref().map(Jwks::of_project).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::AuthError;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    const KEY: &str = "a secret of a project that is long enough";

    fn issuers(variables: &[(&str, &str)]) -> TrustedIssuers {
        let find = |name: &str| variables.iter().find(|(variable, _)| *variable == name);
        TrustedIssuers::read(|name| find(name).map(|(_, value)| (*value).to_owned())).expect("a deployment")
    }

    fn token(issuer: &str) -> String {
        let exp = jsonwebtoken::get_current_timestamp() + 60;
        let sub = uuid::Uuid::nil();
        let claims = json!({ "iss": issuer, "aud": "authenticated", "role": "authenticated", "sub": sub, "exp": exp });
        jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY.as_bytes())).unwrap()
    }

    #[tokio::test]
    async fn the_issuer_of_the_secret_is_the_one_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let variables = [(DEPLOYMENT, "production"), (SECRET, KEY), (ISSUER, "https://p.example/auth/v1")];
        let verifier = issuers(&variables).verifier(folder.path()).await.unwrap();
        assert!(verifier.verify(&token("https://p.example/auth/v1")).await.is_ok());
        assert_eq!(verifier.verify(&token("https://other.example/auth/v1")).await, Err(AuthError::Issuer));
        assert!(LocalIssuer::existing(folder.path()).unwrap().is_none(), "production has no issuer of its own");
    }

    #[tokio::test]
    async fn production_takes_no_token_of_the_local_issuer_even_if_its_key_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let local = LocalIssuer::open(folder.path()).unwrap();
        let life = std::time::Duration::from_secs(60);
        let token = local.sign(crate::UserId(uuid::Uuid::nil()), life).unwrap();
        let token = secrecy::ExposeSecret::expose_secret(&token);
        let verifier = issuers(&[]).verifier(folder.path()).await.unwrap();
        assert!(verifier.verify(token).await.is_ok(), "development does");
        let variables = [(DEPLOYMENT, "production"), (SECRET, KEY), (ISSUER, "https://p.example/auth/v1")];
        let verifier = issuers(&variables).verifier(folder.path()).await.unwrap();
        assert_eq!(verifier.verify(token).await, Err(AuthError::Signature));
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let said = format!("{:?}", issuers(&[(SECRET, KEY), (PROJECT, "https://p.example")]));
        assert!(said.contains("p.example") && !said.contains(KEY), "{said}");
    }
}

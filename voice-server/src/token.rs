//! The `token` subcommand: a token of the local issuer, for trying things out.
//!
//! Invariant: in development only. Standard output has the token and nothing else.

use crate::auth::{Deployment, KeyError, LocalIssuer};
use crate::config::{ConfigError, ServeArgs, Settings};
use crate::development::Development;
use crate::environment::{Environment, EnvironmentError};
use crate::principal::Role;
use crate::start::{StartError, open_store};
use crate::store::SystemStore;
use secrecy::ExposeSecret;
use std::time::Duration;

/// The longest life of a token.
const MAX_TTL: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Flags of `voice-server token`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TokenArgs {
    /// The tenant: a name, which always means the same tenant, or a UUID. It is made if it is missing.
    #[arg(long, value_name = "NAME-or-UUID", default_value = "development")]
    pub(crate) tenant: String,
    /// The user, likewise.
    #[arg(long, value_name = "NAME-or-UUID", default_value = "developer")]
    pub(crate) user: String,
    /// What a user who is made may do: member, admin or platform_admin.
    #[arg(long, value_name = "ROLE", default_value = "member", value_parser = parse_role)]
    pub(crate) role: Role,
    /// How long the token is valid: 90s, 15m, 1h or 7d; at most 30d.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_ttl)]
    pub(crate) ttl: Duration,
    /// The server whose tokens these are.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The environment is wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no key or no store.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Tokens are the issuer's affair.
    #[error(
        "tokens are signed here in development only: with ENVIRONMENT=production they come from the project's issuer"
    )]
    Production,
    /// The user is there already, and is something else.
    #[error(
        "there is such a user already, of another tenant or with another role: choose another --user, or the same --tenant and --role"
    )]
    Taken,
}

/// Makes the tenant and the user, and prints a token.
///
/// # Errors
/// [`TokenError`].
pub(crate) async fn run(args: &TokenArgs) -> Result<(), TokenError> {
    let settings = Settings::load(&args.serve, Environment::of_process()?)?;
    if settings.environment.issuers().deployment == Deployment::Production {
        return Err(TokenError::Production);
    }
    let who = Development::named(&args.tenant, &args.user, args.role);
    let issuer = LocalIssuer::open(&settings.data).map_err(StartError::from)?;
    let store = open_store(&settings).await.map_err(StartError::from)?;
    ensure(who, &*store).await?;
    let token = issuer.sign(who.user, args.ttl).map_err(|error: KeyError| StartError::from(error))?;
    println!("{}", token.expose_secret());
    Ok(())
}

async fn ensure(who: Development, store: &dyn SystemStore) -> Result<(), TokenError> {
    who.ensure(store).await.map_err(StartError::from)?;
    let standing = store.standing(who.user).await.map_err(StartError::from)?;
    let is_wanted = standing
        .is_some_and(|standing| (standing.principal.tenant(), standing.principal.role()) == (who.tenant, who.role));
    if is_wanted { Ok(()) } else { Err(TokenError::Taken) }
}

fn parse_role(word: &str) -> Result<Role, &'static str> {
    Role::parse(word).ok_or("write member, admin or platform_admin")
}

fn parse_ttl(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "write a whole number and s, m, h or d, as in 90s, 15m, 1h or 7d; at most 30d";
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_s = match text.get(number.len()..) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => return Err(WRONG),
    };
    let seconds = number.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_s));
    let ttl = seconds.map(Duration::from_secs).filter(|ttl| (Duration::from_secs(1)..=MAX_TTL).contains(ttl));
    ttl.ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3_600), ("30d", 2_592_000)] {
            assert_eq!(parse_ttl(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "1", "1.5h", "-1h", "0s", "31d", "1 h", "1hh", "99999999999999999999d", "\u{1f600}"] {
            assert!(parse_ttl(text).is_err(), "{text}");
        }
    }
}

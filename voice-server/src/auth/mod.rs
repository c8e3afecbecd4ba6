//! Who may call: tokens, whose they are, and what their tenant may use.
//!
//! Invariant: nobody is let in without a token that one of the configured keys has signed and a profile in the store; the
//! tenant and the role come from that profile. There is no switch that skips this. Tokens and keys are in no log.

mod believed;
mod caller;
mod clock;
mod error;
mod gate;
mod jwks;
mod key;
mod local;
mod minutes;
pub(crate) mod origin;
mod rate;
mod refused;
mod secret;
mod settings;
mod shown;
mod tenants;
pub(crate) mod ticket_api;
mod tickets;
mod verifier;

pub use error::{AuthError, FetchError, KeyError};
pub use jwks::Jwks;
pub use key::Verified;
pub use local::LocalIssuer;
pub use secret::SharedSecret;
pub use settings::{Deployment, TrustedIssuers};
pub use verifier::Verifier;

use crate::addresses::AddressPlace;

pub(crate) use caller::{Caller, Holding};
pub(crate) use gate::{Gate, Identity};
pub(crate) use refused::{Refused, UNAUTHORIZED};
#[cfg(test)]
pub(crate) use settings::VARIABLES;
pub(crate) use shown::{SUBPROTOCOL, Shown, call_to_resume};
pub(crate) use tenants::Place;

/// A client that has not said who it is, as long as it lives.
pub(crate) type Stranger = AddressPlace;

/// The longest token that is looked at.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The shortest secret that is used.
pub const MIN_SECRET_BYTES: usize = 32;

/// The longest key set that is read.
const MAX_KEY_SET_BYTES: usize = 64 * 1024;

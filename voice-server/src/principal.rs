//! Who asks: the identity that every read and write of a tenant's data carries.
//!
//! Invariant: a [`Principal`] is made only from a verified token and the profile its subject has in the store. Tenant and
//! role come from that profile, never from the token and never from a request.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// Makes an identifier that cannot be taken for another kind's.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    };
}

id!(
    /// A tenant: whose data it is.
    TenantId
);
id!(
    /// A user: the subject of a token.
    UserId
);
id!(
    /// A call; UUIDv7, so that ids sort by their start.
    CallUuid
);

/// What a user may do; a column of the user's profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Places calls and reads and edits what belongs to the tenant.
    Member,
    /// Likewise; reserved for what a tenant administers itself.
    Admin,
    /// Administers tenants and users of the whole server, and is a member of its own tenant.
    PlatformAdmin,
}

impl Role {
    /// As it is written in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::PlatformAdmin => "platform_admin",
        }
    }

    /// What the database wrote; `None` for a word that is no role.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Member, Self::Admin, Self::PlatformAdmin].into_iter().find(|role| role.as_str() == word)
    }
}

/// A user of a tenant, verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    user: UserId,
    tenant: TenantId,
    role: Role,
}

impl Principal {
    /// Only a store makes one, from a profile that it found.
    pub(crate) fn new(user: UserId, tenant: TenantId, role: Role) -> Self {
        Self { user, tenant, role }
    }

    /// Who.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Of which tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What they may do.
    pub fn role(&self) -> Role {
        self.role
    }
}

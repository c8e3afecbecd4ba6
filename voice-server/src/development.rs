//! Development's own tenant and user, by name.
//!
//! Invariant: a name is the same id on every machine and in every store, and a user's id depends on the tenant's.

use crate::principal::{Role, TenantId, UserId};
use crate::store::{Stored, SystemStore};
use uuid::Uuid;

/// What the ids of tenants are derived in.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b0f_3c1e_52d4_4a8f_9d27_c1b8_4e90_73a5);

/// A user of a tenant, for tokens of the local issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Development {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) role: Role,
}

/// Whom `voice-server call` calls as.
impl Default for Development {
    fn default() -> Self {
        Self::named("development", "developer", Role::Member)
    }
}

impl Development {
    /// Names or UUIDs; a UUID is itself.
    pub(crate) fn named(tenant: &str, user: &str, role: Role) -> Self {
        let tenant = id(NAMESPACE, tenant);
        Self { tenant: TenantId(tenant), user: UserId(id(tenant, user)), role }
    }

    /// Makes them where they are missing.
    pub(crate) async fn ensure(&self, store: &dyn SystemStore) -> Stored<()> {
        store.ensure_development(self.tenant, self.user, self.role).await
    }
}

fn id(namespace: Uuid, name: &str) -> Uuid {
    Uuid::parse_str(name).unwrap_or_else(|_| Uuid::new_v5(&namespace, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_always_the_same_id_and_a_uuid_is_itself() {
        let of = |tenant: &str, user: &str| Development::named(tenant, user, Role::Member);
        assert_eq!(of("acme", "ann"), of("acme", "ann"));
        assert_eq!(of("acme", "ann").tenant, of("acme", "bob").tenant);
        assert_ne!(of("acme", "ann").user, of("other", "ann").user);
        assert_ne!(of("acme", "acme").tenant.0, of("acme", "acme").user.0);
        let given = of("7f3d3c1e-52d4-4a8f-9d27-c1b84e9073a5", "00000000-0000-0000-0000-000000000001");
        assert_eq!(given.user, UserId(Uuid::from_u128(1)));
        assert_eq!(given.tenant.to_string(), "7f3d3c1e-52d4-4a8f-9d27-c1b84e9073a5");
    }
}

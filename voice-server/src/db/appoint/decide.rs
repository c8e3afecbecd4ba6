//! What is to be done so that somebody administers the platform.
//!
//! Invariant: pure; knows no database.

use super::{Refusal, Wanted};
use crate::principal::{Role, TenantId};
use uuid::Uuid;

/// What there is already.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Every plan with its name, the cheapest first.
    pub(crate) plans: Vec<(Uuid, String)>,
    /// The tenants that may be meant, each with the name of its plan; two are as many as more.
    pub(crate) tenants: Vec<(TenantId, String)>,
    /// The user's tenant and role, where they have a profile.
    pub(crate) profile: Option<(TenantId, Role)>,
}

/// What is to be done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) tenant: OfTenant,
    pub(crate) user: OfUser,
}

/// What is to be done about the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfTenant {
    /// It is there.
    Nothing(TenantId),
    /// It is made with this id, on this plan.
    Make { id: TenantId, plan: Uuid },
}

/// What is to be done about the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfUser {
    /// They administer already.
    Nothing,
    /// They are made.
    Make,
    /// They get the role.
    Promote,
}

impl OfTenant {
    /// Which tenant it is.
    pub(crate) fn id(self) -> TenantId {
        match self {
            Self::Nothing(id) | Self::Make { id, .. } => id,
        }
    }
}

/// What is to be done; a tenant that is to be made gets the id `fresh`.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn decide(wanted: &Wanted, found: &Found, fresh: TenantId) -> Result<Steps, Refusal> {
    let tenant = match &found.tenants[..] {
        [] => OfTenant::Make { id: fresh, plan: plan_of_new(wanted, found)? },
        [(id, plan)] => {
            let is_wanted = wanted.plan.as_ref().is_none_or(|wanted| wanted == plan);
            if is_wanted { OfTenant::Nothing(*id) } else { return Err(Refusal::OtherPlan(plan.clone())) }
        }
        _ => return Err(Refusal::Ambiguous),
    };
    let user = match found.profile {
        None => OfUser::Make,
        Some((of, _)) if of != tenant.id() => return Err(Refusal::OtherTenant),
        Some((_, Role::PlatformAdmin)) => OfUser::Nothing,
        Some((_, Role::Member | Role::Admin)) => OfUser::Promote,
    };
    Ok(Steps { tenant, user })
}

fn plan_of_new(wanted: &Wanted, found: &Found) -> Result<Uuid, Refusal> {
    if Uuid::parse_str(&wanted.tenant).is_ok() {
        return Err(Refusal::NoTenant);
    }
    let is_wanted = |name: &String| wanted.plan.as_ref().is_none_or(|wanted| wanted == name);
    let plan = found.plans.iter().find(|(_, name)| is_wanted(name));
    let names = || found.plans.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
    plan.map(|(id, _)| *id).ok_or_else(|| Refusal::NoPlan(names()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::UserId;

    const FRESH: TenantId = TenantId(Uuid::from_u128(9));
    const ACME: TenantId = TenantId(Uuid::from_u128(1));
    const OTHER: TenantId = TenantId(Uuid::from_u128(2));

    fn steps(
        tenant: &str,
        plan: Option<&str>,
        tenants: &[TenantId],
        profile: Option<(TenantId, Role)>,
    ) -> Result<Steps, Refusal> {
        let wanted = Wanted { user: UserId(Uuid::nil()), tenant: tenant.into(), plan: plan.map(Into::into) };
        let plans = vec![(Uuid::from_u128(11), "starter".into()), (Uuid::from_u128(12), "team".into())];
        let tenants = tenants.iter().map(|id| (*id, "starter".into())).collect();
        decide(&wanted, &Found { plans, tenants, profile }, FRESH)
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_so_stays() {
        let make = |plan| OfTenant::Make { id: FRESH, plan: Uuid::from_u128(plan) };
        let (there, admin) = (OfTenant::Nothing(ACME), Some((ACME, Role::PlatformAdmin)));
        for (plan, tenants, profile, tenant, user) in [
            (None, &[][..], None, make(11), OfUser::Make),
            (Some("team"), &[], None, make(12), OfUser::Make),
            (None, &[ACME], None, there, OfUser::Make),
            (None, &[ACME], Some((ACME, Role::Member)), there, OfUser::Promote),
            (None, &[ACME], Some((ACME, Role::Admin)), there, OfUser::Promote),
            (Some("starter"), &[ACME], admin, there, OfUser::Nothing),
        ] {
            assert_eq!(
                steps("acme", plan, tenants, profile),
                Ok(Steps { tenant, user }),
                "{plan:?} {tenants:?} {profile:?}"
            );
        }
    }

    #[test]
    fn what_would_change_somebody_elses_is_refused() {
        let of_other = Some((OTHER, Role::Member));
        assert_eq!(steps("acme", None, &[], of_other), Err(Refusal::OtherTenant));
        assert_eq!(steps("acme", None, &[ACME], of_other), Err(Refusal::OtherTenant));
        assert_eq!(steps("acme", None, &[ACME, OTHER], None), Err(Refusal::Ambiguous));
        assert_eq!(steps("acme", Some("team"), &[ACME], None), Err(Refusal::OtherPlan("starter".into())));
        assert_eq!(steps("acme", Some("gold"), &[], None), Err(Refusal::NoPlan("starter, team".into())));
        assert_eq!(steps(&ACME.to_string(), None, &[], None), Err(Refusal::NoTenant));
    }
}

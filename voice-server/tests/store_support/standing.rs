//! Who somebody is here.

use super::{Bench, missing, refusal};
use uuid::Uuid;
use voice_server::store::{Standing, TenantChange, TenantLimits, TenantStatus};
use voice_server::{Role, TenantId, UserId};

pub(crate) async fn a_subject_without_a_profile_has_no_standing(bench: Bench) {
    assert_eq!(bench.standing(UserId(Uuid::now_v7())).await.unwrap(), None);
}

pub(crate) async fn a_standing_tells_tenant_role_and_limits(bench: Bench) {
    let admin = bench.somebody(Role::PlatformAdmin).await;
    for role in [Role::Member, Role::Admin, Role::PlatformAdmin] {
        let who = bench.somebody(role).await;
        assert_eq!(who.role(), role);
        let change = TenantChange {
            records_calls: Some(true),
            allowed_origins: Some(vec!["https://a.example".into(), "http://localhost:3000".into()]),
            ..TenantChange::default()
        };
        bench.change_tenant(&admin, who.tenant(), &change).await.unwrap();
        let plan = bench.me(&who).await.unwrap().plan;
        let expected = Standing {
            principal: who,
            status: TenantStatus::Active,
            limits: TenantLimits {
                max_concurrent_calls: plan.max_concurrent_calls,
                max_call_minutes: plan.max_call_minutes,
            },
            records_calls: true,
            allowed_origins: change.allowed_origins.unwrap(),
        };
        assert_eq!(bench.standing(who.user()).await.unwrap(), Some(expected));
    }
}

pub(crate) async fn development_is_made_once(bench: Bench) {
    let (tenant, user) = (TenantId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    bench.ensure_development(tenant, user, Role::PlatformAdmin).await.unwrap();
    let made = bench.standing(user).await.unwrap().unwrap();
    assert_eq!((made.principal.tenant(), made.principal.role()), (tenant, Role::PlatformAdmin));
    assert!(made.limits.max_concurrent_calls > 0 && made.limits.max_call_minutes > 0);
    // What is there stays: its role, its tenant and what was changed of them.
    bench.rename_me(&made.principal, "Ada").await.unwrap();
    let elsewhere = TenantId(Uuid::now_v7());
    for (tenant, role) in [(tenant, Role::Member), (elsewhere, Role::Member)] {
        bench.ensure_development(tenant, user, role).await.unwrap();
    }
    assert_eq!(bench.standing(user).await.unwrap().unwrap(), made);
    assert_eq!(bench.me(&made.principal).await.unwrap().user.full_name, "Ada");
}

pub(crate) async fn a_profile_says_who_asks(bench: Bench) {
    let who = bench.member().await;
    let me = bench.me(&who).await.unwrap();
    assert_eq!((me.user.id, me.user.tenant_id, me.user.role), (who.user(), who.tenant(), Role::Member));
    assert_eq!((me.tenant.id, me.tenant.plan_id, me.tenant.status), (who.tenant(), me.plan.id, TenantStatus::Active));
    let colleague = bench.colleague_of(who.tenant(), Role::Member).await;
    let name = "\u{fc}".repeat(200);
    let renamed = bench.rename_me(&who, &name).await.unwrap();
    assert_eq!((&renamed.full_name, bench.me(&who).await.unwrap().user), (&name, renamed.clone()));
    assert_ne!(bench.me(&colleague).await.unwrap().user.full_name, name);
    assert!(refusal(bench.rename_me(&who, &"n".repeat(201)).await).contains("full_name"));
    let admin = bench.somebody(Role::PlatformAdmin).await;
    bench.delete_user(&admin, who.user()).await.unwrap();
    assert_eq!(missing(bench.me(&who).await), "user");
    assert_eq!(missing(bench.rename_me(&who, "Ada").await), "user");
}

pub(crate) async fn plans_come_cheapest_first(bench: Bench) {
    let who = bench.member().await;
    let plans = bench.plans(&who).await.unwrap();
    assert!(plans.len() > 1 && plans.is_sorted_by_key(|plan| plan.price_micros), "{plans:?}");
    assert!(plans.contains(&bench.me(&who).await.unwrap().plan));
}

pub(crate) async fn the_store_answers(bench: Bench) {
    bench.ping().await.unwrap();
}

//! What platform administrators do, and nobody else.

use super::{Bench, Deed, first, missing, refusal};
use uuid::Uuid;
use voice_server::store::{NewTenant, NewUser, StoreError, Stored, TenantChange, TenantStatus, UserChange};
use voice_server::{Principal, Role, TenantId, UserId};

async fn administrator(bench: &Bench) -> (Principal, NewTenant) {
    let who = bench.somebody(Role::PlatformAdmin).await;
    let plan_id = bench.plans(&who).await.unwrap()[0].id;
    (who, NewTenant { name: "Clinic".into(), plan_id })
}

fn new_user(tenant_id: TenantId) -> NewUser {
    NewUser { id: UserId(Uuid::now_v7()), tenant_id, role: Role::Member, full_name: "Ada".into() }
}

pub(crate) async fn a_tenant_is_made_read_and_changed(bench: Bench) {
    let (who, new) = administrator(&bench).await;
    let made = bench.create_tenant(&who, &new).await.unwrap();
    assert_eq!((&made.name, made.plan_id, made.status), (&new.name, new.plan_id, TenantStatus::Active));
    assert_eq!((made.records_calls, made.retention_days, made.allowed_origins.len()), (false, 0, 0));
    assert_eq!(bench.tenant(&who, made.id).await.unwrap(), made);
    assert_eq!(bench.change_tenant(&who, made.id, &TenantChange::default()).await.unwrap(), made);
    let plan = bench.plans(&who).await.unwrap()[1].id;
    let change = TenantChange {
        name: Some("Surgery".into()),
        plan_id: Some(plan),
        status: Some(TenantStatus::Suspended),
        records_calls: Some(true),
        retention_days: Some(36_500),
        allowed_origins: Some(vec!["https://a.example".into(); 50]),
    };
    let changed = bench.change_tenant(&who, made.id, &change).await.unwrap();
    let expected = voice_server::store::Tenant {
        id: made.id,
        name: "Surgery".into(),
        plan_id: plan,
        status: TenantStatus::Suspended,
        records_calls: true,
        retention_days: 36_500,
        allowed_origins: vec!["https://a.example".into(); 50],
        created_at: made.created_at,
    };
    assert_eq!(changed, expected);
    let back = TenantChange { retention_days: Some(0), allowed_origins: Some(vec![]), ..TenantChange::default() };
    let back = bench.change_tenant(&who, made.id, &back).await.unwrap();
    assert_eq!((back.retention_days, back.allowed_origins.len(), back.name), (0, 0, "Surgery".into()));
}

pub(crate) async fn a_user_is_made_changed_and_removed(bench: Bench) {
    let (who, new) = administrator(&bench).await;
    let tenant = bench.create_tenant(&who, &new).await.unwrap().id;
    let new = new_user(tenant);
    let made = bench.create_user(&who, &new).await.unwrap();
    assert_eq!((made.id, made.tenant_id, made.role, &made.full_name), (new.id, tenant, Role::Member, &new.full_name));
    assert_eq!(bench.users(&who, tenant, first(9)).await.unwrap().items, std::slice::from_ref(&made));
    let change = UserChange { role: Some(Role::Admin), full_name: None };
    let changed = bench.change_user(&who, made.id, &change).await.unwrap();
    assert_eq!((changed.role, &changed.full_name), (Role::Admin, &made.full_name));
    let change = UserChange { role: None, full_name: Some(String::new()) };
    let changed = bench.change_user(&who, made.id, &change).await.unwrap();
    assert_eq!((changed.role, changed.full_name.as_str()), (Role::Admin, ""));
    assert_eq!(bench.standing(made.id).await.unwrap().unwrap().principal.role(), Role::Admin);
    // What they did stays when they go.
    let principal = bench.standing(made.id).await.unwrap().unwrap().principal;
    let call = super::made::placed_at(principal, 0);
    bench.write(&call.whole(1)).await.unwrap();
    bench.delete_user(&who, made.id).await.unwrap();
    assert_eq!(bench.standing(made.id).await.unwrap(), None);
    let colleague = bench.colleague_of(tenant, Role::Member).await;
    assert_eq!(bench.call(&colleague, call.id()).await.unwrap().call.user_id, made.id);
}

pub(crate) async fn what_cannot_be_is_refused(bench: Bench) {
    let (who, new) = administrator(&bench).await;
    let tenant = bench.create_tenant(&who, &new).await.unwrap().id;
    let user = bench.create_user(&who, &new_user(tenant)).await.unwrap();
    let (nowhere, nobody) = (TenantId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    assert_eq!(missing(bench.tenant(&who, nowhere).await), "tenant");
    assert_eq!(missing(bench.change_tenant(&who, nowhere, &TenantChange::default()).await), "tenant");
    assert_eq!(missing(bench.users(&who, nowhere, first(9)).await), "tenant");
    assert_eq!(missing(bench.change_user(&who, nobody, &UserChange::default()).await), "user");
    assert_eq!(missing(bench.delete_user(&who, nobody).await), "user");
    for name in [String::new(), "n".repeat(201)] {
        let new = NewTenant { name: name.clone(), ..new.clone() };
        assert!(refusal(bench.create_tenant(&who, &new).await).contains("name"));
        let change = TenantChange { name: Some(name), ..TenantChange::default() };
        assert!(refusal(bench.change_tenant(&who, tenant, &change).await).contains("name"));
    }
    let no_plan = NewTenant { plan_id: Uuid::now_v7(), ..new.clone() };
    assert!(refusal(bench.create_tenant(&who, &no_plan).await).contains("plan_id"));
    for (change, word) in [
        (TenantChange { plan_id: Some(Uuid::now_v7()), ..TenantChange::default() }, "plan_id"),
        (TenantChange { retention_days: Some(36_501), ..TenantChange::default() }, "retention_days"),
        (TenantChange { retention_days: Some(u32::MAX), ..TenantChange::default() }, "retention_days"),
        (TenantChange { allowed_origins: Some(vec![String::new(); 51]), ..TenantChange::default() }, "allowed_origins"),
    ] {
        assert!(refusal(bench.change_tenant(&who, tenant, &change).await).contains(word), "{word}");
    }
    assert!(refusal(bench.create_user(&who, &new_user(nowhere)).await).contains("tenant_id"));
    let again = NewUser { id: user.id, ..new_user(who.tenant()) };
    assert!(refusal(bench.create_user(&who, &again).await).contains("id"));
    let long = "n".repeat(201);
    let named = NewUser { full_name: long.clone(), ..new_user(tenant) };
    assert!(refusal(bench.create_user(&who, &named).await).contains("full_name"));
    let change = UserChange { full_name: Some(long), role: None };
    assert!(refusal(bench.change_user(&who, user.id, &change).await).contains("full_name"));
    assert_eq!(bench.users(&who, tenant, first(9)).await.unwrap().items, [user]);
}

fn forbidden<T: std::fmt::Debug>(answer: Stored<T>) {
    match answer {
        Err(StoreError::Forbidden { needed }) => assert_eq!(needed, "platform_admin"),
        other => panic!("{other:?} should be forbidden"),
    }
}

pub(crate) async fn nobody_else_administers(bench: Bench) {
    let (admin, new) = administrator(&bench).await;
    let tenant = bench.create_tenant(&admin, &new).await.unwrap();
    let user = bench.create_user(&admin, &new_user(tenant.id)).await.unwrap();
    let before = bench.deeds().await;
    for role in [Role::Member, Role::Admin] {
        let who = bench.colleague_of(tenant.id, role).await;
        forbidden(bench.tenants(&who, first(9)).await);
        forbidden(bench.tenant(&who, tenant.id).await);
        forbidden(bench.create_tenant(&who, &new).await);
        forbidden(bench.change_tenant(&who, tenant.id, &TenantChange::default()).await);
        forbidden(bench.users(&who, tenant.id, first(9)).await);
        forbidden(bench.create_user(&who, &new_user(tenant.id)).await);
        forbidden(bench.change_user(&who, user.id, &UserChange::default()).await);
        forbidden(bench.delete_user(&who, user.id).await);
        // Whether it is there or not.
        forbidden(bench.tenant(&who, TenantId(Uuid::now_v7())).await);
    }
    assert_eq!(bench.deeds().await, before);
    assert_eq!(bench.tenant(&admin, tenant.id).await.unwrap(), tenant);
}

pub(crate) async fn every_deed_is_recorded_with_what_it_did(bench: Bench) {
    let (who, new) = administrator(&bench).await;
    let id = bench.create_tenant(&who, &new).await.unwrap().id;
    bench.tenants(&who, first(9)).await.unwrap();
    bench.tenant(&who, id).await.unwrap();
    bench
        .change_tenant(&who, id, &TenantChange { records_calls: Some(true), ..TenantChange::default() })
        .await
        .unwrap();
    let user = bench.create_user(&who, &new_user(id)).await.unwrap().id;
    bench.users(&who, id, first(9)).await.unwrap();
    bench.change_user(&who, user, &UserChange { role: Some(Role::Admin), full_name: None }).await.unwrap();
    bench.delete_user(&who, user).await.unwrap();
    let deed = |action: &str, tenant: Option<TenantId>, subject: Option<UserId>| Deed {
        user: who.user().0,
        action: action.into(),
        tenant: tenant.map(|tenant| tenant.0),
        subject: subject.map(|user| user.0),
    };
    let expected = [
        deed("tenant.create", Some(id), None),
        deed("tenant.list", None, None),
        deed("tenant.read", Some(id), None),
        deed("tenant.change", Some(id), None),
        deed("user.create", Some(id), Some(user)),
        deed("user.list", Some(id), None),
        deed("user.change", Some(id), Some(user)),
        deed("user.delete", Some(id), Some(user)),
    ];
    assert_eq!(bench.deeds().await, expected);
}

pub(crate) async fn what_was_not_done_is_not_recorded(bench: Bench) {
    let (who, new) = administrator(&bench).await;
    refusal(bench.create_tenant(&who, &NewTenant { name: String::new(), ..new }).await);
    missing(bench.tenant(&who, TenantId(Uuid::now_v7())).await);
    missing(bench.delete_user(&who, UserId(Uuid::now_v7())).await);
    assert_eq!(bench.deeds().await, []);
}

pub(crate) async fn a_suspended_tenant_says_so_at_once(bench: Bench) {
    let (admin, _) = administrator(&bench).await;
    let who = bench.member().await;
    for status in [TenantStatus::Suspended, TenantStatus::Active] {
        let change = TenantChange { status: Some(status), ..TenantChange::default() };
        bench.change_tenant(&admin, who.tenant(), &change).await.unwrap();
        assert_eq!(bench.standing(who.user()).await.unwrap().unwrap().status, status);
        assert_eq!(bench.me(&who).await.unwrap().tenant.status, status);
    }
}
